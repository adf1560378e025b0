public import SignalboxProtocol

/// One request that has ended, as the access log tells of it. Never a body, a field or a target: those may hold secrets.
public struct AccessRecord: Sendable {
    /// Longest request id that is kept, in bytes.
    public static let idBytesMax = 128

    /// The request's id, `idCount` bytes of it.
    public var id = InlineArray<128, UInt8>(repeating: 0)
    public var idCount = 0
    public var route: MetricsLayout.RequestRoute
    public var outcome: MetricsLayout.RequestOutcome
    /// What the client got; 0: nothing.
    public var status: Int
    /// Where it was last sent; nil: nowhere.
    public var worker: WorkerEndpoint?
    /// The policy that picked the worker; nil: none did.
    public var policy: PolicyName?
    /// What decided that pick.
    public var reason: MetricsLayout.PickReason?
    /// The share of the prompt that the worker was thought to have in its cache, in thousandths; nil: nobody knew.
    public var predictedPermille: Int?
    /// How often it was sent to a worker.
    public var attempts: Int
    public var requestBytes: Int
    /// Content of the answer.
    public var answerBytes: Int
    public var usage: TokenUsage
    /// When it ended.
    public var endedAt: MonotonicTime
    /// Milliseconds from the head of the request until its body was there, a worker was picked, the head of the answer came
    /// and everything was over; nil: it did not come that far.
    public var readMilliseconds: Int?
    public var pickedMilliseconds: Int?
    public var headMilliseconds: Int?
    public var totalMilliseconds: Int

    /// What a reader wants to see in any sample.
    public var isFailure: Bool { outcome == .serverError || outcome == .cut }
}

extension AccessRecord {
    /// Something that could not be read as a request.
    init(unreadable outcome: MetricsLayout.RequestOutcome, status: Int, endedAt: MonotonicTime) {
        self.init(
            route: .other,
            outcome: outcome,
            status: status,
            attempts: 0,
            requestBytes: 0,
            answerBytes: 0,
            usage: TokenUsage(),
            endedAt: endedAt,
            totalMilliseconds: 0
        )
    }
}
