internal import SignalboxProtocol

extension SettingFlag {
    typealias Row = (names: [String], unit: Unit, meaning: String)

    /// The one table from settings to flags: names, unit, and the meaning without the final full stop.
    static func row(_ key: RoutingSettings.CodingKeys) -> Row {
        switch key {
        case .payloadBytesMax:
            (["max-payload-size"], .bytes, "Largest request body, in bytes")
        case .requestLineBytesMax:
            (["max-request-line-bytes"], .bytes, "Longest request line, in bytes")
        case .headBytesMax:
            (["max-head-bytes"], .bytes, "Longest request head with its first line, in bytes")
        case .fieldsMax:
            (["max-header-fields"], .number, "Most header fields of one request")
        case .chunkExtensionBytesMax:
            (["max-chunk-extension-bytes"], .bytes, "Most bytes of chunk extensions in one body")
        case .connectionsMax:
            (["max-connections"], .number, "Most client connections of one data plane; 0: as its descriptors allow")
        case .bufferBytesMax:
            (["max-buffer-bytes"], .bytes, "Most bytes that one data plane holds in memory for its connections")
        case .spoolBytesMax:
            (["max-spool-bytes"], .bytes, "Most bytes of request bodies that one data plane has in temporary files")
        case .headTimeoutMilliseconds:
            (["timeout-head-secs"], .seconds, "How long a client may take to send a request head")
        case .uploadIdleTimeoutMilliseconds:
            (["timeout-upload-idle-secs"], .seconds, "How long a client may send nothing in the middle of a body")
        case .keepAliveTimeoutMilliseconds:
            (["timeout-keep-alive-secs"], .seconds, "How long a client connection without a request is kept")
        case .queueTimeoutMilliseconds:
            (
                ["timeout-queue-secs", "queue-timeout-secs"], .seconds,
                "How long a request waits for a worker that is not ready yet or has no room; 0: not at all"
            )
        case .holdTimeoutMilliseconds:
            (
                ["timeout-hold-secs"], .seconds,
                "How long a request waits for workers that have all become unhealthy, as in a restart; 0: not at all"
            )
        case .drainTimeoutMilliseconds:
            (
                ["timeout-drain-secs"], .seconds,
                "How long the requests of a removed worker may go on before they are cut; 0: not at all"
            )
        case .concurrentRequestsMax:
            (
                ["max-concurrent-requests"], .number,
                "Most inference requests of one data plane at workers at one time; 0 or -1: no limit"
            )
        case .queueSize:
            (["queue-size"], .number, "Most requests of one data plane that wait for a worker")
        case .queuePercentMax:
            (
                ["max-queue-percent"], .number,
                "Most requests that wait for room, in percent of what workers run at one time; 0: as --queue-size says"
            )
        case .requestsPerSecondMax:
            (
                ["rate-limit-tokens-per-second"], .number,
                "Inference requests that one data plane begins in a second on average; 0: no limit"
            )
        case .workerRequestsMax:
            (
                ["max-worker-requests"], .number,
                "Most requests of all data planes of the host in flight at one worker; 0: as the worker says, or its latency shows"
            )
        case .retryAttemptsMax:
            (["retry-max-retries"], .number, "Most attempts for one request, the first included; 1: no retries")
        case .retryBackoffInitialMilliseconds:
            (["retry-initial-backoff-ms"], .milliseconds, "Wait before the second attempt, in milliseconds")
        case .retryBackoffMaxMilliseconds:
            (["retry-max-backoff-ms"], .milliseconds, "Longest wait before an attempt, in milliseconds")
        case .retryBackoffMultiplierPermille:
            (["retry-backoff-multiplier"], .ratio, "How much longer each wait is than the one before")
        case .retryJitterPermille:
            (["retry-jitter-factor"], .ratio, "Share of a wait by which it is randomly longer or shorter")
        case .retryBudgetPercent:
            (
                ["retry-budget-percent"], .number,
                "Most requests that are retried at one time, in percent of those in flight; a few always may"
            )
        case .retrySilenceMilliseconds:
            (
                ["retry-silence-secs"], .seconds,
                "How long a worker that is out for its silence has sent nothing before who awaits its first byte goes elsewhere; 0: never"
            )
        case .breakerFailureThreshold:
            (["cb-failure-threshold"], .number, "Failures in a row that take a worker out; 0: none do")
        case .breakerSuccessThreshold:
            (["cb-success-threshold"], .number, "Successful trials in a row that take a worker in again")
        case .breakerOpenMilliseconds:
            (
                ["cb-timeout-duration-secs"], .seconds,
                "Longest time that a worker is out before trials; the first is a second, each further one doubles"
            )
        case .breakerWindowMilliseconds:
            (["cb-window-duration-secs"], .seconds, "Failures further apart than this are not in a row")
        case .breakerOpenPercentMax:
            (["cb-max-open-percent"], .number, "Most workers of a model that are out at one time, in percent")
        case .breakerCounts:
            (
                ["cb-counts"], .word,
                "What counts as failure: outages (connections, time limits, 502, 503, 504) or errors (all but 2xx)"
            )
        case .connectTimeoutMilliseconds:
            (["timeout-connect-secs"], .seconds, "How long a connection to a worker may take to open")
        case .firstByteTimeoutMilliseconds:
            (
                ["timeout-first-byte-secs"], .seconds,
                "How long a worker may take from the whole request to the first byte of its answer; 0: for ever"
            )
        case .streamIdleTimeoutMilliseconds:
            (["timeout-stream-idle-secs"], .seconds, "How long a begun answer may stand still; 0: for ever")
        case .requestTimeoutMilliseconds:
            (["request-timeout-secs"], .seconds, "How long a request may take in all; 0: for ever")
        case .halfClose:
            (
                ["half-close"], .word,
                "What a client's end of sending means: abort (it has gone) or allow (it may still read)"
            )
        case .forwardedFields:
            (
                ["forwarded-fields"], .word,
                "What happens to X-Forwarded-For and X-Forwarded-Proto: append, replace, remove or pass"
            )
        case .via:
            (["via"], .word, "Name under which the proxy adds itself to Via; empty: it does not")
        case .requestIDFields:
            (
                ["request-id-headers"], .word,
                "Header fields that may carry a request's id, the first that is there counts; empty: ids are not handled"
            )
        case .traceContext:
            (
                ["trace-context"], .word,
                "What happens to traceparent and tracestate: begin (a trace where none is valid), check or pass"
            )
        case .workerField:
            (["worker-field"], .number, "1: answers name their worker by its id in X-Signalbox-Worker; 0: they do not")
        case .explain:
            (
                ["explain"], .number,
                "1: a request with 'X-Signalbox-Explain: 1' is told why its worker was picked; 0: it is not"
            )
        }
    }
}
