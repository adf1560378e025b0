/// The bytes of one run, taken from the front; behind their end everything is zero.
struct FuzzInput {
    private let bytes: [UInt8]
    private var position = 0

    init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        bytes = Array(UnsafeBufferPointer(start: start, count: count))
    }

    var isAtEnd: Bool { position == bytes.count }

    /// The next byte, or 0 behind the end.
    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next `count` bytes, or as many as there are.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let end = min(position + count, bytes.count)
        defer { position = end }
        return Array(bytes[position..<end])
    }

    /// Everything that is left.
    mutating func rest() -> [UInt8] { bytes(bytes.count) }
}
