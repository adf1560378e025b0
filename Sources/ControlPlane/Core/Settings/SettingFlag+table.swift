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
                "How long a request waits for a worker to become ready; 0: not at all"
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
        }
    }
}
