/// Routing tables of several kinds: with workers that come and go, with models that differ, with none that is ready.
extension EngineRun {
    private static let epoch: Epoch = {
        var generator = SplitMix64(seed: 7)
        return Epoch.random(using: &generator)
    }()

    mutating func applyTable(_ choices: UInt8) {
        sequence += 1
        var workers: [SnapshotWorker] = []
        for number in 1...4 where choices >> UInt8(number - 1) & 1 == (number <= 2 ? 0 : 1) {
            // A worker that was removed and comes back is another one.
            workers.append(worker(number, incarnation: choices & 0x10 == 0 ? 0 : Int(sequence), choices))
        }
        settings.payloadBytesMax = choices & 0x20 == 0 ? 1024 * 1024 : 250
        settings.bufferBytesMax = choices & 0x40 == 0 ? 1024 * 1024 : 300
        settings.spoolBytesMax = choices & 0x60 == 0 ? 1024 * 1024 : 200
        let snapshot = Snapshot(
            version: SnapshotVersion(epoch: EngineRun.epoch, sequence: sequence),
            workers: workers,
            policy: PolicyConfiguration(name: .leastLoad),
            settings: settings
        )
        var addresses: [String: [IPAddress]] = [:]
        for number in 1...4 {
            addresses["worker-\(number)"] = (0..<(number == 2 ? 2 : 1)).map { offset in
                var bytes = SIMD16<UInt8>(repeating: 0)
                bytes[0] = 10
                bytes[3] = UInt8(number * 10 + offset)
                return IPAddress(bytes: bytes, isIPv6: false)
            }
        }
        do {
            let table = try compiler.compile(
                snapshot,
                digest: SnapshotDigest(of: []),
                observed: [],
                addresses: addresses
            )
            for worker in table.workers { slotsSeen.insert(worker.lease.slot) }
            engine.apply(table, &network)
            compiler.retire(allBut: snapshot)
        } catch {
            // Slots of removed workers are free only when their requests have ended.
            require(error.reason.contains("slots"), "a table is refused: \(error)")
        }
    }

    private func worker(_ number: Int, incarnation: Int, _ choices: UInt8) -> SnapshotWorker {
        var generator = SplitMix64(seed: UInt64(number + 100 * incarnation))
        let model = choices & 0x80 == 0 ? "m1" : number % 2 == 0 ? "m2" : "m1"
        return SnapshotWorker(
            id: WorkerID.random(using: &generator),
            incarnation: IncarnationID.random(using: &generator),
            url: number == 2 ? "http://worker-2:8000/base" : "http://worker-\(number):8000",
            models: [ModelCard(id: model, card: #"{"id":"\#(model)"}"#)],
            wasReady: number != 4
        )
    }
}
