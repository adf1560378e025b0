import Crypto

/// A secret that data planes of several hosts share: who has it may tell the others what is in flight.
public struct PeerKey: Sendable, Equatable {
    /// Fewest bytes of a secret.
    public static let secretBytesMin = 32
    /// Keys of one file: the one that is used, and the one before it or after it.
    public static let keysMax = 2

    /// Names the key in datagrams. Drawn from the secret, so that nobody has to number keys.
    let id: UInt64
    private let secret: SymmetricKey

    /// Nil when the secret is too short.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count >= PeerKey.secretBytesMin else { return nil }
        secret = SymmetricKey(data: Array(bytes))
        let code = HMAC<SHA256>.authenticationCode(for: Array("signalbox peer key id".utf8), using: secret)
        id = code.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// What proves that `bytes` came from somebody with the key: half of their HMAC with SHA-256 (RFC 2104, section 5).
    func code(for bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: secret).prefix(SealedDatagram.codeBytes))
    }

    /// Reads a key file: one key on each line, in visible ASCII characters; datagrams are sent with the first one and
    /// accepted with each.
    public static func keys(of file: [UInt8]) throws(PeerKeyError) -> [PeerKey] {
        var keys: [PeerKey] = []
        for line in file.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard line.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw PeerKeyError("a key consists of visible ASCII characters without spaces")
            }
            guard let key = PeerKey(line) else {
                throw PeerKeyError("a key has \(line.count) bytes, at least \(secretBytesMin) are needed")
            }
            if !keys.contains(key) { keys.append(key) }
        }
        guard !keys.isEmpty else { throw PeerKeyError("it has no key") }
        guard keys.count <= keysMax else {
            throw PeerKeyError("it has \(keys.count) keys, at most \(keysMax) are used")
        }
        return keys
    }
}

/// Why a key file cannot be used, as the end of a sentence.
public struct PeerKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
