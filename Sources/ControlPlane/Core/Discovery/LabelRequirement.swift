/// One condition on the labels of an object.
public struct LabelRequirement: Hashable, Sendable, CustomStringConvertible {
    public enum Condition: Hashable, Sendable {
        case equals(String)
        /// Holds for an object without the key, too, as in Kubernetes.
        case notEquals(String)
        case isOneOf([String])
        /// Holds for an object without the key, too, as in Kubernetes.
        case isNoneOf([String])
        case exists
        case isAbsent
    }

    public let key: String
    public let condition: Condition

    init(_ text: some StringProtocol) throws(LabelSelectorError) {
        let text = text.trimmed
        if text.first == "!" {
            key = try LabelRequirement.key(text.dropFirst(), in: text)
            condition = .isAbsent
        } else if let (left, right) = text.split(at: "!=") {
            key = try LabelRequirement.key(left, in: text)
            condition = .notEquals(try LabelRequirement.value(right, in: text))
        } else if let (left, right) = text.split(at: "==") ?? text.split(at: "=") {
            key = try LabelRequirement.key(left, in: text)
            condition = .equals(try LabelRequirement.value(right, in: text))
        } else if let open = text.firstIndex(of: "(") {
            let words = text[..<open].split(whereSeparator: \.isWhitespace)
            guard words.count == 2, text.last == ")" else { throw LabelRequirement.unreadable(text) }
            key = try LabelRequirement.key(words[0], in: text)
            let values = try LabelRequirement.values(text[text.index(after: open)...].dropLast(), in: text)
            switch words[1] {
            case "in": condition = .isOneOf(values)
            case "notin": condition = .isNoneOf(values)
            default: throw LabelRequirement.unreadable(text)
            }
        } else {
            key = try LabelRequirement.key(text[...], in: text)
            condition = .exists
        }
    }

    public func matches(_ labels: [String: String]) -> Bool {
        let label = labels[key]
        return switch condition {
        case .equals(let value): label == value
        case .notEquals(let value): label != value
        case .isOneOf(let values): label.map(values.contains) ?? false
        case .isNoneOf(let values): !(label.map(values.contains) ?? false)
        case .exists: label != nil
        case .isAbsent: label == nil
        }
    }

    public var description: String {
        switch condition {
        case .equals(let value): "\(key)=\(value)"
        case .notEquals(let value): "\(key)!=\(value)"
        case .isOneOf(let values): "\(key) in (\(values.joined(separator: ",")))"
        case .isNoneOf(let values): "\(key) notin (\(values.joined(separator: ",")))"
        case .exists: key
        case .isAbsent: "!\(key)"
        }
    }

    private static func unreadable(_ text: String) -> LabelSelectorError {
        LabelSelectorError(
            message:
                "has '\(text.prefix(128))'; write key=value, key!=value, key in (a, b), key notin (a, b), key or !key"
        )
    }

    /// A name of at most 63 characters, after a prefix like `example.com/` of at most 253 if there is one.
    private static func key(_ text: Substring, in whole: String) throws(LabelSelectorError) -> String {
        let key = text.trimmed
        let parts = key.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.last, isName(name), !name.isEmpty else { throw unreadable(whole) }
        if parts.count == 2 {
            let isPrefix =
                (1...253).contains(parts[0].utf8.count)
                && parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
                    !$0.isEmpty && isName($0) && !$0.utf8.contains(UInt8(ascii: "_"))
                }
            guard isPrefix else { throw unreadable(whole) }
        }
        return key
    }

    private static func value(_ text: Substring, in whole: String) throws(LabelSelectorError) -> String {
        let value = text.trimmed
        guard isName(value[...]) else { throw unreadable(whole) }
        return value
    }

    private static func values(_ text: Substring, in whole: String) throws(LabelSelectorError) -> [String] {
        var values: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.append(try value(part, in: whole))
        }
        return values
    }

    /// Empty, or at most 63 of letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return true }
        return text.utf8.count <= 63 && first.isLetterOrDigit && last.isLetterOrDigit
            && text.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        let start = drop(while: \.isWhitespace)
        let end = start.lastIndex { !$0.isWhitespace }.map(start.index(after:)) ?? start.startIndex
        return String(start[..<end])
    }

    /// What stands before and after the first `separator`.
    fileprivate func split(at separator: String) -> (Substring, Substring)? {
        let text = String(self)
        guard let range = text.firstRange(of: separator) else { return nil }
        return (text[..<range.lowerBound], text[range.upperBound...])
    }
}
