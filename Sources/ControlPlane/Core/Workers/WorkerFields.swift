/// Reads the fields of a request body that describe a worker; the first wrong one ends it with a sentence.
///
/// Fields that nothing reads are refused by name, so that a typing error never passes for a setting.
struct WorkerFields {
    private var fields: [String: JSONValue]
    private let known: Set<String>

    init(_ body: JSONValue, known: Set<String>) throws(WorkerFieldError) {
        guard case .object(let fields) = body else {
            throw WorkerFieldError(message: "The body must be a JSON object, not \(body.kind).")
        }
        self.fields = fields
        self.known = known
        if fields["api_key"].map({ $0 != .null }) == true {
            throw WorkerFieldError(
                message: "Field `api_key` is not supported yet; the worker must accept requests without one."
            )
        }
        let unknown = fields.keys.filter { !known.contains($0) && $0 != "api_key" }.sorted()
        guard unknown.isEmpty else {
            throw WorkerFieldError(message: "unknown field `\(unknown[0].prefix(128))`")
        }
    }

    func text(_ name: String, bytesMax: Int) throws(WorkerFieldError) -> String? {
        switch present(name) {
        case nil: return nil
        case .string(let text):
            guard text.utf8.count <= bytesMax else {
                throw WorkerFieldError(message: "Field `\(name)` has more than \(bytesMax) bytes.")
            }
            return text
        case .some(let other): throw wrongType(name, other, expected: "a string")
        }
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(WorkerFieldError) -> Int? {
        switch present(name) {
        case nil: return nil
        case .integer(let number):
            guard range.contains(number) else { throw outOfRange(name, range.lowerBound, range.upperBound) }
            return number
        case .some(let other): throw wrongType(name, other, expected: "an integer")
        }
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws(WorkerFieldError) -> Double? {
        let number: Double
        switch present(name) {
        case nil: return nil
        case .integer(let value): number = Double(value)
        case .number(let value): number = value
        case .some(let other): throw wrongType(name, other, expected: "a number")
        }
        guard range.contains(number) else { throw outOfRange(name, range.lowerBound, range.upperBound) }
        return number
    }

    func boolean(_ name: String) throws(WorkerFieldError) -> Bool? {
        switch present(name) {
        case nil: nil
        case .boolean(let value): value
        case .some(let other): throw wrongType(name, other, expected: "a boolean")
        }
    }

    func texts(_ name: String) throws(WorkerFieldError) -> [String: String]? {
        guard let value = present(name) else { return nil }
        guard case .object(let entries) = value else { throw wrongType(name, value, expected: "an object of strings") }
        guard entries.count <= WorkerLimits.labelsMax else {
            throw WorkerFieldError(message: "Field `\(name)` has more than \(WorkerLimits.labelsMax) entries.")
        }
        var texts: [String: String] = [:]
        for (key, entry) in entries {
            guard case .string(let text) = entry else {
                throw wrongType("\(name).\(key.prefix(128))", entry, expected: "a string")
            }
            guard (1...WorkerLimits.labelKeyBytesMax).contains(key.utf8.count),
                text.utf8.count <= WorkerLimits.labelValueBytesMax
            else {
                let limits = "\(WorkerLimits.labelKeyBytesMax) and \(WorkerLimits.labelValueBytesMax)"
                throw WorkerFieldError(
                    message: "Field `\(name)` has a key or value that is too long; at most \(limits) bytes are allowed."
                )
            }
            texts[key] = text
        }
        return texts
    }

    /// The field's value; an explicit null counts as missing.
    private func present(_ name: String) -> JSONValue? {
        precondition(known.contains(name), "the field \(name) is read but not listed as known")
        let value = fields[name]
        return value == .null ? nil : value
    }

    private func wrongType(_ name: String, _ value: JSONValue, expected: String) -> WorkerFieldError {
        WorkerFieldError(message: "invalid type for field `\(name)`: \(value.kind), expected \(expected)")
    }

    private func outOfRange(_ name: String, _ lower: some Any, _ upper: some Any) -> WorkerFieldError {
        WorkerFieldError(message: "Field `\(name)` must be from \(lower) to \(upper).")
    }
}

/// A field of a request body that cannot be accepted, as one sentence for the person who wrote it.
public struct WorkerFieldError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String

    public init(message: String) {
        self.message = message
    }

    public var description: String {
        "Failed to deserialize the JSON body into the target type: \(message)"
    }
}

/// Bounds of what may be said about a worker.
enum WorkerLimits {
    static let priority = 0...1_000_000
    static let cost = 0.0...1_000_000.0
    static let labelsMax = 64
    static let labelKeyBytesMax = 128
    static let labelValueBytesMax = 1024
    static let modelBytesMax = 512
    static let seconds = 1...86_400
    static let threshold = 1...1000
}
