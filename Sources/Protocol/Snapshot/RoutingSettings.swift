/// Limits and times that every data plane applies.
///
/// A field that a document lacks has its default, so that an older control plane can feed a newer data plane.
public struct RoutingSettings: Hashable, Sendable, Codable {
    /// Largest request body in bytes. 512 MiB as in the original since 0.2: several images fit, a runaway upload does not.
    public var payloadBytesMax: Int
    /// How long a request waits while all workers that could serve it are still pending, in milliseconds.
    public var pendingWaitMilliseconds: Int
    /// How long a TCP connection to a worker may take to open, in milliseconds.
    public var connectTimeoutMilliseconds: Int
    /// How long a client may take to send a request head, in milliseconds.
    public var headTimeoutMilliseconds: Int
    /// How long a client may send nothing in the middle of a body, in milliseconds.
    public var uploadIdleTimeoutMilliseconds: Int
    /// How long a client connection without a request is kept, in milliseconds.
    public var keepAliveTimeoutMilliseconds: Int

    public init(
        payloadBytesMax: Int = 512 * 1024 * 1024,
        pendingWaitMilliseconds: Int = 10_000,
        connectTimeoutMilliseconds: Int = 5_000,
        headTimeoutMilliseconds: Int = 30_000,
        uploadIdleTimeoutMilliseconds: Int = 30_000,
        keepAliveTimeoutMilliseconds: Int = 75_000
    ) {
        self.payloadBytesMax = payloadBytesMax
        self.pendingWaitMilliseconds = pendingWaitMilliseconds
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.headTimeoutMilliseconds = headTimeoutMilliseconds
        self.uploadIdleTimeoutMilliseconds = uploadIdleTimeoutMilliseconds
        self.keepAliveTimeoutMilliseconds = keepAliveTimeoutMilliseconds
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let standard = RoutingSettings()
        func value(_ key: CodingKeys, _ standard: Int) throws -> Int {
            try container.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        payloadBytesMax = try value(.payloadBytesMax, standard.payloadBytesMax)
        pendingWaitMilliseconds = try value(.pendingWaitMilliseconds, standard.pendingWaitMilliseconds)
        connectTimeoutMilliseconds = try value(.connectTimeoutMilliseconds, standard.connectTimeoutMilliseconds)
        headTimeoutMilliseconds = try value(.headTimeoutMilliseconds, standard.headTimeoutMilliseconds)
        uploadIdleTimeoutMilliseconds = try value(
            .uploadIdleTimeoutMilliseconds,
            standard.uploadIdleTimeoutMilliseconds
        )
        keepAliveTimeoutMilliseconds = try value(.keepAliveTimeoutMilliseconds, standard.keepAliveTimeoutMilliseconds)
    }

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case payloadBytesMax = "payload_bytes_max"
        case pendingWaitMilliseconds = "pending_wait_milliseconds"
        case connectTimeoutMilliseconds = "connect_timeout_milliseconds"
        case headTimeoutMilliseconds = "head_timeout_milliseconds"
        case uploadIdleTimeoutMilliseconds = "upload_idle_timeout_milliseconds"
        case keepAliveTimeoutMilliseconds = "keep_alive_timeout_milliseconds"
    }
}
