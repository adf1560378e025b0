/// A text that was written into the program, so that remembering it costs nothing.
struct StaticText: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    private let text: StaticString

    init(stringLiteral text: StaticString) {
        self.text = text
    }

    var description: String { text.description }

    static func == (one: StaticText, other: StaticText) -> Bool {
        one.description == other.description
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(description)
    }
}
