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
        found += duplicates(workers.map(\.url), field: "url")
        for (index, worker) in workers.enumerated() {
            found += worker.violations(path: "workers[\(index)]")
        }
        found += policy.violations(path: "policy")
        var models: Set<String> = []
        for (index, configuration) in self.models.enumerated() {
            if !models.insert(configuration.model).inserted {
                found.append(.init(path: "models[\(index)].model", message: "'\(configuration.model)' stands twice"))
            }
            found += configuration.policy.violations(path: "models[\(index)].policy")
        }
        return found + settings.violations(path: "settings")
    }

    private func duplicates(_ values: [String], field: String) -> [SnapshotViolation] {
        var seen: Set<String> = []
        return values.enumerated().compactMap { index, value in
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
        parameters.keys.sorted().map {
            .init(path: "\(path).parameters.\($0)", message: "the policy \(name.rawValue) has no such parameter")
        }
    }
}

extension RoutingSettings {
    func violations(path: String) -> [SnapshotViolation] {
        let dayMilliseconds = 24 * 60 * 60 * 1000
        let bounds: [(CodingKeys, Int, ClosedRange<Int>)] = [
            (.payloadBytesMax, payloadBytesMax, 1...(64 * 1024 * 1024 * 1024)),
            (.pendingWaitMilliseconds, pendingWaitMilliseconds, 0...dayMilliseconds),
            (.connectTimeoutMilliseconds, connectTimeoutMilliseconds, 1...dayMilliseconds),
            (.headTimeoutMilliseconds, headTimeoutMilliseconds, 1...dayMilliseconds),
            (.uploadIdleTimeoutMilliseconds, uploadIdleTimeoutMilliseconds, 1...dayMilliseconds),
            (.keepAliveTimeoutMilliseconds, keepAliveTimeoutMilliseconds, 1...dayMilliseconds),
        ]
        return bounds.compactMap { key, value, range in
            range.contains(value)
                ? nil
                : SnapshotViolation(
                    path: "\(path).\(key.rawValue)",
                    message: "\(value) is not from \(range.lowerBound) to \(range.upperBound)"
                )
        }
    }
}
