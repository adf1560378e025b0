/// Cuts a stream of bytes into lines (NDJSON). Bytes go in as they arrive, in pieces of any size.
///
/// Memory is bounded by the longest line allowed. Once a line was too long the stream cannot be trusted any more:
/// every further call throws.
public struct LineDecoder: Sendable {
    /// Longest line of the protocol in bytes, line feed included: 64 MiB hold a snapshot of about 200,000 workers.
    public static let protocolBytesMax = 64 * 1024 * 1024

    private let bytesMax: Int
    private var buffer: [UInt8] = []
    /// Where the next line begins in `buffer`.
    private var start = 0
    /// How far `buffer` has been searched for a line feed.
    private var searched = 0
    private var failed = false

    public init(bytesMax: Int = LineDecoder.protocolBytesMax) {
        precondition(bytesMax > 0, "bytesMax must be positive, is \(bytesMax)")
        self.bytesMax = bytesMax
    }

    /// Bytes held that do not make a line yet.
    public var bufferedBytes: Int { buffer.count - start }

    /// Takes bytes that arrived.
    public mutating func append(_ bytes: Span<UInt8>) {
        if start > 0 && start >= buffer.count / 2 {
            buffer.removeSubrange(..<start)
            searched -= start
            start = 0
        }
        bytes.withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
    }

    /// Takes bytes that arrived.
    public mutating func append(_ bytes: [UInt8]) {
        append(bytes.span)
    }

    /// The next whole line with its line feed, or nil when more bytes are needed.
    public mutating func next() throws(LineTooLong) -> [UInt8]? {
        if failed { throw LineTooLong(bytesMax: bytesMax) }
        while searched < buffer.count && buffer[searched] != 0x0A { searched += 1 }
        if searched - start >= bytesMax {
            failed = true
            buffer = []
            start = 0
            searched = 0
            throw LineTooLong(bytesMax: bytesMax)
        }
        guard searched < buffer.count else { return nil }
        searched += 1
        let line = Array(buffer[start..<searched])
        start = searched
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 64 * 1024)
            start = 0
            searched = 0
        }
        return line
    }
}

/// A line exceeded the limit; the connection that sent it must be closed.
public struct LineTooLong: Error, Hashable, Sendable, CustomStringConvertible {
    public var bytesMax: Int

    public init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    public var description: String { "A line is longer than \(bytesMax) bytes." }
}
