import DataPlaneCore
import SignalboxProtocol
import Telemetry

/// Writes the lines of requests, in the form of all other log events, into a buffer.
///
/// Every value is a number, a word of this program, a worker's authority or an acceptable request id, so nothing in it
/// needs to be escaped.
struct AccessLines {
    private(set) var bytes = ByteBuffer()
    private let format: LogFormat
    /// The text of the last second, which many lines share.
    private var second: (number: Int64, text: ByteBuffer) = (.min, ByteBuffer())

    init(_ format: LogFormat) {
        self.format = format
    }

    mutating func clear() {
        bytes.clear()
    }

    /// Appends the line of one request; what is not known of it is left out.
    mutating func append(_ record: AccessRecord, millisecondsSinceEpoch: Int64) {
        if format == .json { bytes.append("{\"time\":\"") }
        append(time: millisecondsSinceEpoch)
        switch format {
        case .text: bytes.append(" INFO request")
        case .json: bytes.append("\",\"level\":\"info\",\"message\":\"request\"")
        }
        if record.idCount > 0 { word("request.id", record.id.span.extracting(0..<record.idCount)) }
        word("route", record.route.label)
        word("outcome", record.outcome.label)
        if record.status > 0 { number("status", record.status) }
        if let worker = record.worker { word("worker", worker.authority) }
        if let policy = record.policy { word("policy", policy.rawValue) }
        if let reason = record.reason { word("reason", record.attempts > 1 ? "retry" : reason.label) }
        thousandths("predicted_cached_share", record.predictedPermille)
        if record.attempts > 0 { number("attempts", record.attempts) }
        number("request_bytes", record.requestBytes)
        number("answer_bytes", record.answerBytes)
        number("prompt_tokens", record.usage.promptTokens)
        number("completion_tokens", record.usage.completionTokens)
        number("cached_tokens", record.usage.cachedTokens)
        thousandths("read_seconds", record.readMilliseconds)
        thousandths("picked_seconds", record.pickedMilliseconds)
        thousandths("first_byte_seconds", record.headMilliseconds)
        thousandths("seconds", record.totalMilliseconds)
        bytes.append(format == .json ? "}\n" : "\n")
    }

    private mutating func append(time milliseconds: Int64) {
        let number = milliseconds / 1000
        if number != second.number {
            // All but the fraction of a second and the Z.
            let text = Timestamp.text(millisecondsSinceEpoch: number * 1000).dropLast(4)
            second = (number, ByteBuffer(String(text)))
        }
        bytes.append(second.text)
        appendFraction(Int(milliseconds - number * 1000))
        bytes.append("Z")
    }

    /// Three digits.
    private mutating func appendFraction(_ thousandths: Int) {
        bytes.append(UInt8(ascii: "0") + UInt8(thousandths / 100))
        bytes.append(UInt8(ascii: "0") + UInt8(thousandths / 10 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(thousandths % 10))
    }

    private mutating func name(_ name: StaticString) {
        switch format {
        case .text:
            bytes.append(" ")
            bytes.append(name)
            bytes.append("=")
        case .json:
            bytes.append(",\"")
            bytes.append(name)
            bytes.append("\":")
        }
    }

    private mutating func word(_ name: StaticString, _ word: String) {
        self.name(name)
        if format == .json { bytes.append("\"") }
        bytes.append(word)
        if format == .json { bytes.append("\"") }
    }

    private mutating func word(_ name: StaticString, _ word: borrowing Span<UInt8>) {
        self.name(name)
        if format == .json { bytes.append("\"") }
        bytes.append(word)
        if format == .json { bytes.append("\"") }
    }

    private mutating func number(_ name: StaticString, _ number: Int?) {
        guard let number else { return }
        self.name(name)
        bytes.appendDecimal(max(0, number))
    }

    /// A number that is kept as thousandths.
    private mutating func thousandths(_ name: StaticString, _ number: Int?) {
        guard let number else { return }
        self.name(name)
        bytes.appendDecimal(max(0, number) / 1000)
        bytes.append(".")
        appendFraction(max(0, number) % 1000)
    }
}
