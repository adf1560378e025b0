/// Bytes under construction: a head being written, a body being held, output that waits for a socket.
///
/// It wraps an array and copies in bulk.
public struct ByteBuffer: Sendable {
    public private(set) var storage: [UInt8]

    public init() {
        storage = []
    }

    public init(_ text: StaticString) {
        storage = []
        append(text)
    }

    /// Not for literals: they are `StaticString`, which is copied without asking how it is stored.
    @_disfavoredOverload
    public init(_ text: String) {
        storage = Array(text.utf8)
    }

    public var count: Int { storage.count }
    public var isEmpty: Bool { storage.isEmpty }
    public var capacity: Int { storage.capacity }

    /// Forgets the content and keeps the memory for the next use.
    public mutating func clear() {
        storage.removeAll(keepingCapacity: true)
    }

    public mutating func reserve(_ bytes: Int) {
        storage.reserveCapacity(bytes)
    }

    public mutating func append(_ byte: UInt8) {
        storage.append(byte)
    }

    public mutating func append(_ bytes: borrowing Span<UInt8>) {
        storage.append(copying: bytes)
    }

    /// Appends `bytes` and CR LF, as a line of a head or the content of a chunk needs it.
    public mutating func append(line bytes: borrowing Span<UInt8>) {
        storage.append(copying: bytes, thenLineEnd: true)
    }

    public mutating func append(_ text: StaticString) {
        text.withSpan { storage.append(copying: $0) }
    }

    /// Not for literals: they are `StaticString`, which is copied without asking how it is stored.
    @_disfavoredOverload
    public mutating func append(_ text: String) {
        storage.append(contentsOf: text.utf8)
    }

    public mutating func append(_ other: borrowing ByteBuffer) {
        storage.append(copying: other.storage.span)
    }

    /// Drops the first `bytes` bytes.
    public mutating func removeFirst(_ bytes: Int) {
        storage.removeSubrange(0..<bytes)
    }

    /// Writes a number without sign in decimal.
    public mutating func appendDecimal(_ value: Int) {
        precondition(value >= 0, "only numbers without sign are written, not \(value)")
        var digits = InlineArray<20, UInt8>(repeating: ASCII.zero)
        var first = digits.count
        var rest = UInt(value)
        repeat {
            first -= 1
            digits[first] = ASCII.zero + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        storage.append(copying: digits.span.extracting(first..<digits.count))
    }

    /// Writes a number without sign in hexadecimal, lower case.
    public mutating func appendHexadecimal(_ value: Int) {
        precondition(value >= 0, "only numbers without sign are written, not \(value)")
        var digits = InlineArray<16, UInt8>(repeating: ASCII.zero)
        var first = digits.count
        var rest = UInt(value)
        repeat {
            first -= 1
            let digit = UInt8(truncatingIfNeeded: rest & 0xF)
            digits[first] = digit < 10 ? 0x30 + digit : 0x57 + digit
            rest >>= 4
        } while rest > 0
        storage.append(copying: digits.span.extracting(first..<digits.count))
    }
}
