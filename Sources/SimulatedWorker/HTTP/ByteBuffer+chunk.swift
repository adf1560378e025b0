import NIOCore

extension ByteBuffer {
    /// Room for the size line of a chunk: 8 hexadecimal digits and the line end.
    private static let sizeLineBytes = 10

    /// A buffer that holds one HTTP chunk around what `write` writes.
    ///
    /// The size line is put before the data afterwards, so that the data is written only once.
    static func chunk(allocator: ByteBufferAllocator, capacity: Int, _ write: (inout ByteBuffer) -> Void) -> ByteBuffer
    {
        var buffer = allocator.buffer(capacity: capacity + sizeLineBytes + 2)
        buffer.moveWriterIndex(to: sizeLineBytes)
        buffer.moveReaderIndex(to: sizeLineBytes)
        write(&buffer)
        var rest = UInt32(truncatingIfNeeded: buffer.readableBytes)
        buffer.setInteger(UInt16(0x0D0A), at: sizeLineBytes - 2)
        var start = sizeLineBytes - 2
        repeat {
            start -= 1
            buffer.setInteger(hexadecimalDigit(UInt8(rest & 15)), at: start)
            rest >>= 4
        } while rest > 0
        buffer.moveReaderIndex(to: start)
        buffer.writeStaticString("\r\n")
        return buffer
    }
}
