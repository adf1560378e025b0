import Testing

@testable import SimulatedWorker

@Suite("Prompt blocks")
struct PromptHasherTests {
    private func hasher(_ pieces: String...) -> PromptHasher {
        var hasher = PromptHasher(blockTokens: 4)
        for piece in pieces { hasher.append(piece) }
        return hasher
    }

    @Test("A token is four bytes, a rest counts as one")
    func countsTokens() {
        #expect(hasher("").tokens == 0)
        #expect(hasher("abcd").tokens == 1)
        #expect(hasher("abcde").tokens == 2)
    }

    @Test("Blocks do not depend on how the text was cut into pieces")
    func piecesDoNotMatter() {
        let text = String(repeating: "0123456789abcdef", count: 5) + "rest"
        let whole = hasher(text)
        #expect(whole.blocks.count == 5)
        for cut in stride(from: 1, to: text.count, by: 7) {
            let pieces = hasher(String(text.prefix(cut)), String(text.dropFirst(cut)))
            #expect(pieces.blocks == whole.blocks)
            #expect(pieces.digest == whole.digest)
        }
    }

    @Test("The same block behind another prefix has another hash")
    func chained() {
        let block = "0123456789abcdef"
        let twice = hasher(block + block)
        #expect(twice.blocks[0] != twice.blocks[1])
        #expect(hasher("fedcba9876543210" + block).blocks[1] != twice.blocks[1])
        #expect(hasher(block).blocks[0] == twice.blocks[0])
    }
}
