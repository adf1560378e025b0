/// A rule that a snapshot breaks.
public struct SnapshotViolation: Hashable, Sendable, CustomStringConvertible {
    /// Where, as a path into the document: `workers[3].url`.
    public var path: String
    public var message: String

    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }

    public var description: String { "\(path): \(message)" }
}

extension Snapshot {
    /// Most workers that one snapshot may hold; more would not fit the protocol's longest line.
    public static let workersMax = 100_000

    /// Every rule that the snapshot breaks; checked before publication and again on arrival.
    public func violations() -> [SnapshotViolation] {
        var found: [SnapshotViolation] = []
        if workers.count > Snapshot.workersMax {
            found.append(.init(path: "workers", message: "more than \(Snapshot.workersMax)"))
        }
        found += duplicates(workers.map(\.id.description), field: "id")
        found += duplicates(workers.map(\.incarnation.description), field: "incarnation")
        // A URL may be registered anew while what was there before drains.
        let activeURLs = workers.enumerated().filter { $0.element.intent == .active }.map {
            ($0.offset, $0.element.url)
        }
        found += duplicates(activeURLs, field: "url")
        for (index, worker) in workers.enumerated() {
            found += worker.violations(path: "workers[\(index)]")
        }
        found += policy.violations(path: "policy")
        var models: Set<String> = []
        for (index, configuration) in self.models.enumerated() {
            if !models.insert(configuration.model).inserted {
                found.append(.init(path: "models[\(index)].model", message: "'\(configuration.model)' stands twice"))
            }
            found += configuration.policy?.violations(path: "models[\(index)].policy") ?? []
            found += configuration.timeouts?.violations(path: "models[\(index)].timeouts") ?? []
        }
        return found + settings.violations(path: "settings")
    }

    private func duplicates(_ values: [String], field: String) -> [SnapshotViolation] {
        duplicates(values.enumerated().map { ($0.offset, $0.element) }, field: field)
    }

    private func duplicates(_ values: [(Int, String)], field: String) -> [SnapshotViolation] {
        var seen: Set<String> = []
        return values.compactMap { index, value in
            seen.insert(value).inserted
                ? nil : SnapshotViolation(path: "workers[\(index)].\(field)", message: "'\(value)' stands twice")
        }
    }
}

extension SnapshotWorker {
    /// Largest ``weight``: a worker a thousand times as strong as another is a typing error.
    public static let weightMax = 1000

    func violations(path: String) -> [SnapshotViolation] {
        var found: [SnapshotViolation] = []
        do {
            let parsed = try WorkerURL(url)
            if parsed.description != url {
                found.append(.init(path: "\(path).url", message: "'\(url)' is not in normal form (\(parsed))"))
            }
        } catch {
            found.append(.init(path: "\(path).url", message: error.description))
        }
        if !(1...SnapshotWorker.weightMax).contains(weight) {
            found.append(
                .init(path: "\(path).weight", message: "\(weight) is not from 1 to \(SnapshotWorker.weightMax)")
            )
        }
        return found
    }
}

extension PolicyConfiguration {
    func violations(path: String) -> [SnapshotViolation] {
        faults.map { SnapshotViolation(path: "\(path).parameters.\($0.parameter)", message: $0.message) }
    }
}

extension RoutingSettings {
    /// The values that a setting may have; nil for those that are words.
    public static func bounds(_ key: CodingKeys) -> ClosedRange<Int>? {
        switch key {
        case .payloadBytesMax: 1...(64 * 1024 * 1024 * 1024)
        case .requestLineBytesMax, .headBytesMax: 1024...(1024 * 1024)
        case .fieldsMax: 16...4096
        case .chunkExtensionBytesMax: 0...(64 * 1024)
        case .connectionsMax: 0...10_000_000
        case .bufferBytesMax: (16 * 1024 * 1024)...(1024 * 1024 * 1024 * 1024)
        case .spoolBytesMax: 0...(1024 * 1024 * 1024 * 1024)
        case .headTimeoutMilliseconds, .uploadIdleTimeoutMilliseconds, .keepAliveTimeoutMilliseconds,
            .connectTimeoutMilliseconds:
            1...dayMilliseconds
        case .queueTimeoutMilliseconds, .firstByteTimeoutMilliseconds, .streamIdleTimeoutMilliseconds,
            .requestTimeoutMilliseconds, .holdTimeoutMilliseconds, .drainTimeoutMilliseconds:
            0...dayMilliseconds
        case .concurrentRequestsMax, .queueSize, .requestsPerSecondMax, .workerRequestsMax: 0...10_000_000
        case .queuePercentMax: 0...100_000
        case .retryAttemptsMax: 1...100
        case .retryBackoffInitialMilliseconds, .retryBackoffMaxMilliseconds, .retrySilenceMilliseconds:
            0...dayMilliseconds
        case .retryBackoffMultiplierPermille: 1_000...100_000
        case .retryJitterPermille: 0...1_000
        case .retryBudgetPercent, .breakerOpenPercentMax: 0...100
        case .breakerFailureThreshold: 0...1_000_000
        case .breakerSuccessThreshold: 1...1_000
        case .workerField, .explain: 0...1
        case .breakerOpenMilliseconds, .breakerWindowMilliseconds: 1...dayMilliseconds
        case .halfClose, .forwardedFields, .via, .requestIDFields, .traceContext, .breakerCounts: nil
        }
    }

    /// The longest time limit: a day.
    private static let dayMilliseconds = 24 * 60 * 60 * 1000
    /// Longest name in `Via`.
    public static let viaBytesMax = 64
    /// Most names in ``requestIDFields``.
    public static let requestIDFieldsMax = 8

    func violations(path: String) -> [SnapshotViolation] {
        var found: [SnapshotViolation] = []
        for key in CodingKeys.allCases {
            guard let number = RoutingSettings.number(key), let bounds = RoutingSettings.bounds(key) else { continue }
            found += SnapshotViolation.outside(bounds, self[keyPath: number], path: "\(path).\(key.rawValue)")
        }
        if requestLineBytesMax > headBytesMax {
            let message = "\(requestLineBytesMax) is more than \(CodingKeys.headBytesMax.rawValue) (\(headBytesMax))"
            found.append(.init(path: "\(path).\(CodingKeys.requestLineBytesMax.rawValue)", message: message))
        }
        if !RoutingSettings.isViaName(via) {
            found.append(
                .init(
                    path: "\(path).\(CodingKeys.via.rawValue)",
                    message: "'\(via)' is not a name of at most \(RoutingSettings.viaBytesMax) letters, digits and -._"
                )
            )
        }
        if !RoutingSettings.isFieldNames(requestIDFields) {
            let message =
                "'\(requestIDFields.prefix(128))' is not up to \(RoutingSettings.requestIDFieldsMax) field names with commas between"
            found.append(.init(path: "\(path).\(CodingKeys.requestIDFields.rawValue)", message: message))
        }
        return found
    }

    /// Whether the text is a list of field names of at most 64 bytes each; the empty one is, too.
    public static func isFieldNames(_ text: String) -> Bool {
        let names = text.split(separator: ",", omittingEmptySubsequences: false)
        return text.isEmpty
            || names.count <= requestIDFieldsMax
                && names.allSatisfy { (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy(isTokenByte) }
    }

    /// Whether the text may stand for the proxy in `Via` (RFC 9110 section 7.6.3, a pseudonym); the empty one may, too.
    public static func isViaName(_ text: String) -> Bool {
        text.utf8.count <= viaBytesMax && text.utf8.allSatisfy(isTokenByte)
    }

    /// A byte that RFC 9110 section 5.6.2 allows in a token, as far as names need it.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}

extension ModelTimeouts {
    func violations(path: String) -> [SnapshotViolation] {
        let values: [(CodingKeys, Int?)] = [
            (.queueMilliseconds, queueMilliseconds),
            (.holdMilliseconds, holdMilliseconds),
            (.connectMilliseconds, connectMilliseconds),
            (.firstByteMilliseconds, firstByteMilliseconds),
            (.streamIdleMilliseconds, streamIdleMilliseconds),
            (.requestMilliseconds, requestMilliseconds),
        ]
        return values.flatMap { key, value -> [SnapshotViolation] in
            guard let value, let setting = RoutingSettings.CodingKeys(rawValue: key.rawValue),
                let bounds = RoutingSettings.bounds(setting)
            else { return [] }
            return SnapshotViolation.outside(bounds, value, path: "\(path).\(key.rawValue)")
        }
    }
}

extension SnapshotViolation {
    /// The violation of a number that is not within its bounds, or nothing.
    fileprivate static func outside(_ bounds: ClosedRange<Int>, _ value: Int, path: String) -> [SnapshotViolation] {
        guard !bounds.contains(value) else { return [] }
        let message = "\(value) is not from \(bounds.lowerBound) to \(bounds.upperBound)"
        return [SnapshotViolation(path: path, message: message)]
    }
}
