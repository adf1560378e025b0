import Testing

@testable import DataPlaneCore

/// The fast way through strings finds the same bytes as reading one by one.
struct JSONTextTests {
    static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5C }

    @Test("each byte at each place of a block is found, unless it is plain text", arguments: 0..<ByteBlock.count)
    func findsTheFirstSpecialByte(place: Int) {
        for byte in UInt8.min...UInt8.max {
            var bytes = SIMD16<UInt8>(repeating: 0x61)
            bytes[place] = byte
            let expected = JSONTextTests.isPlain(byte) ? ByteBlock.count : place
            #expect(ByteBlock(bytes: bytes).plainTextPrefix == expected)
            // What stands behind the first one does not matter.
            for behind in place + 1..<max(place + 1, ByteBlock.count) { bytes[behind] = 0x5C }
            let first = JSONTextTests.isPlain(byte) && place < ByteBlock.count - 1 ? place + 1 : expected
            #expect(ByteBlock(bytes: bytes).plainTextPrefix == first)
        }
    }

    @Test("a quotation mark is found at each place of texts of each length, and nothing is read behind the end")
    func findsTheEnd() {
        for length in 0...70 {
            for place in 0...length {
                var text = [UInt8](repeating: 0x61, count: length)
                if place < length { text[place] = 0x22 }
                let end = JSONText.end(text.span, from: 0)
                #expect(end <= place)
                // Only the last seven bytes may be left to be read one by one.
                #expect(end == place || end > length - ByteWord.count)
            }
        }
    }

    @Test(
        "it never ends in the middle of an escape or of a multi-byte sequence",
        arguments: ["\\n", "\\u00e9", "é", "天", "😀"]
    )
    func endsBetween(unit: String) {
        let unit = Array(unit.utf8)
        for before in 0...40 {
            let text = [UInt8](repeating: 0x61, count: before) + unit + unit + Array("b".utf8) + unit + [0x22]
            let starts = [before, before + unit.count, before + 2 * unit.count + 1]
            let end = JSONText.end(text.span, from: 0)
            for start in starts { #expect(!(start + 1..<start + unit.count).contains(end)) }
        }
    }

    @Test(
        "it stops at what is not valid",
        arguments: [[0x5C, 0x78], [0x5C, 0x75, 0x30, 0x30, 0x67, 0x30], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x1F]]
    )
    func stops(invalid: [UInt8]) {
        for before in 0...40 {
            let text = [UInt8](repeating: 0x61, count: before) + invalid + [UInt8](repeating: 0x61, count: 40)
            #expect(JSONText.end(text.span, from: 0) == before)
        }
    }

    @Test("the bits of sixty-four bytes are those of the bytes", arguments: 0..<64)
    func specialBits(place: Int) {
        for byte in UInt8.min...UInt8.max {
            var bytes = [UInt8](repeating: 0x61, count: 70)
            bytes[place + 3] = byte
            bytes[2] = 0x22
            bytes[67] = 0x22
            let expected: UInt64 = JSONTextTests.isPlain(byte) ? 0 : 1 << UInt64(place)
            #expect(bytes.span.specialBits(at: 3) == expected)
        }
    }

    @Test("in long random strings it stops where reading one by one does, or in the last bytes")
    func longStrings() {
        var random = SplitMix64(seed: 4)
        let units = ["a", "word ", #"\n"#, #"\""#, #"\\"#, #"\u00e9"#, "é", "天", "天気", "😀", "Привет", " "].map {
            Array($0.utf8)
        }
        let ends: [[UInt8]] = [
            [0x22], [0x0A], [0x5C, 0x78], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80, 0xE5, 0xA4, 0xA9], [],
        ]
        for _ in 0..<3_000 {
            var text: [UInt8] = []
            for _ in 0..<random.next() % 120 { text += units[Int(random.next() % UInt64(units.count))] }
            let place = text.count
            let end = ends[Int(random.next() % UInt64(ends.count))]
            text += end
            for _ in 0..<random.next() % 30 { text += units[Int(random.next() % UInt64(units.count))] }
            let found = JSONText.end(text.span, from: 0)
            if end.isEmpty {
                #expect(found > text.count - ByteWord.count)
            } else {
                #expect(found == place || found <= place && found > text.count - ByteWord.count)
            }
        }
    }

    @Test("Each byte is a simple escape exactly when it has a meaning")
    func escapes() {
        for byte in UInt8.min...UInt8.max {
            #expect(ASCII.isSimpleEscape(byte) == (ASCII.meaning(ofEscape: byte) != nil))
        }
    }
}
