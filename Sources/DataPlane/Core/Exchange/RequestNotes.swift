import SignalboxProtocol

/// What is noted of a request on its way, for metrics and the access log.
struct RequestNotes {
    /// The routing text of a request whose body is known whole.
    struct Prompt {
        var group: CacheGroup
        var bytes: Int
    }

    /// A pick of a worker.
    struct Pick {
        /// The policy's number in `PolicyName`.
        var policyNumber: Int
        var reason: MetricsLayout.PickReason
    }

    /// When its body was whole, or began to be passed on, and it first looked for a worker.
    var readAt: MonotonicTime?
    /// When its last worker was picked.
    var pickedAt: MonotonicTime?
    /// When the head of the answer came.
    var headAt: MonotonicTime?
    /// When the last content of the answer came, if that is an event stream.
    var contentAt: MonotonicTime?
    /// When the last event of the answer was whole.
    var eventAt: MonotonicTime?
    /// What picked that worker; nil before a pick.
    var pick: Pick?
    /// The share of the prompt that the worker was thought to have in its cache, in thousandths; nil: nobody knew.
    var predictedPermille: Int?
    /// What the answer's usage says something of; nil: its policy does not ask.
    var prompt: Prompt?
    /// Content of the answer, in bytes.
    var answerBytes = 0
    /// The answer may tell its usage.
    var tellsUsage = false
    var usage = TokenUsage()
}
