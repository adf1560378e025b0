/// What it means that a client closes its sending side behind a complete request.
public enum HalfClose: String, Hashable, Sendable, Codable, CaseIterable {
    /// The client has gone: its request is given up at once, so that the worker stops generating.
    case abort
    /// The client may still read: its request goes on until a write to it fails.
    case allow
}

/// What happens to `traceparent` and `tracestate` on the way to a worker (W3C Trace Context).
public enum TraceContextMode: String, Hashable, Sendable, Codable, CaseIterable {
    /// What is valid goes on unchanged, what is not is dropped; a request without a valid one gets a new trace.
    case begin
    /// What is valid goes on unchanged, what is not is dropped.
    case check
    /// What came goes on unchanged.
    case pass
}

/// What happens to `X-Forwarded-For` and `X-Forwarded-Proto` on the way to a worker.
public enum ForwardedFields: String, Hashable, Sendable, Codable, CaseIterable {
    /// The client's address is added behind those that came; the protocol is set where none came.
    case append
    /// What came is dropped; the client's address and the protocol are set.
    case replace
    /// What came is dropped.
    case remove
    /// What came goes on unchanged.
    case pass
}
