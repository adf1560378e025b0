import ControlPlane
import DataPlaneCore
import SignalboxProtocol
import Synchronization

/// One data plane: the real subscription, compiler and engines of its threads, with simulated sockets around them.
final class PlaneModel {
    final class ProxyThread {
        var engine: ProxyEngine
        var network: SimulatedNetwork
        /// The tables that it has not swapped to yet, oldest first.
        var mail: [(table: RoutingTable, update: Int)] = []
        var table = RoutingTable.empty

        init(engine: consuming ProxyEngine, network: SimulatedNetwork) {
            self.engine = engine
            self.network = network
        }
    }

    let number: Int
    let shared: SharedState
    let counters: [ThreadCounters]
    var subscription: SubscriptionState
    var compiler: RoutingTableCompiler
    let threads: [ProxyThread]
    /// The connection to the control plane; nil while there is none.
    var link: UInt64?
    var toControl: [UInt8] = []
    var toPlane: [UInt8] = []
    var current: (snapshot: Snapshot, digest: SnapshotDigest)?
    var health: HealthMessage?
    /// The newest update, by number, and whether its snapshot is owed an acknowledgement.
    var update = 0
    var acknowledges = false
    var table = RoutingTable.empty
    /// Slots of workers whose breakers were seen open, and until when they may get nothing.
    private(set) var openUntil: [Int: MonotonicTime] = [:]
    /// The greatest sequence that was ever applied, for invariant 2.
    var highest: UInt64 = 0

    init(number: Int, now: MonotonicTime, dice: inout Dice) {
        self.number = number
        shared = SharedState(slotsMax: 64, prefixIndexBytes: 1 << 14)
        let counters = [ThreadCounters(thread: 0), ThreadCounters(thread: 1)]
        self.counters = counters
        subscription = SubscriptionState(id: "plane-\(number)", pid: number, now: now)
        compiler = RoutingTableCompiler(shared)
        let shared = shared
        func thread(_ index: Int, _ seed: UInt64) -> ProxyThread {
            ProxyThread(
                engine: ProxyEngine(
                    configuration: EngineConfiguration(),
                    shared: shared,
                    counters: counters[index],
                    otherCounters: [counters[1 - index]],
                    seed: seed
                ),
                network: SimulatedNetwork(now: now)
            )
        }
        threads = [thread(0, dice.next()), thread(1, dice.next())]
    }

    /// Carries out what the subscription decides; connecting is left to the world.
    ///
    /// - Returns: whether it wants to connect.
    func perform(_ actions: [SubscriptionState.Action], dice: inout Dice) throws -> Bool {
        var wantsToConnect = false
        for action in actions {
            switch action {
            case .connect: wantsToConnect = true
            case .send(let bytes): toControl += bytes
            case .close: disconnect(dice: &dice)
            case .apply(let snapshot, let digest, _):
                let table = try compile(snapshot, digest)
                current = (snapshot, digest)
                hand(table, acknowledges: true)
            case .restore, .keep: break
            case .observe(let observed):
                health = observed
                if let current { hand(try compile(current.snapshot, current.digest), acknowledges: acknowledges) }
            }
        }
        return wantsToConnect
    }

    func disconnect(dice: inout Dice) {
        link = nil
        toControl = []
        toPlane = []
        subscription.disconnected(at: threads[0].network.now, using: &dice)
    }

    private func compile(_ snapshot: Snapshot, _ digest: SnapshotDigest) throws -> RoutingTable {
        var addresses: [String: [IPAddress]] = [:]
        for worker in snapshot.workers {
            let url = try WorkerURL(worker.url)
            var bytes = SIMD16<UInt8>(repeating: 0)
            bytes[0] = 10
            bytes[3] = UInt8(url.host.split(separator: "-").last.flatMap { UInt8($0) } ?? 0)
            addresses[url.host] = [IPAddress(bytes: bytes, isIPv6: false)]
        }
        let table = try compiler.compile(
            snapshot,
            digest: digest,
            observed: health?.workers ?? [],
            addresses: addresses
        )
        // A worker that answers its probes again is tried at once.
        openUntil = shared.breakers.openTimes()
        return table
    }

    /// Remembers the breakers that are open now; what was seen open before stays so until its time is over.
    func noteBreakers(at now: MonotonicTime, plant: Plant?) {
        let open = shared.breakers.openTimes()
        guard !open.isEmpty || !openUntil.isEmpty else { return }
        openUntil = openUntil.filter { $0.value > now }
        for (slot, until) in open where until > now {
            openUntil[slot] = until
            if plant == .forgottenBreaker { shared.breakers.forget(slot: slot) }
        }
    }

    private func hand(_ table: RoutingTable, acknowledges: Bool) {
        update += 1
        self.table = table
        self.acknowledges = acknowledges
        for thread in threads { thread.mail.append((table, update)) }
    }

    /// Swaps a thread to its next table; acknowledges when every thread has the newest.
    func swapTable(_ index: Int, plant: Plant?) throws -> [SubscriptionState.Action] {
        let thread = threads[index]
        guard !thread.mail.isEmpty else { return [] }
        let (table, _) = thread.mail.removeFirst()
        if plant != .staleTable || index == 0 || thread.table.version == nil {
            thread.table = table
            thread.engine.apply(table, &thread.network)
            thread.engine.batchEnded(&thread.network)
        }
        guard threads.allSatisfy({ $0.mail.isEmpty }), acknowledges else { return [] }
        acknowledges = false
        guard let version = self.table.version, let digest = self.table.digest, let current else { return [] }
        compiler.retire(allBut: current.snapshot)
        openUntil = shared.breakers.openTimes()
        let actions = try subscription.applied(version, digest: digest)
        guard version.sequence >= highest else {
            throw Finding(invariant: 2, message: "plane \(number) went from sequence \(highest) to \(version.sequence)")
        }
        highest = version.sequence
        return actions
    }

    /// What the data plane says of itself.
    func heartbeat() -> DataPlaneHeartbeat {
        let workers = table.workers.compactMap { worker -> WorkerTraffic? in
            let inFlight = shared.loads.inFlight(slot: worker.lease.slot)
            return inFlight > 0 ? WorkerTraffic(incarnation: worker.incarnation, inFlight: inFlight) : nil
        }
        return DataPlaneHeartbeat(
            applied: subscription.applied,
            inFlight: inFlight,
            connections: 0,
            requests: 0,
            draining: false,
            workers: workers
        )
    }

    /// Requests that are being served.
    var inFlight: Int { counters.reduce(0) { $0 + $1.inFlight.load(ordering: .relaxed) } }

    /// Requests at the workers of the present table.
    var load: Int { table.workers.reduce(0) { $0 + shared.loads.inFlight(slot: $1.lease.slot) } }
}
