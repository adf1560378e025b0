/// Builds a page in the text format of Prometheus, family by family.
public struct PrometheusText {
    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// What the page is served as.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public private(set) var text = ""

    public init() {}

    /// Begins a family; its samples follow.
    public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(PrometheusText.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    public mutating func sample(_ name: String, _ labels: [(String, String)], _ value: some BinaryInteger) {
        line(name, labels, "\(value)")
    }

    public mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        line(name, labels, PrometheusText.number(value))
    }

    /// The samples of one histogram.
    ///
    /// - Parameters:
    ///   - bounds: upper bounds of all buckets but the last, in the unit of the family.
    ///   - counts: of each bucket by itself, one more than there are bounds.
    public mutating func histogram(
        _ name: String,
        _ labels: [(String, String)] = [],
        bounds: [Double],
        counts: [UInt64],
        sum: Double
    ) {
        precondition(counts.count == bounds.count + 1, "a histogram has one bucket more than bounds")
        var total: UInt64 = 0
        for (bound, count) in zip(bounds.map(PrometheusText.number) + ["+Inf"], counts) {
            total &+= count
            line("\(name)_bucket", labels + [("le", bound)], "\(total)")
        }
        line("\(name)_sum", labels, PrometheusText.number(sum))
        line("\(name)_count", labels, "\(total)")
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.0)=\"\(PrometheusText.escaped($0.1, quotes: true))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(value)\n"
    }

    /// Whole numbers without a fraction, so that equal values have equal texts.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            case _ where LogLine.isControl(character): result += "?"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
