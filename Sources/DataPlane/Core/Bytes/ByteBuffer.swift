/// Bytes under construction: a head being written, a body being held, output that waits for a socket.
///
/// It wraps an array so that the one place which copies from borrowed memory in bulk is here.
public struct ByteBuffer: Sendable {
    public private(set) var storage: [UInt8]

    public init() {
        storage = []
    }

    public init(_ text: StaticString) {
        storage = []
        append(text)
    }

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
        bytes.withUnsafeBufferPointer { storage.append(contentsOf: $0) }
    }

    public mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { storage.append(contentsOf: $0) }
    }

    public mutating func append(_ text: String) {
        storage.append(contentsOf: text.utf8)
    }

    public mutating func append(_ other: borrowing ByteBuffer) {
        storage.append(contentsOf: other.storage)
    }

    /// Drops the first `bytes` bytes.
    public mutating func removeFirst(_ bytes: Int) {
        storage.removeSubrange(0..<bytes)
    }

    /// Writes a number without sign in decimal.
    public mutating func appendDecimal(_ value: Int) {
        appendDigits(value, base: 10)
    }

    /// Writes a number without sign in hexadecimal, lower case.
    public mutating func appendHexadecimal(_ value: Int) {
        appendDigits(value, base: 16)
    }

    private mutating func appendDigits(_ value: Int, base: Int) {
        precondition(value >= 0, "only numbers without sign are written, not \(value)")
        var divisor = 1
        while value / divisor >= base { divisor *= base }
        while divisor > 0 {
            let digit = UInt8(truncatingIfNeeded: value / divisor % base)
            storage.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            divisor /= base
        }
    }
}
