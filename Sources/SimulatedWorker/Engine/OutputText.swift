/// The text that the engine invents: the same for the same prompt, so that tests can compare answers.
struct OutputText: Sendable {
    /// Words of three letters: with a space each is one token of 4 bytes.
    private static let words: [String] = [
        "the ", "sun ", "and ", "sea ", "saw ", "one ", "red ", "fox ", "run ", "far ", "off ", "for ", "its ", "own ",
        "old ", "den ", "few ", "men ", "who ", "can ", "see ", "how ", "any ", "day ", "may ", "end ", "but ", "not ",
        "all ", "was ", "yet ", "new ",
    ]

    private let seed: Int

    /// The text that belongs to a prompt.
    init(prompt: PromptHasher) {
        seed = Int(prompt.digest & 0xFFFF)
    }

    /// The token at `position`, from 0.
    func token(_ position: Int) -> String {
        OutputText.words[(seed &+ position &* 7 &+ position / 32) & 31]
    }

    /// The number of the token at `position`, as `output_ids` show it.
    func tokenNumber(_ position: Int) -> Int {
        1000 + (seed &+ position &* 7 &+ position / 32) & 31
    }

    /// The first `tokens` tokens as one text.
    func text(tokens: Int) -> String {
        var text = ""
        text.reserveCapacity(tokens * PromptHasher.tokenBytes)
        for position in 0..<max(0, tokens) { text += token(position) }
        return text
    }
}
