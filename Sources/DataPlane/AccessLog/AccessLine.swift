import DataPlaneCore
import SignalboxProtocol
import Telemetry

/// The line of one request, in the form of all other log events.
///
/// Every value is a number, a word of this program, a worker's authority or an acceptable request id, so nothing in it
/// needs to be escaped.
enum AccessLine {
    static let message = "request"

    static func text(_ record: AccessRecord, millisecondsSinceEpoch: Int64, _ format: LogFormat) -> String {
        let time = Timestamp.text(millisecondsSinceEpoch: millisecondsSinceEpoch)
        switch format {
        case .text:
            var line = "\(time) INFO \(message)"
            for (name, value) in fields(record) { line += " \(name)=\(value.text)" }
            return line + "\n"
        case .json:
            var line = #"{"time":"\#(time)","level":"info","message":"\#(message)""#
            for (name, value) in fields(record) { line += ",\"\(name)\":\(value.json)" }
            return line + "}\n"
        }
    }

    private enum Value {
        case number(Int)
        case thousandths(Int)
        case word(String)

        var text: String {
            switch self {
            case .number(let number): "\(number)"
            case .thousandths(let number): decimal(number)
            case .word(let word): word
            }
        }

        var json: String {
            if case .word(let word) = self { return "\"\(word)\"" }
            return text
        }

        private func decimal(_ thousandths: Int) -> String {
            let rest = String(thousandths % 1000)
            return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
        }
    }

    /// What is known of the request; what is not is left out.
    private static func fields(_ record: AccessRecord) -> [(String, Value)] {
        var fields: [(String, Value)] = []
        func add(_ name: String, _ number: Int?) {
            if let number { fields.append((name, .number(number))) }
        }
        func addSeconds(_ name: String, _ milliseconds: Int?) {
            if let milliseconds { fields.append((name, .thousandths(max(0, milliseconds)))) }
        }
        if record.idCount > 0 {
            let id = (0..<record.idCount).map { record.id[$0] }
            fields.append(("request.id", .word(String(decoding: id, as: UTF8.self))))
        }
        fields.append(("route", .word(record.route.label)))
        fields.append(("outcome", .word(record.outcome.label)))
        if record.status > 0 { add("status", record.status) }
        if let worker = record.worker { fields.append(("worker", .word(worker.authority))) }
        if let policy = record.policy {
            fields.append(("policy", .word(policy.rawValue)))
            if let reason = record.reason { fields.append(("reason", .word(reason.label))) }
        }
        if let share = record.predictedPermille { fields.append(("predicted_cached_share", .thousandths(share))) }
        if record.attempts > 0 { add("attempts", record.attempts) }
        add("request_bytes", record.requestBytes)
        add("answer_bytes", record.answerBytes)
        add("prompt_tokens", record.usage.promptTokens)
        add("completion_tokens", record.usage.completionTokens)
        add("cached_tokens", record.usage.cachedTokens)
        addSeconds("read_seconds", record.readMilliseconds)
        addSeconds("picked_seconds", record.pickedMilliseconds)
        addSeconds("first_byte_seconds", record.headMilliseconds)
        addSeconds("seconds", record.totalMilliseconds)
        return fields
    }
}
