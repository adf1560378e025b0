/// How fast and how large the simulated engine is.
///
/// The defaults are near one mid-size model on one current GPU; `speedup` makes all of it faster without changing the
/// proportions, so that a policy tuned on a fast simulation is tuned for the slow truth.
public struct EngineConfiguration: Sendable, Hashable {
    /// Prompt tokens computed per second; tokens found in the prefix cache cost nothing.
    public var prefillTokensPerSecond: Double
    /// Time of one decode step, whatever the number of requests in it.
    public var decodeBase: Duration
    /// What each running request adds to one decode step.
    public var decodePerRequest: Duration
    /// Capacity of the prefix cache in tokens.
    public var cacheTokens: Int
    /// Requests decoded at the same time at most; the others wait in the order of their arrival.
    public var runningRequestsMax: Int
    /// Tokens in one block of the prefix cache; only whole blocks are found again.
    public var blockTokens: Int
    /// Divides all times; 0 means that nothing takes any time.
    public var speedup: Double

    /// Rates must be positive, sizes not negative; `blockTokens` and `runningRequestsMax` are at least 1.
    public init(
        prefillTokensPerSecond: Double = 8000,
        decodeBase: Duration = .milliseconds(20),
        decodePerRequest: Duration = .microseconds(200),
        cacheTokens: Int = 262_144,
        runningRequestsMax: Int = 256,
        blockTokens: Int = 16,
        speedup: Double = 1
    ) {
        self.prefillTokensPerSecond = prefillTokensPerSecond
        self.decodeBase = decodeBase
        self.decodePerRequest = decodePerRequest
        self.cacheTokens = cacheTokens
        self.runningRequestsMax = runningRequestsMax
        self.blockTokens = blockTokens
        self.speedup = speedup
    }

    /// Whether the engine answers at once, without queue and without batch.
    public var isInstant: Bool { speedup == 0 }

    /// The time that the prefill of `tokens` uncached tokens takes.
    func prefillDuration(tokens: Int) -> Duration {
        isInstant ? .zero : .seconds(Double(tokens) / prefillTokensPerSecond / speedup)
    }

    /// The time of one decode step of `requests` running requests.
    func decodeDuration(requests: Int) -> Duration {
        isInstant ? .zero : (decodeBase + decodePerRequest * requests) / speedup
    }
}
