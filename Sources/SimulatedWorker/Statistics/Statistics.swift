/// What the worker counts, shown by `GET /stats`.
///
/// `completed`, `aborted`, `faulted` and `inFlight` are about work (generation, echo, blob), not about probes, so that a
/// test can compare them with the requests it sent.
struct Statistics {
    /// How far an exchange was when the client closed its connection.
    enum Phase: String, CaseIterable {
        /// The request was not there as a whole.
        case uploading
        /// No byte of the response was written.
        case queued
        /// A part of the response was written.
        case answering
    }

    /// Distinct paths counted by name; the others are counted as `other`.
    static let pathsMax = 200

    var requestsByPath: [String: Int] = [:]
    /// Exchanges that have begun and not ended.
    var inFlight = 0
    /// Exchanges whose response was written to its end.
    var completed = 0
    /// Exchanges whose connection the client closed before the end.
    var aborted = 0
    var abortedByPhase: [Phase: Int] = [:]
    /// Exchanges that a fault ended before their time.
    var faulted = 0
    /// Connections that are open now; a reset does not touch it.
    var openConnections = 0
    var acceptedConnections = 0
    var requestBodyBytes = 0
    var responseBytes = 0
    /// Server-sent events written.
    var events = 0
    var promptTokens = 0
    var cachedTokens = 0
    var completionTokens = 0
    var abortTimes = RecentTimes()
    var eventTimes = RecentTimes()

    /// The part of all prompt tokens that came from the cache, from 0 to 1.
    var cacheHitRate: Double { promptTokens == 0 ? 0 : Double(cachedTokens) / Double(promptTokens) }

    mutating func count(path: String) {
        if requestsByPath[path] != nil || requestsByPath.count < Statistics.pathsMax {
            requestsByPath[path, default: 0] += 1
        } else {
            requestsByPath["other", default: 0] += 1
        }
    }

    mutating func countAbort(in phase: Phase, at time: WallTime) {
        aborted += 1
        abortedByPhase[phase, default: 0] += 1
        abortTimes.append(time)
    }

    mutating func countPrompt(tokens: Int, cachedTokens: Int) {
        promptTokens += tokens
        self.cachedTokens += cachedTokens
    }

    /// Sets all counters to zero; what is open and in flight stays.
    mutating func reset() {
        let (inFlight, openConnections) = (inFlight, openConnections)
        self = Statistics()
        self.inFlight = inFlight
        self.openConnections = openConnections
    }
}
