import Testing

@testable import DataPlaneCore

struct ByteWordTests {
    /// Every byte at every place, between neighbours that would show a carry.
    private func forEveryByte(_ check: (_ byte: UInt8, _ word: ByteWord, _ place: Int) -> Void) {
        for byte in UInt8.min...UInt8.max {
            for neighbour: UInt64 in [0x00, 0x61, 0x7F, 0x80, 0xFF] {
                for place in 0..<ByteWord.count {
                    let others = 0x0101_0101_0101_0101 &* neighbour & ~(0xFF << UInt64(place * 8))
                    check(byte, ByteWord(bits: others | UInt64(byte) << UInt64(place * 8)), place)
                }
            }
        }
    }

    private func isMarked(_ marks: UInt64, _ place: Int) -> Bool {
        marks >> UInt64(place * 8 + 7) & 1 == 1
    }

    @Test("Each byte is marked by its own value alone, and only by its highest bit")
    func marks() {
        forEveryByte { byte, word, place in
            let isName = byte == 0x2D || ASCII.isLetter(byte) || ASCII.isDigit(byte)
            #expect(isMarked(word.nameMarks, place) == isName)
            #expect(isMarked(ByteWord.others(word.nameMarks), place) != isName)
            #expect(isMarked(word.controlMarks, place) == (byte < 0x20 || byte == 0x7F))
            #expect(isMarked(word.marks(of: ASCII.lineFeed), place) == (byte == ASCII.lineFeed))
            #expect(isMarked(word.marks(of: 0), place) == (byte == 0))
            let all = word.nameMarks | word.controlMarks | word.marks(of: byte & 0x7F)
            #expect(all & 0x7F7F_7F7F_7F7F_7F7F == 0)
        }
    }

    @Test("Lower case changes the letters A to Z and nothing else")
    func lowercase() {
        forEveryByte { byte, word, place in
            let others = ~(0xFF << UInt64(place * 8)) as UInt64
            #expect(UInt8(truncatingIfNeeded: word.lowercased.bits >> UInt64(place * 8)) == ASCII.lowercased(byte))
            #expect(word.lowercased.bits & others == word.bits & others)
        }
    }

    @Test("The first mark is the one of the lowest byte, and eight says that there is none")
    func firstMarked() {
        #expect(ByteWord.firstMarked(0) == 8)
        #expect(ByteWord.firstMarked(0x8080_0000_0080_0000) == 2)
        #expect(ByteWord.firstMarked(0x8000_0000_0000_0000) == 7)
    }

    @Test("A word is loaded with its first byte lowest")
    func load() {
        let bytes: [UInt8] = [9, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        let word = bytes.span.word(at: 1)
        #expect(word == ByteWord(bits: 0x0807_0605_0403_0201))
    }

    @Test(
        "A word that is not wholly in bounds ends the process instead of being read",
        arguments: [-1, 3, 10, Int.max]
    )
    func bounds(index: Int) async {
        await #expect(processExitsWith: .failure) { [index] in
            let bytes: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
            _ = bytes.span.word(at: index)
        }
    }
}
