import Crypto
public import SignalboxProtocol

/// A secret that data planes of several hosts share: who has it may tell the others what is in flight.
public struct PeerKey: Sendable, Equatable {
    /// Names the key in datagrams. Drawn from the secret, so that nobody has to number keys.
    let id: UInt64
    private let secret: SymmetricKey

    /// Nil when the secret is too short.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count >= PeerKeyLines.keyBytesMin else { return nil }
        secret = SymmetricKey(data: Array(bytes))
        let code = HMAC<SHA256>.authenticationCode(for: Array("signalbox peer key id".utf8), using: secret)
        id = code.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// What proves that `bytes` came from somebody with the key: half of their HMAC with SHA-256 (RFC 2104, section 5).
    func code(for bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: secret).prefix(SealedDatagram.codeBytes))
    }

    /// The keys as they are computed with, in the same order.
    public static func keys(_ lines: PeerKeyLines) -> [PeerKey] {
        lines.keys.compactMap { PeerKey($0.revealed.utf8) }
    }
}
