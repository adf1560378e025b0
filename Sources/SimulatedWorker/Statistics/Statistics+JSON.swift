import NIOCore

extension ByteBuffer {
    /// Writes the statistics; `waiting` is the engine's queue, the other requests in flight are running.
    mutating func writeJSON(_ statistics: Statistics, waiting: Int, uptime: Duration) {
        writeStaticString("{")
        writeMember("requests_total", statistics.requestsByPath.values.reduce(0, +), isFirst: true)
        writeStaticString(",\"requests\":{")
        for (position, entry) in statistics.requestsByPath.sorted(by: { $0.key < $1.key }).enumerated() {
            if position > 0 { writeStaticString(",") }
            writeJSON(entry.key)
            writeStaticString(":")
            writeDecimal(entry.value)
        }
        writeStaticString("}")
        writeMember("in_flight", statistics.inFlight)
        writeMember("running", max(0, statistics.inFlight - waiting))
        writeMember("waiting", waiting)
        writeMember("completed", statistics.completed)
        writeMember("aborted", statistics.aborted)
        writeStaticString(",\"aborted_by_phase\":{")
        for (position, phase) in Statistics.Phase.allCases.enumerated() {
            if position > 0 { writeStaticString(",") }
            writeJSON(phase.rawValue)
            writeStaticString(":")
            writeDecimal(statistics.abortedByPhase[phase] ?? 0)
        }
        writeStaticString("}")
        writeMember("faulted", statistics.faulted)
        writeMember("open_connections", statistics.openConnections)
        writeMember("connections_total", statistics.acceptedConnections)
        writeMember("request_body_bytes", statistics.requestBodyBytes)
        writeMember("response_bytes", statistics.responseBytes)
        writeMember("events", statistics.events)
        writeMember("prompt_tokens", statistics.promptTokens)
        writeMember("cached_tokens", statistics.cachedTokens)
        writeMember("completion_tokens", statistics.completionTokens)
        writeMember("cache_hit_rate", statistics.cacheHitRate)
        writeMember("uptime_seconds", uptime / .seconds(1))
        writeTimes("abort_times", statistics.abortTimes)
        writeTimes("event_times", statistics.eventTimes)
        writeStaticString("}")
    }

    private mutating func writeTimes(_ name: StaticString, _ times: RecentTimes) {
        writeStaticString(",\"")
        writeStaticString(name)
        writeStaticString("\":[")
        for (position, time) in times.inOrder.enumerated() {
            if position > 0 { writeStaticString(",") }
            writeString(time.text)
        }
        writeStaticString("]")
    }
}
