/// Writes little-endian numbers.
struct PeerWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ value: UInt8) { bytes.append(value) }

    mutating func append(_ value: some FixedWidthInteger) {
        var value = value.littleEndian
        for _ in 0..<(value.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: value))
            value >>= 8
        }
    }

    mutating func append(_ values: [UInt8]) { bytes += values }

    /// A section: its kind, the length of its content, the content.
    mutating func section(_ kind: UInt32, _ content: (inout PeerWriter) -> Void) {
        append(kind)
        let lengthAt = bytes.count
        append(UInt32(0))
        content(&self)
        var length = UInt32(bytes.count - lengthAt - 4)
        for index in lengthAt..<(lengthAt + 4) {
            bytes[index] = UInt8(truncatingIfNeeded: length)
            length >>= 8
        }
    }
}

/// Reads little-endian numbers of a datagram, never past its end.
struct PeerReader {
    private let source: [UInt8]
    private var range: Range<Int>

    init(_ source: [UInt8], _ range: Range<Int>) {
        self.source = source
        self.range = range
    }

    var isAtEnd: Bool { range.isEmpty }
    /// Bytes that are left.
    var left: Int { range.count }

    mutating func byte() -> UInt8? {
        guard let index = range.first else { return nil }
        range = (index + 1)..<range.upperBound
        return source[index]
    }

    mutating func word16() -> UInt16? { number(2).map { UInt16($0) } }
    mutating func word32() -> UInt32? { number(4).map { UInt32($0) } }
    mutating func word64() -> UInt64? { number(8) }

    mutating func words64(_ count: Int) -> [UInt64]? {
        guard count >= 0, count <= left / 8 else { return nil }
        return (0..<count).compactMap { _ in number(8) }
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        piece(count).map { Array($0.source[$0.range]) }
    }

    /// The next bytes as something to read of its own.
    mutating func piece(_ count: Int) -> PeerReader? {
        guard count >= 0, count <= left else { return nil }
        let end = range.lowerBound + count
        defer { range = end..<range.upperBound }
        return PeerReader(source, range.lowerBound..<end)
    }

    private mutating func number(_ count: Int) -> UInt64? {
        guard left >= count else { return nil }
        var value: UInt64 = 0
        for offset in 0..<count { value |= UInt64(source[range.lowerBound + offset]) << UInt64(8 * offset) }
        range = (range.lowerBound + count)..<range.upperBound
        return value
    }
}
