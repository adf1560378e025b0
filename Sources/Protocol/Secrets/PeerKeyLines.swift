/// The keys that data planes of several hosts share, as the lines of a key file: datagrams are sealed with the first one and
/// opened with each, so that keys can be changed one host after the other.
public struct PeerKeyLines: Hashable, Sendable {
    /// Fewest bytes of a key.
    public static let keyBytesMin = 32
    /// The one that is used, and the one before it or after it.
    public static let keysMax = 2
    /// Longest key file.
    public static let fileBytesMax = 4_096

    public let keys: [Secret]

    /// Nobody has a key.
    public static let none = PeerKeyLines(unchecked: [])

    private init(unchecked keys: [Secret]) {
        self.keys = keys
    }

    /// Reads a key file: one key on each line, in visible ASCII characters.
    public init(file: [UInt8]) throws(PeerKeyError) {
        var keys: [Secret] = []
        for line in file.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let key = try PeerKeyLines.checked(line)
            if !keys.contains(key) { keys.append(key) }
        }
        guard !keys.isEmpty else { throw PeerKeyError("it has no key") }
        try self.init(keys)
    }

    /// Takes keys that came over the wire; none at all is allowed.
    public init(_ keys: [Secret]) throws(PeerKeyError) {
        guard keys.count <= PeerKeyLines.keysMax else {
            throw PeerKeyError("it has \(keys.count) keys, at most \(PeerKeyLines.keysMax) are used")
        }
        for key in keys { _ = try PeerKeyLines.checked(key.revealed.utf8) }
        self.keys = keys
    }

    private static func checked(_ line: some Collection<UInt8>) throws(PeerKeyError) -> Secret {
        guard line.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw PeerKeyError("a key consists of visible ASCII characters without spaces")
        }
        guard line.count >= keyBytesMin else {
            throw PeerKeyError("a key has \(line.count) bytes, at least \(keyBytesMin) are needed")
        }
        return Secret(String(decoding: line, as: UTF8.self))
    }
}

/// Why keys cannot be used, as the end of a sentence; says nothing of the keys themselves.
public struct PeerKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
