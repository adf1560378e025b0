/// What a data plane's engine is told at its start and what never changes after.
public struct EngineConfiguration: Sendable {
    /// Whose requests to admin paths are forwarded to the control plane.
    public enum AdminForwarding: String, Sendable, CaseIterable {
        case loopback
        case all
        case off
    }

    public var adminForwarding = AdminForwarding.off
    /// The Unix socket of the control plane's admin API.
    public var adminSocketPath: String?
    /// Largest body in bytes that is held, so that it can be sent again; larger ones are streamed (architecture
    /// section 5).
    public var heldBodyBytesMax = 1024 * 1024
    /// Unsent bytes of one connection above which its source is not read any more; one read may add 64 KiB, and the kernel
    /// holds more than a fast reader takes at once.
    public var queuedBytesMax = 16 * 1024
    /// The same while the data plane holds as many bytes as it may.
    public var scarceQueuedBytesMax = 0
    /// Bodies up to this size are held however full the buffers are: as many as there are connections is little.
    public var smallBodyBytesMax = 16 * 1024
    /// Most bytes that are read from a temporary file at once, and most that may wait to be written to it.
    public var spoolPieceBytes = 256 * 1024
    /// Longest name of a model that is looked up, in bytes as they stand in the body.
    public var modelBytesMax = 3 * 1024
    /// Most empty lines before a request; clients of old sent one behind a body.
    public var emptyLinesMax = 8
    /// How often a request may have passed routers of this name (``RoutingSettings/via``) before it is refused.
    public var viaHopsMax = 8
    /// Idle connections kept per worker and thread; more than a thread's share of concurrent requests is of no use.
    public var idleUpstreamsMax = 256
    /// Connections of one thread, clients' and workers' together, at which an idle one is closed for a new one to a
    /// worker.
    public var connectionsMax = Int.max
    /// How long an idle connection to a worker is kept, in milliseconds: workers close theirs after 5 s and more.
    public var idleUpstreamMilliseconds = 30_000
    /// How long an idle connection is kept when the data plane drains, in milliseconds.
    public var idleClientMilliseconds = 1_000
    /// Most interim (1xx) responses before a final one.
    public var interimHeadsMax = 16

    public init() {}

    /// The same with another limit on a thread's connections.
    public func with(connectionsMax: Int) -> EngineConfiguration {
        var changed = self
        changed.connectionsMax = connectionsMax
        return changed
    }
}
