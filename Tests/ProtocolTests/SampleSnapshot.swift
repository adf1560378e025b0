import SignalboxProtocol

/// Snapshots that tests start from.
enum SampleSnapshot {
    static let epoch = identifier(EpochKind.self, 1)

    static func identifier<Kind>(_ kind: Kind.Type, _ seed: UInt64) -> Identifier<Kind> {
        var generator = CountingGenerator(value: seed)
        return Identifier<Kind>.random(using: &generator)
    }

    static func worker(_ number: UInt64, url: String? = nil) -> SnapshotWorker {
        SnapshotWorker(
            id: identifier(WorkerKind.self, number),
            incarnation: identifier(IncarnationKind.self, number),
            url: url ?? "http://worker-\(number):8000",
            models: [ModelCard(id: "m", card: #"{"id":"m","max_model_len":8192}"#)],
            labels: ["zone": "a", "rack": "7"]
        )
    }

    static func snapshot(sequence: UInt64 = 7, workers: [SnapshotWorker] = [worker(1), worker(2)]) -> Snapshot {
        Snapshot(version: SnapshotVersion(epoch: epoch, sequence: sequence), workers: workers)
    }
}

/// Counts up, so that identifiers are the same in every run.
struct CountingGenerator: RandomNumberGenerator {
    var value: UInt64

    mutating func next() -> UInt64 {
        value &+= 0x0101_0101_0101_0101
        return value
    }
}
