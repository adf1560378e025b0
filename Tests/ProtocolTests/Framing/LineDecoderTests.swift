import SignalboxProtocol
import Testing

struct LineDecoderTests {
    @Test("Lines come out whole, wherever the stream was cut", arguments: 1...7)
    func cuts(pieceBytes: Int) throws {
        let stream = Array("{\"a\":1}\n\n{\"b\":2}\nrest".utf8)
        var decoder = LineDecoder()
        var lines: [String] = []
        var start = 0
        while start < stream.count {
            let end = min(start + pieceBytes, stream.count)
            decoder.append(Array(stream[start..<end]))
            while let line = try decoder.next() { lines.append(String(decoding: line, as: UTF8.self)) }
            start = end
        }
        #expect(lines == ["{\"a\":1}\n", "\n", "{\"b\":2}\n"])
        #expect(decoder.bufferedBytes == 4)
    }

    @Test("A line of exactly the limit passes, one byte more fails for good")
    func limit() throws {
        var decoder = LineDecoder(bytesMax: 4)
        decoder.append(Array("abc\n".utf8))
        #expect(try decoder.next() == Array("abc\n".utf8))
        decoder.append(Array("abcd".utf8))
        #expect(throws: LineTooLong(bytesMax: 4)) { try decoder.next() }
        decoder.append(Array("\n".utf8))
        #expect(throws: LineTooLong(bytesMax: 4)) { try decoder.next() }
    }

    @Test("A long stream of short lines does not pile up memory")
    func memory() throws {
        var decoder = LineDecoder()
        for _ in 0..<10_000 {
            decoder.append(Array("{\"type\":\"heartbeat\"}\n{".utf8))
            decoder.append(Array("}\n".utf8))
            _ = try decoder.next()
            _ = try decoder.next()
            #expect(decoder.bufferedBytes == 0)
        }
    }
}
