import NIOCore

/// Writes a body of any length whose byte at position `i` is `(i * 31 + 7) & 255`, never more than the client takes.
final class BlobExchange: ActiveExchange {
    /// Bytes in one part: a multiple of the pattern's period of 256.
    private static let partBytes = 65_536
    /// Longest body: 64 GiB.
    static let bytesMax = 64 << 30

    private static let pattern: ByteBuffer = {
        var buffer = ByteBuffer()
        buffer.writeBytes((0..<partBytes).map { UInt8(truncatingIfNeeded: $0 * 31 + 7) })
        return buffer
    }()

    private let writer: ResponseWriter
    private var rest: Int
    private var isWriting = false

    init(writer: ResponseWriter, bytes: Int) {
        self.writer = writer
        rest = bytes
    }

    /// Begins to write, in chunks or with the length told before.
    func start(isChunked: Bool) {
        writer.startBody(length: isChunked ? nil : rest)
        write()
    }

    func writabilityChanged() {
        write()
    }

    func connectionClosed() {}

    private func write() {
        guard !isWriting else { return }
        isWriting = true
        defer { isWriting = false }
        while rest > 0, writer.isWritable, !writer.isStopped {
            let bytes = min(rest, BlobExchange.partBytes)
            rest -= bytes
            let pattern = BlobExchange.pattern
            writer.writeBody(pattern.getSlice(at: pattern.readerIndex, length: bytes) ?? pattern)
        }
        if rest == 0 { writer.endBody() }
    }
}
