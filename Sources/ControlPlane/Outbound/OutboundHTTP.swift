/// How the control plane makes HTTP requests: probes, discovery, fan-out to workers.
public protocol OutboundHTTP: Sendable {
    /// Sends `request` and waits for the whole response; any status is a success. Cancelling the task ends it at once.
    func send(_ request: OutboundRequest) async -> Result<OutboundResponse, OutboundError>
}

/// A request to another server. Redirects are never followed and proxies never asked.
public struct OutboundRequest: Sendable {
    public var method: OutboundMethod
    /// Absolute, `http` or `https`.
    public var url: String
    public var headers: [(String, String)]
    public var body: [UInt8]
    /// Limit for the whole exchange, from the start of connecting to the last byte of the body.
    public var timeout: Duration
    /// Limit for resolving the name and opening the connection.
    public var connectTimeout: Duration
    /// Limit for the time between two pieces of the response; nil: none.
    public var silenceMax: Duration?
    /// Nil for `http`, and for `https` with what the system trusts.
    public var tls: OutboundTLS?
    /// Gets the body of a 2xx response piece by piece, on the client's thread, instead of the response; false ends the
    /// transfer with an error.
    public var receive: (@Sendable (UnsafeRawBufferPointer) -> Bool)?
    /// Largest accepted response body; a longer one is the error ``OutboundError/Code/tooLarge``.
    public var responseBytesMax: Int

    public init(
        method: OutboundMethod = .get,
        url: String,
        headers: [(String, String)] = [],
        body: [UInt8] = [],
        timeout: Duration = .seconds(10),
        connectTimeout: Duration = .seconds(5),
        responseBytesMax: Int = 1024 * 1024
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.responseBytesMax = responseBytesMax
    }
}

/// The HTTP methods that the control plane uses towards workers.
public enum OutboundMethod: String, Sendable {
    case get = "GET"
    case post = "POST"
}

/// What the other server answered.
public struct OutboundResponse: Sendable {
    public var status: Int
    public var body: [UInt8]
    /// From the start of the transfer to its last byte.
    public var elapsed: Duration

    public init(status: Int, body: [UInt8], elapsed: Duration) {
        self.status = status
        self.body = body
        self.elapsed = elapsed
    }
}

/// Why there is no response.
public struct OutboundError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// Nothing listens at the address.
        case refused
        /// A limit of time passed.
        case timeout
        /// The host name has no address.
        case resolve
        /// This host has no way there now: no route, no interface, nothing left to open a connection with.
        case unreachable
        /// The response is longer than the request allows.
        case tooLarge
        /// The task was cancelled or the client shut down.
        case cancelled
        case other
    }

    public var code: Code
    /// One sentence for a person.
    public var message: String

    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
