/// How many requests a data plane takes on, and what happens to the others.
public struct AdmissionSettings: Hashable, Sendable {
    /// Most inference requests of one data plane at workers at one time; 0: no limit.
    public var concurrentRequestsMax = 0
    /// Most requests of one data plane that wait for a worker, in the order of arrival.
    public var queueSize = 100
    /// Most requests that wait for room at workers, in percent of what those run at one time, so that who waits is still
    /// answered in useful time: half of it is half of a request's time more. 0: only ``queueSize`` bounds them.
    public var queuePercentMax = 100
    /// Inference requests that one data plane begins in a second on average; 0: no limit.
    public var requestsPerSecondMax = 0
    /// Most requests of all data planes of a host in flight at one worker; 0: as many as the worker says that it runs at once, or as
    /// its latency shows.
    public var workerRequestsMax = 0

    public init() {}
}
