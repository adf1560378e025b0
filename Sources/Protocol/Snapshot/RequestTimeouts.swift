/// The time limits of one request once its model is known, in milliseconds.
public struct RequestTimeouts: Hashable, Sendable {
    /// How long a request waits while no worker that could serve it is ready yet; 0: it does not wait. 60 s as the
    /// original's queue.
    public var queueMilliseconds = 60_000
    /// How long a request waits for workers that were ready once and are all unhealthy now, as in a restart; 0: it does not
    /// wait. 5 s ride out a short one without making an outage look like a hang.
    public var holdMilliseconds = 5_000
    /// How long a TCP connection to a worker may take to open. A worker near by answers within a millisecond.
    public var connectMilliseconds = 5_000
    /// How long a worker may take from the whole request to the first byte of content: time to first token, and for an
    /// answer that is not streamed the whole generation. 0: for ever. 30 min as the original's limit of a request.
    public var firstByteMilliseconds = 1_800_000
    /// How long an answer may stand still once its content has begun, whether the worker sends nothing or the client
    /// takes nothing. 0: for ever.
    public var streamIdleMilliseconds = 300_000
    /// How long a request may take in all, from its head to the end of its answer. 0: for ever, for long generations
    /// must live.
    public var requestMilliseconds = 0

    public init() {}
}

/// What one model sets differently; a limit that is nil is as for all models.
public struct ModelTimeouts: Hashable, Sendable, Codable {
    public var queueMilliseconds: Int?
    public var holdMilliseconds: Int?
    public var connectMilliseconds: Int?
    public var firstByteMilliseconds: Int?
    public var streamIdleMilliseconds: Int?
    public var requestMilliseconds: Int?

    public init() {}

    /// Nothing is set differently.
    public var isEmpty: Bool { self == ModelTimeouts() }

    /// The limits of the model when `standard` are those of all models.
    public func applied(to standard: RequestTimeouts) -> RequestTimeouts {
        var result = standard
        if let queueMilliseconds { result.queueMilliseconds = queueMilliseconds }
        if let holdMilliseconds { result.holdMilliseconds = holdMilliseconds }
        if let connectMilliseconds { result.connectMilliseconds = connectMilliseconds }
        if let firstByteMilliseconds { result.firstByteMilliseconds = firstByteMilliseconds }
        if let streamIdleMilliseconds { result.streamIdleMilliseconds = streamIdleMilliseconds }
        if let requestMilliseconds { result.requestMilliseconds = requestMilliseconds }
        return result
    }

    /// The same names as those of all models have in ``RoutingSettings``.
    public enum CodingKeys: String, CodingKey, CaseIterable {
        case queueMilliseconds = "queue_timeout_milliseconds"
        case holdMilliseconds = "hold_timeout_milliseconds"
        case connectMilliseconds = "connect_timeout_milliseconds"
        case firstByteMilliseconds = "first_byte_timeout_milliseconds"
        case streamIdleMilliseconds = "stream_idle_timeout_milliseconds"
        case requestMilliseconds = "request_timeout_milliseconds"
    }
}
