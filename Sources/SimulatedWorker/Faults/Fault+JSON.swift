import NIOCore

extension Fault {
    /// Longest time that a field may name: one day, in milliseconds.
    private static let millisecondsMax = 86_400_000
    /// Largest number of events or requests that a field may name.
    private static let countMax = 1_000_000_000

    /// Reads a fault from its JSON form; every member must be known and within its bounds.
    init(_ document: JSONValue) throws(FaultError) {
        self.init()
        guard case .object(let members) = document else {
            throw FaultError("A fault must be a JSON object such as {\"status\": 500}.")
        }
        guard !members.isEmpty else { throw FaultError("A fault has no field; set for example \"status\": 500.") }
        var afterEvents: Int?
        for member in members where !member.value.isNull {
            try set(member.name, to: member.value, afterEvents: &afterEvents)
        }
        guard let afterEvents else { return }
        guard ending == .crash || ending == .reset else {
            throw FaultError("The fault field 'after_events' needs 'crash' or 'reset'.")
        }
        endingAfterEvents = afterEvents
    }

    /// Reads a fault from a flag: `status=500,path=/generate,count=3`, where a name without a value means true.
    public init(specification: String) throws(FaultError) {
        var members: [JSONValue.Member] = []
        for part in specification.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard let name = pair.first else { throw FaultError("The fault '\(specification)' has an empty name.") }
            let text = pair.count == 2 ? String(pair[1]) : "true"
            let value: JSONValue =
                switch text {
                case "true": .bool(true)
                case "false": .bool(false)
                default: Int(text).map(JSONValue.integer) ?? Double(text).map(JSONValue.number) ?? .string(text)
                }
            members.append(JSONValue.Member(name: String(name), value: value))
        }
        try self.init(.object(members))
    }

    private mutating func set(
        _ name: String,
        to value: JSONValue,
        afterEvents: inout Int?
    ) throws(FaultError) {
        switch name {
        case "path": path = try Fault.path(value)
        case "status": status = try Fault.integer(name, value, 200...999)
        case "delay_head_ms": delayHead = try Fault.milliseconds(name, value)
        case "stall_after_events": try end(.stall, after: Fault.integer(name, value, 0...Fault.countMax))
        case "close_after_events": try end(.close, after: Fault.integer(name, value, 0...Fault.countMax))
        case "reset": if try Fault.flag(name, value) { try end(.reset, after: nil) }
        case "crash": if try Fault.flag(name, value) { try end(.crash, after: nil) }
        case "after_events": afterEvents = try Fault.integer(name, value, 0...Fault.countMax)
        case "refuse": refuses = try Fault.flag(name, value)
        case "slow_accept_ms": slowAccept = try Fault.milliseconds(name, value)
        case "health_status": healthStatus = try Fault.integer(name, value, 200...999)
        case "delay_health_ms": delayHealth = try Fault.milliseconds(name, value)
        case "probability":
            guard let number = value.numberValue, (0...1).contains(number) else {
                throw FaultError("The fault field 'probability' must be a number from 0 to 1.")
            }
            probability = number
        case "count": count = try Fault.integer(name, value, 1...Fault.countMax)
        case "for_ms": duration = try Fault.milliseconds(name, value)
        default:
            throw FaultError(
                """
                Unknown fault field '\(name)'; known are path, status, delay_head_ms, stall_after_events, \
                close_after_events, reset, crash, after_events, refuse, slow_accept_ms, health_status, \
                delay_health_ms, probability, count, for_ms.
                """
            )
        }
    }

    private mutating func end(_ ending: Ending, after events: Int?) throws(FaultError) {
        guard self.ending == nil else {
            throw FaultError("A fault can end an answer in one way only: stall, close, reset or crash.")
        }
        self.ending = ending
        endingAfterEvents = events
    }

    private static func path(_ value: JSONValue) throws(FaultError) -> String {
        guard let path = value.stringValue, path.hasPrefix("/"), path.utf8.count <= 1024 else {
            throw FaultError("The fault field 'path' must be a path that starts with a slash.")
        }
        return path
    }

    private static func flag(_ name: String, _ value: JSONValue) throws(FaultError) -> Bool {
        guard let flag = value.boolValue else { throw FaultError("The fault field '\(name)' must be true or false.") }
        return flag
    }

    private static func integer(
        _ name: String,
        _ value: JSONValue,
        _ bounds: ClosedRange<Int>
    ) throws(FaultError) -> Int {
        guard let number = value.integerValue, bounds.contains(number) else {
            throw FaultError(
                "The fault field '\(name)' must be a whole number from \(bounds.lowerBound) to \(bounds.upperBound)."
            )
        }
        return number
    }

    private static func milliseconds(_ name: String, _ value: JSONValue) throws(FaultError) -> Duration {
        .milliseconds(try integer(name, value, 0...millisecondsMax))
    }
}

extension ByteBuffer {
    /// Writes a fault in its JSON form with its number; only what is set is shown.
    mutating func writeJSON(_ fault: Fault, number: Int) {
        writeStaticString("{")
        writeMember("id", number, isFirst: true)
        if let path = fault.path { writeMember("path", path) }
        if let status = fault.status { writeMember("status", status) }
        if fault.delayHead > .zero { writeMember("delay_head_ms", fault.delayHead.wholeMilliseconds) }
        switch fault.ending {
        case .stall: writeMember("stall_after_events", fault.endingAfterEvents ?? 0)
        case .close: writeMember("close_after_events", fault.endingAfterEvents ?? 0)
        case .reset, .crash:
            writeStaticString(fault.ending == .reset ? ",\"reset\":true" : ",\"crash\":true")
            if let events = fault.endingAfterEvents { writeMember("after_events", events) }
        case nil: break
        }
        if fault.refuses { writeStaticString(",\"refuse\":true") }
        if fault.slowAccept > .zero { writeMember("slow_accept_ms", fault.slowAccept.wholeMilliseconds) }
        if let status = fault.healthStatus { writeMember("health_status", status) }
        if fault.delayHealth > .zero { writeMember("delay_health_ms", fault.delayHealth.wholeMilliseconds) }
        if fault.probability < 1 { writeMember("probability", fault.probability) }
        if let count = fault.count { writeMember("count", count) }
        if let duration = fault.duration { writeMember("for_ms", duration.wholeMilliseconds) }
        writeStaticString("}")
    }
}

extension Duration {
    /// The duration in milliseconds, rounded down.
    var wholeMilliseconds: Int { Int(self / .milliseconds(1)) }
}
