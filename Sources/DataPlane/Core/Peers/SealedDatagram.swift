/// A ``PeerDatagram`` between hosts: what it says is not secret, but nobody without the key can write or change it.
///
/// A header of 40 bytes, the payload, and 16 bytes that authenticate both, all numbers little-endian. It fits into one packet
/// of any usual network, as fragments of IP get lost together.
struct SealedDatagram: Equatable {
    static let bytesMax = 1_400
    static let headerBytes = 40
    static let codeBytes = 16
    static let payloadBytesMax = bytesMax - headerBytes - codeBytes
    private static let magic: UInt32 = 0x3153_4253
    private static let version: UInt32 = 1

    /// The run of the data plane that sealed it.
    var sender: PeerID
    /// Grows with each datagram of the sender, from 1.
    var counter: UInt64
    /// When it was sealed, in milliseconds since 1970.
    var milliseconds: UInt64
    var payload: [UInt8]

    init(sender: PeerID, counter: UInt64, milliseconds: UInt64, payload: [UInt8]) {
        self.sender = sender
        self.counter = counter
        self.milliseconds = milliseconds
        self.payload = payload
    }

    func sealed(with key: PeerKey) -> [UInt8] {
        var writer = PeerWriter()
        writer.append(SealedDatagram.magic)
        writer.append(SealedDatagram.version)
        writer.append(key.id)
        writer.append(sender.value)
        writer.append(counter)
        writer.append(milliseconds)
        writer.append(payload)
        writer.append(key.code(for: writer.bytes[...]))
        return writer.bytes
    }

    /// Opens a datagram that one of `keys` has sealed.
    init(opening bytes: [UInt8], with keys: [PeerKey]) throws(PeerRefusal) {
        let end = bytes.count - SealedDatagram.codeBytes
        guard end >= SealedDatagram.headerBytes, bytes.count <= SealedDatagram.bytesMax else { throw .malformed }
        var reader = PeerReader(bytes, 0..<end)
        guard reader.word32() == SealedDatagram.magic, reader.word32() == SealedDatagram.version,
            let keyID = reader.word64(), let sender = reader.word64(), let counter = reader.word64(),
            let milliseconds = reader.word64(), let payload = reader.bytes(reader.left)
        else { throw .malformed }
        guard let key = keys.first(where: { $0.id == keyID }) else { throw .unknownKey }
        guard SealedDatagram.areEqual(key.code(for: bytes[..<end]), bytes[end...]) else { throw .forged }
        self.init(sender: PeerID(sender), counter: counter, milliseconds: milliseconds, payload: payload)
    }

    /// Looks at every byte, so that the time it takes does not tell how many were right.
    private static func areEqual(_ code: [UInt8], _ other: ArraySlice<UInt8>) -> Bool {
        guard code.count == other.count else { return false }
        return zip(code, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Why a datagram of another host is not taken.
public enum PeerRefusal: String, Error, CaseIterable, Sendable {
    /// It is none of this protocol, or of another version of it.
    case malformed
    case unknownKey = "unknown key"
    /// Its code is wrong.
    case forged
    /// It was sealed too long ago, or the clocks of the two hosts differ.
    case late
    /// It, or a much newer one, was accepted before.
    case replayed
    /// There are more senders than are remembered.
    case crowded
}
