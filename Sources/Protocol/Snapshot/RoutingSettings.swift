/// Limits and times that every data plane applies.
///
/// A field that a document lacks has its default, so that an older control plane can feed a newer data plane.
public struct RoutingSettings: Hashable, Sendable, Codable {
    // MARK: - What a client may send

    /// Largest request body in bytes. 512 MiB as in the original since 0.2: several images fit, a runaway upload does
    /// not.
    public var payloadBytesMax = 512 * 1024 * 1024
    /// Longest request line in bytes; 16 KiB hold any URL that a browser or SDK makes.
    public var requestLineBytesMax = 16 * 1024
    /// Longest head in bytes, first line and final empty line included; cookies and tokens fit, a bomb does not.
    public var headBytesMax = 64 * 1024
    /// Most fields in one head.
    public var fieldsMax = 128
    /// Most bytes of chunk extensions in one body; they carry nothing that anyone uses.
    public var chunkExtensionBytesMax = 4 * 1024

    // MARK: - What a data plane may hold

    /// Most client connections of one data plane; 0: as many as its descriptors allow.
    public var connectionsMax = 0
    /// Bytes that one data plane may hold for its connections: unread input, held bodies and unsent output together.
    /// 256 MiB are 256 held bodies of the largest size that is held at all.
    public var bufferBytesMax = 256 * 1024 * 1024
    /// Bytes of bodies that one data plane may have in temporary files.
    public var spoolBytesMax = 1024 * 1024 * 1024

    // MARK: - Time limits, in milliseconds

    /// How long a client may take to send a request head.
    public var headTimeoutMilliseconds = 30_000
    /// How long a client may send nothing in the middle of a body.
    public var uploadIdleTimeoutMilliseconds = 30_000
    /// How long a client connection without a request is kept.
    public var keepAliveTimeoutMilliseconds = 75_000
    /// The limits of a request whose model has no own ones.
    public var timeouts = RequestTimeouts()

    // MARK: - Overload and outages

    public var admission = AdmissionSettings()
    public var retry = RetrySettings()
    public var breaker = BreakerSettings()
    /// How long the requests of a worker that is removed may go on before they are cut, in milliseconds; 0: not at all.
    public var drainTimeoutMilliseconds = 300_000

    // MARK: - How messages are passed on

    /// What the end of a client's sending side means.
    public var halfClose = HalfClose.abort
    /// What happens to `X-Forwarded-For` and `X-Forwarded-Proto`.
    public var forwardedFields = ForwardedFields.append
    /// The name under which the proxy adds itself to `Via`, a token; empty: it does not.
    public var via = "signalbox"
    /// Names of the fields that may carry a request's id, separated by commas: the first of them that a request has counts
    /// (specification section 1). Empty: ids are neither read nor made.
    public var requestIDFields = "x-request-id,x-correlation-id,x-trace-id,request-id"
    /// What happens to `traceparent` and `tracestate`.
    public var traceContext = TraceContextMode.begin
    /// 1: answers name the worker that gave them, by its id (`X-Signalbox-Worker`); 0: they do not.
    public var workerField = 0
    /// 1: a request may ask why its worker was picked (`X-Signalbox-Explain`); 0: it may not.
    public var explain = 0

    public init() {}

    public init(from decoder: any Decoder) throws {
        self.init()
        let container = try decoder.container(keyedBy: CodingKeys.self)
        for key in CodingKeys.allCases {
            switch key {
            case .halfClose: halfClose = try container.decodeIfPresent(HalfClose.self, forKey: key) ?? halfClose
            case .forwardedFields:
                forwardedFields = try container.decodeIfPresent(ForwardedFields.self, forKey: key) ?? forwardedFields
            case .via: via = try container.decodeIfPresent(String.self, forKey: key) ?? via
            case .traceContext:
                traceContext = try container.decodeIfPresent(TraceContextMode.self, forKey: key) ?? traceContext
            case .requestIDFields:
                requestIDFields = try container.decodeIfPresent(String.self, forKey: key) ?? requestIDFields
            case .breakerCounts:
                breaker.counts = try container.decodeIfPresent(BreakerCounts.self, forKey: key) ?? breaker.counts
            default:
                guard let path = RoutingSettings.number(key) else { continue }
                self[keyPath: path] = try container.decodeIfPresent(Int.self, forKey: key) ?? self[keyPath: path]
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        for key in CodingKeys.allCases {
            switch key {
            case .halfClose: try container.encode(halfClose, forKey: key)
            case .forwardedFields: try container.encode(forwardedFields, forKey: key)
            case .via: try container.encode(via, forKey: key)
            case .traceContext: try container.encode(traceContext, forKey: key)
            case .requestIDFields: try container.encode(requestIDFields, forKey: key)
            case .breakerCounts: try container.encode(breaker.counts, forKey: key)
            default:
                guard let path = RoutingSettings.number(key) else { continue }
                try container.encode(self[keyPath: path], forKey: key)
            }
        }
    }
}

extension RoutingSettings {
    /// The settings by the names that they have in documents, in the database and in the admin API.
    public enum CodingKeys: String, CodingKey, CaseIterable {
        case payloadBytesMax = "payload_bytes_max"
        case requestLineBytesMax = "request_line_bytes_max"
        case headBytesMax = "head_bytes_max"
        case fieldsMax = "fields_max"
        case chunkExtensionBytesMax = "chunk_extension_bytes_max"
        case connectionsMax = "connections_max"
        case bufferBytesMax = "buffer_bytes_max"
        case spoolBytesMax = "spool_bytes_max"
        case headTimeoutMilliseconds = "head_timeout_milliseconds"
        case uploadIdleTimeoutMilliseconds = "upload_idle_timeout_milliseconds"
        case keepAliveTimeoutMilliseconds = "keep_alive_timeout_milliseconds"
        case queueTimeoutMilliseconds = "queue_timeout_milliseconds"
        case connectTimeoutMilliseconds = "connect_timeout_milliseconds"
        case firstByteTimeoutMilliseconds = "first_byte_timeout_milliseconds"
        case streamIdleTimeoutMilliseconds = "stream_idle_timeout_milliseconds"
        case requestTimeoutMilliseconds = "request_timeout_milliseconds"
        case holdTimeoutMilliseconds = "hold_timeout_milliseconds"
        case concurrentRequestsMax = "concurrent_requests_max"
        case queueSize = "queue_size"
        case queuePercentMax = "queue_percent_max"
        case requestsPerSecondMax = "requests_per_second_max"
        case workerRequestsMax = "worker_requests_max"
        case retryAttemptsMax = "retry_attempts_max"
        case retryBackoffInitialMilliseconds = "retry_backoff_initial_milliseconds"
        case retryBackoffMaxMilliseconds = "retry_backoff_max_milliseconds"
        case retryBackoffMultiplierPermille = "retry_backoff_multiplier_permille"
        case retryJitterPermille = "retry_jitter_permille"
        case retryBudgetPercent = "retry_budget_percent"
        case retrySilenceMilliseconds = "retry_silence_milliseconds"
        case breakerFailureThreshold = "breaker_failure_threshold"
        case breakerSuccessThreshold = "breaker_success_threshold"
        case breakerOpenMilliseconds = "breaker_open_milliseconds"
        case breakerWindowMilliseconds = "breaker_window_milliseconds"
        case breakerOpenPercentMax = "breaker_open_percent_max"
        case breakerCounts = "breaker_counts"
        case drainTimeoutMilliseconds = "drain_timeout_milliseconds"
        case halfClose = "half_close"
        case forwardedFields = "forwarded_fields"
        case via
        case requestIDFields = "request_id_fields"
        case traceContext = "trace_context"
        case workerField = "worker_field"
        case explain
    }

    /// Where the number of a setting is kept; nil for those that are words.
    public static func number(_ key: CodingKeys) -> WritableKeyPath<RoutingSettings, Int>? {
        switch key {
        case .payloadBytesMax: \.payloadBytesMax
        case .requestLineBytesMax: \.requestLineBytesMax
        case .headBytesMax: \.headBytesMax
        case .fieldsMax: \.fieldsMax
        case .chunkExtensionBytesMax: \.chunkExtensionBytesMax
        case .connectionsMax: \.connectionsMax
        case .bufferBytesMax: \.bufferBytesMax
        case .spoolBytesMax: \.spoolBytesMax
        case .headTimeoutMilliseconds: \.headTimeoutMilliseconds
        case .uploadIdleTimeoutMilliseconds: \.uploadIdleTimeoutMilliseconds
        case .keepAliveTimeoutMilliseconds: \.keepAliveTimeoutMilliseconds
        case .queueTimeoutMilliseconds: \.timeouts.queueMilliseconds
        case .connectTimeoutMilliseconds: \.timeouts.connectMilliseconds
        case .firstByteTimeoutMilliseconds: \.timeouts.firstByteMilliseconds
        case .streamIdleTimeoutMilliseconds: \.timeouts.streamIdleMilliseconds
        case .requestTimeoutMilliseconds: \.timeouts.requestMilliseconds
        case .holdTimeoutMilliseconds: \.timeouts.holdMilliseconds
        case .concurrentRequestsMax: \.admission.concurrentRequestsMax
        case .queueSize: \.admission.queueSize
        case .queuePercentMax: \.admission.queuePercentMax
        case .requestsPerSecondMax: \.admission.requestsPerSecondMax
        case .workerRequestsMax: \.admission.workerRequestsMax
        case .retryAttemptsMax: \.retry.attemptsMax
        case .retryBackoffInitialMilliseconds: \.retry.backoffInitialMilliseconds
        case .retryBackoffMaxMilliseconds: \.retry.backoffMaxMilliseconds
        case .retryBackoffMultiplierPermille: \.retry.backoffMultiplierPermille
        case .retryJitterPermille: \.retry.jitterPermille
        case .retryBudgetPercent: \.retry.budgetPercent
        case .retrySilenceMilliseconds: \.retry.silenceMilliseconds
        case .breakerFailureThreshold: \.breaker.failureThreshold
        case .breakerSuccessThreshold: \.breaker.successThreshold
        case .breakerOpenMilliseconds: \.breaker.openMilliseconds
        case .breakerWindowMilliseconds: \.breaker.windowMilliseconds
        case .breakerOpenPercentMax: \.breaker.openPercentMax
        case .drainTimeoutMilliseconds: \.drainTimeoutMilliseconds
        case .workerField: \.workerField
        case .explain: \.explain
        case .halfClose, .forwardedFields, .via, .requestIDFields, .traceContext, .breakerCounts: nil
        }
    }
}
