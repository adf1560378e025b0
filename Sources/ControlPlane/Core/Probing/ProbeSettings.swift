import SignalboxProtocol

/// How a worker is probed.
public struct ProbeSettings: Hashable, Sendable {
    /// What is asked for.
    public var path: String
    /// Limit for one probe.
    public var timeout: Duration
    /// Time between probes of a ready worker.
    public var readyInterval: Duration
    /// Time between probes of an unhealthy worker: short, so that it comes back soon.
    public var unhealthyInterval: Duration
    /// First wait between probes of a pending worker; it doubles each time.
    public var pendingIntervalMin: Duration
    /// Longest wait between probes of a pending worker.
    public var pendingIntervalMax: Duration
    /// Successes in a row that make an unhealthy worker ready.
    public var successThreshold: Int
    /// Failures in a row that make a ready worker unhealthy.
    public var failureThreshold: Int

    public init(
        path: String = "/health",
        timeout: Duration = .seconds(5),
        readyInterval: Duration = .seconds(10),
        unhealthyInterval: Duration = .seconds(1),
        pendingIntervalMin: Duration = .milliseconds(50),
        pendingIntervalMax: Duration = .seconds(10),
        successThreshold: Int = 2,
        failureThreshold: Int = 3
    ) {
        self.path = path
        self.timeout = timeout
        self.readyInterval = readyInterval
        self.unhealthyInterval = unhealthyInterval
        self.pendingIntervalMin = pendingIntervalMin
        self.pendingIntervalMax = pendingIntervalMax
        self.successThreshold = successThreshold
        self.failureThreshold = failureThreshold
    }

    /// What data planes are told, for when the control plane is silent.
    var terms: ProbeTerms {
        ProbeTerms(
            path: path,
            timeoutMilliseconds: Int(timeout.wholeMilliseconds),
            failureThreshold: failureThreshold,
            successThreshold: successThreshold
        )
    }

    /// The settings for one worker: the general ones where it has none of its own.
    public func adjusted(for health: WorkerHealthSettings) -> ProbeSettings {
        var settings = self
        if let path = health.path { settings.path = path }
        if let seconds = health.timeoutSeconds { settings.timeout = .seconds(seconds) }
        if let seconds = health.intervalSeconds { settings.readyInterval = .seconds(seconds) }
        if let threshold = health.successThreshold { settings.successThreshold = threshold }
        if let threshold = health.failureThreshold { settings.failureThreshold = threshold }
        return settings
    }

    /// The wait after the given number of failed probes of a pending worker: 50 ms, 100 ms, 200 ms and so on.
    public func pendingInterval(afterFailures failures: Int) -> Duration {
        let doublings = min(max(failures - 1, 0), 30)
        return min(pendingIntervalMin * (1 << doublings), pendingIntervalMax)
    }
}
