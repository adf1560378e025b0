public import SignalboxProtocol

/// What one worker said of its load, and when it is asked again. Time comes in as an argument: the time since any fixed moment,
/// by a clock that never jumps.
public struct ToldLoad: Hashable, Sendable {
    /// Time between questions to a worker that has no answer to them.
    public static let unsupportedPause = Duration.seconds(60)
    /// A load is used until so many intervals have passed without a newer one.
    static let freshIntervals = 3

    /// The last answer; nil before the first.
    public private(set) var tokens: Int?
    private var toldAt: Duration?
    private var askAt: Duration?
    /// Why the last question brought no load; nil when it did.
    public private(set) var reason: String?

    public init() {}

    public func isDue(at now: Duration) -> Bool { askAt.map { $0 <= now } ?? true }

    public mutating func replied(_ reply: LoadReply, at now: Duration) {
        switch reply {
        case .tokens(let told):
            (tokens, toldAt, askAt, reason) = (told, now, nil, nil)
        case .unsupported(let why):
            (askAt, reason) = (now + ToldLoad.unsupportedPause, why)
        case .failed(let why):
            (askAt, reason) = (nil, why)
        }
    }

    /// How old the last answer is; nil before the first.
    public func age(at now: Duration) -> Duration? { toldAt.map { now - $0 } }

    public func isFresh(at now: Duration, interval: Duration) -> Bool {
        age(at: now).map { $0 < interval * ToldLoad.freshIntervals } ?? false
    }

    /// As data planes are told it; nil when it is too old to be used.
    public func message(of incarnation: IncarnationID, at now: Duration, interval: Duration) -> WorkerLoad? {
        guard let tokens, let age = age(at: now), isFresh(at: now, interval: interval) else { return nil }
        return WorkerLoad(
            incarnation: incarnation,
            tokens: tokens,
            ageMilliseconds: Int(age / .milliseconds(1)),
            freshMilliseconds: Int(interval * ToldLoad.freshIntervals / .milliseconds(1))
        )
    }

    /// Whether the policy of any model picks by what workers say of their load.
    public static func isUsed(_ standard: PolicyConfiguration, _ models: [ModelConfiguration]) -> Bool {
        standard.name == .powerOfTwo || models.contains { $0.policy?.name == .powerOfTwo }
    }

    /// Whether a worker that serves `served` may get requests by such a policy; one that names no model serves all.
    public static func isUsed(
        _ standard: PolicyConfiguration,
        _ models: [ModelConfiguration],
        served: [String]
    ) -> Bool {
        if standard.name == .powerOfTwo || served.isEmpty { return isUsed(standard, models) }
        return models.contains { $0.policy?.name == .powerOfTwo && served.contains($0.model) }
    }
}
