import ArgumentParser
import ControlPlaneCore
import SignalboxProtocol

/// The flags of all settings, in groups as the help shows them; a flag that is not given leaves the stored value.
struct SettingOptions: ParsableArguments {
    @OptionGroup(title: "Limits of what a client may send and a data plane may hold")
    var limits: LimitOptions

    @OptionGroup(title: "Time limits, in seconds down to 0.001")
    var timeLimits: TimeLimitOptions

    @OptionGroup(title: "Overload")
    var admission: AdmissionOptions

    @OptionGroup(title: "Retries")
    var retry: RetryOptions

    @OptionGroup(title: "Circuit breakers")
    var breaker: BreakerOptions

    @OptionGroup(title: "How messages are passed on")
    var forwarding: ForwardingOptions

    /// The settings whose flags were given, by the flags' texts.
    var given: [(flag: SettingFlag, text: String)] {
        let texts =
            limits.texts + timeLimits.texts + admission.texts + retry.texts + breaker.texts + forwarding.texts
        return texts.compactMap { key, text in text.map { (SettingFlag(key), $0) } }
    }

    /// The given flags in a form that reads back to equal options.
    var arguments: [String] {
        given.flatMap { [$0.flag.name, $0.text] }
    }

    /// What the given flags set.
    ///
    /// - Throws: ``SettingFlagError`` for the first value that its setting cannot have.
    func values() throws -> [RoutingSettings.CodingKeys: SettingValue] {
        var values: [RoutingSettings.CodingKeys: SettingValue] = [:]
        for (flag, text) in given { values[flag.key] = try flag.value(text) }
        return values
    }

    func validate() throws {
        do {
            _ = try values()
        } catch let error as SettingFlagError {
            throw ValidationError(error.description)
        }
    }
}

/// The texts of a group's flags; nil: not given.
typealias SettingTexts = [(RoutingSettings.CodingKeys, String?)]

/// The flags of what a client may send and what a data plane may hold.
struct LimitOptions: ParsableArguments {
    @Option(.payloadBytesMax) var payloadBytesMax: String?
    @Option(.requestLineBytesMax) var requestLineBytesMax: String?
    @Option(.headBytesMax) var headBytesMax: String?
    @Option(.fieldsMax) var fieldsMax: String?
    @Option(.chunkExtensionBytesMax) var chunkExtensionBytesMax: String?
    @Option(.connectionsMax) var connectionsMax: String?
    @Option(.bufferBytesMax) var bufferBytesMax: String?
    @Option(.spoolBytesMax) var spoolBytesMax: String?

    var texts: SettingTexts {
        [
            (.payloadBytesMax, payloadBytesMax), (.requestLineBytesMax, requestLineBytesMax),
            (.headBytesMax, headBytesMax), (.fieldsMax, fieldsMax), (.chunkExtensionBytesMax, chunkExtensionBytesMax),
            (.connectionsMax, connectionsMax), (.bufferBytesMax, bufferBytesMax), (.spoolBytesMax, spoolBytesMax),
        ]
    }
}

/// The flags of the time limits.
struct TimeLimitOptions: ParsableArguments {
    @Option(.headTimeoutMilliseconds) var head: String?
    @Option(.uploadIdleTimeoutMilliseconds) var uploadIdle: String?
    @Option(.queueTimeoutMilliseconds) var queue: String?
    @Option(.connectTimeoutMilliseconds) var connect: String?
    @Option(.firstByteTimeoutMilliseconds) var firstByte: String?
    @Option(.streamIdleTimeoutMilliseconds) var streamIdle: String?
    @Option(.keepAliveTimeoutMilliseconds) var keepAlive: String?
    @Option(.requestTimeoutMilliseconds) var request: String?
    @Option(.holdTimeoutMilliseconds) var hold: String?
    @Option(.drainTimeoutMilliseconds) var drain: String?

    var texts: SettingTexts {
        [
            (.headTimeoutMilliseconds, head), (.uploadIdleTimeoutMilliseconds, uploadIdle),
            (.queueTimeoutMilliseconds, queue), (.connectTimeoutMilliseconds, connect),
            (.firstByteTimeoutMilliseconds, firstByte), (.streamIdleTimeoutMilliseconds, streamIdle),
            (.keepAliveTimeoutMilliseconds, keepAlive), (.requestTimeoutMilliseconds, request),
            (.holdTimeoutMilliseconds, hold), (.drainTimeoutMilliseconds, drain),
        ]
    }
}

/// The flags of how many requests are taken on.
struct AdmissionOptions: ParsableArguments {
    @Option(.concurrentRequestsMax) var concurrentRequestsMax: String?
    @Option(.queueSize) var queueSize: String?
    @Option(.queuePercentMax) var queuePercentMax: String?
    @Option(.requestsPerSecondMax) var requestsPerSecondMax: String?
    @Option(.workerRequestsMax) var workerRequestsMax: String?

    var texts: SettingTexts {
        [
            // The original switches its limit off by -1.
            (.concurrentRequestsMax, concurrentRequestsMax == "-1" ? "0" : concurrentRequestsMax),
            (.queueSize, queueSize), (.queuePercentMax, queuePercentMax),
            (.requestsPerSecondMax, requestsPerSecondMax),
            (.workerRequestsMax, workerRequestsMax),
        ]
    }
}

/// The flags of retries.
struct RetryOptions: ParsableArguments {
    @Option(.retryAttemptsMax) var attemptsMax: String?
    @Option(.retryBackoffInitialMilliseconds) var backoffInitial: String?
    @Option(.retryBackoffMaxMilliseconds) var backoffMax: String?
    @Option(.retryBackoffMultiplierPermille) var backoffMultiplier: String?
    @Option(.retryJitterPermille) var jitter: String?
    @Option(.retryBudgetPercent) var budget: String?
    @Option(.retrySilenceMilliseconds) var silence: String?

    @Flag(name: .long, help: "Make one attempt for each request: --retry-max-retries 1.")
    var disableRetries = false

    var texts: SettingTexts {
        [
            // The original takes 0 for one attempt, too.
            (.retryAttemptsMax, disableRetries || attemptsMax == "0" ? "1" : attemptsMax),
            (.retryBackoffInitialMilliseconds, backoffInitial),
            (.retryBackoffMaxMilliseconds, backoffMax), (.retryBackoffMultiplierPermille, backoffMultiplier),
            (.retryJitterPermille, jitter), (.retryBudgetPercent, budget), (.retrySilenceMilliseconds, silence),
        ]
    }
}

/// The flags of circuit breakers.
struct BreakerOptions: ParsableArguments {
    @Option(.breakerFailureThreshold) var failureThreshold: String?
    @Option(.breakerSuccessThreshold) var successThreshold: String?
    @Option(.breakerOpenMilliseconds) var open: String?
    @Option(.breakerWindowMilliseconds) var window: String?
    @Option(.breakerOpenPercentMax) var openPercentMax: String?
    @Option(.breakerCounts) var counts: String?

    @Flag(name: .long, help: "Take no worker out because of failed requests: --cb-failure-threshold 0.")
    var disableCircuitBreaker = false

    var texts: SettingTexts {
        [
            (.breakerFailureThreshold, disableCircuitBreaker ? "0" : failureThreshold),
            (.breakerSuccessThreshold, successThreshold), (.breakerOpenMilliseconds, open),
            (.breakerWindowMilliseconds, window), (.breakerOpenPercentMax, openPercentMax), (.breakerCounts, counts),
        ]
    }
}

/// The flags of how messages are passed on.
struct ForwardingOptions: ParsableArguments {
    @Option(.halfClose) var halfClose: String?
    @Option(.forwardedFields) var forwardedFields: String?
    @Option(.via) var via: String?
    @Option(
        name: NameSpecification(SettingFlag(.requestIDFields).names.map { .customLong($0) }),
        parsing: .upToNextOption,
        help: ArgumentHelp(SettingFlag(.requestIDFields).help, valueName: "name")
    )
    var requestIDFields: [String] = []
    @Option(.traceContext) var traceContext: String?
    @Option(.workerField) var workerField: String?
    @Option(.explain) var explain: String?

    var texts: SettingTexts {
        [
            (.halfClose, halfClose), (.forwardedFields, forwardedFields), (.via, via),
            (.requestIDFields, requestIDFields.isEmpty ? nil : requestIDFields.joined(separator: ",")),
            (.traceContext, traceContext), (.workerField, workerField), (.explain, explain),
        ]
    }
}

extension Option where Value == String? {
    /// The option of a setting's flag; name and help are those of the table of flags.
    init(_ key: RoutingSettings.CodingKeys) {
        let flag = SettingFlag(key)
        self.init(
            name: NameSpecification(flag.names.map { .customLong($0) }),
            // A number that begins with a dash is a bad value, no other flag.
            parsing: flag.unit == .word ? .next : .unconditional,
            help: ArgumentHelp(flag.help, valueName: flag.unit.rawValue)
        )
    }
}
