/// Which objects of Kubernetes are meant, by their labels: the equality-based and the set-based syntax that `kubectl -l`
/// takes, for example `app=sglang,tier in (gpu, tpu),!canary`.
///
/// The rules of keys and values are those of Kubernetes ("Labels and Selectors").
public struct LabelSelector: Hashable, Sendable, CustomStringConvertible {
    /// Longest accepted text in bytes; it travels in the request line.
    public static let bytesMax = 4096

    public let requirements: [LabelRequirement]

    /// Reads requirements that must all hold; each text may hold several, separated by commas.
    public init(_ texts: [String]) throws(LabelSelectorError) {
        let text = texts.joined(separator: ",")
        guard text.utf8.count <= LabelSelector.bytesMax else {
            throw LabelSelectorError(message: "has more than \(LabelSelector.bytesMax) bytes")
        }
        var requirements: [LabelRequirement] = []
        for part in LabelSelector.parts(of: text) {
            requirements.append(try LabelRequirement(part))
        }
        self.requirements = requirements
    }

    /// One that matches nothing, as an empty `--selector` does: matching every pod would hardly ever be meant.
    public var isEmpty: Bool { requirements.isEmpty }

    public func matches(_ labels: [String: String]) -> Bool {
        !isEmpty && requirements.allSatisfy { $0.matches(labels) }
    }

    /// The form that Kubernetes reads.
    public var description: String { requirements.map(\.description).joined(separator: ",") }

    /// Splits at commas outside parentheses; blank parts are left out.
    private static func parts(of text: String) -> [Substring] {
        var parts: [Substring] = []
        var depth = 0
        var start = text.startIndex
        for index in text.indices {
            switch text[index] {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth == 0:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
        }
        parts.append(text[start...])
        return parts.filter { !$0.allSatisfy(\.isWhitespace) }
    }
}

/// A selector that cannot be read, as the end of a sentence that names the flag.
public struct LabelSelectorError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String

    public init(message: String) {
        self.message = message
    }

    public var description: String { message }
}
