import Testing

@testable import DataPlaneCore

struct ByteBufferTests {
    private func text(_ build: (inout ByteBuffer) -> Void) -> String {
        var buffer = ByteBuffer()
        build(&buffer)
        return String(decoding: buffer.storage, as: UTF8.self)
    }

    @Test(
        "Numbers are written as Swift writes them",
        arguments: [0, 1, 9, 10, 15, 16, 99, 100, 255, 256, 4096, 65_535, 1 << 32, 999_999_999_999_999_999, Int.max]
    )
    func numbers(value: Int) {
        #expect(text { $0.appendDecimal(value) } == String(value))
        #expect(text { $0.appendHexadecimal(value) } == String(value, radix: 16))
    }

    @Test("A negative number ends the process instead of being written as something else")
    func negative() async {
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer()
            buffer.appendDecimal(-1)
        }
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer()
            buffer.appendHexadecimal(-1)
        }
    }

    @Test("What is appended stands there in order, whatever it was")
    func order() {
        let name = "wörker"
        let bytes: [UInt8] = [0x61, 0x62]
        let result = text { buffer in
            buffer.append("GET ")
            buffer.append(name)
            buffer.append(0x3A)
            buffer.append(line: bytes.span)
            buffer.append(line: bytes.span.extracting(0..<0))
            buffer.append(bytes.span)
            buffer.append(ByteBuffer(name))
        }
        #expect(result == "GET wörker:ab\r\n\r\nabwörker")
    }

    @Test("Bytes of every length are copied whole, over every growth of the memory")
    func growth() {
        var buffer = ByteBuffer()
        var expected: [UInt8] = []
        for length in 0..<300 {
            let piece = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ length) }
            buffer.append(piece.span)
            expected += piece
        }
        #expect(buffer.storage == expected)
        buffer.removeFirst(1000)
        #expect(buffer.storage == Array(expected[1000...]))
        let capacity = buffer.capacity
        buffer.clear()
        #expect(buffer.isEmpty)
        #expect(buffer.capacity == capacity)
    }
}
