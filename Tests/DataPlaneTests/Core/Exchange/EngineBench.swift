import SignalboxProtocol
import Synchronization

@testable import DataPlaneCore

/// An engine with its network, loads and table, as tests drive it.
struct EngineBench: ~Copyable {
    var engine: ProxyEngine
    var network = FakeNetwork()
    let shared = SharedState(slotsMax: 64)
    let counters: ThreadCounters
    var compiler: RoutingTableCompiler
    private var sequence: UInt64 = 0

    init(
        configuration: EngineConfiguration = EngineConfiguration(),
        otherCounters: [ThreadCounters] = [],
        accessRing: AccessRing? = nil
    ) {
        counters = ThreadCounters(accessRing: accessRing)
        engine = ProxyEngine(
            configuration: configuration,
            shared: shared,
            counters: counters,
            otherCounters: otherCounters,
            seed: 1
        )
        compiler = RoutingTableCompiler(shared)
    }

    /// Applies a table of these workers, each at an address of its own; those at the indexes `unhealthy` were seen so,
    /// `silent` says whether for want of any sign.
    mutating func apply(
        _ workers: [SnapshotWorker],
        policy: PolicyName = .roundRobin,
        settings: RoutingSettings = Samples.settings { _ in },
        models: [ModelConfiguration] = [],
        unhealthy: Set<Int> = [],
        silent: Bool = false
    ) throws {
        sequence += 1
        let snapshot = Snapshot(
            version: SnapshotVersion(epoch: Samples.epoch, sequence: sequence),
            workers: workers,
            policy: PolicyConfiguration(name: policy),
            models: models,
            settings: settings
        )
        var addresses: [String: [IPAddress]] = [:]
        for (index, worker) in workers.enumerated() {
            let host = try WorkerURL(worker.url).host
            addresses[host] = [Samples.address(UInt8(index + 1))]
        }
        let table = try compiler.compile(
            snapshot,
            digest: SnapshotDigest(of: []),
            observed: unhealthy.isEmpty ? [] : Samples.health(workers, unhealthy: unhealthy, silent: silent).workers,
            addresses: addresses
        )
        engine.apply(table, &network)
        compiler.retire(allBut: snapshot)
    }

    mutating func accept() -> ConnectionID {
        let id = network.open(isUpstream: false)
        engine.accepted(id, peer: ClientPeer(address: Samples.address(9)), &network)
        return id
    }

    mutating func receive(_ id: ConnectionID, _ text: String) {
        guard !network.isClosed(id) else { return }
        let bytes = Array(text.utf8)
        engine.received(id, bytes.span, &network)
    }

    /// The newest upstream connection, reported as open.
    mutating func openUpstream() -> ConnectionID {
        guard let id = network.upstreams.last else { preconditionFailure("the engine opened no connection") }
        engine.connected(id, &network)
        return id
    }

    /// Lets time pass; every deadline on the way is delivered at its moment.
    mutating func elapse(milliseconds: Int) {
        let end = network.now.adding(milliseconds: milliseconds)
        while let (id, deadline) = network.nextDeadline, deadline <= end {
            network.now = max(network.now, deadline)
            network.connections[id]?.deadline = nil
            engine.deadlinePassed(id, &network)
        }
        network.now = end
    }

    /// The worker that an upstream connection leads to, by its number.
    func worker(of upstream: ConnectionID) -> UInt8? {
        guard case .ip(let address, _) = network.connections[upstream]?.address else { return nil }
        return address.bytes[3]
    }

    /// The newest upstream connection answers its whole request.
    mutating func answer(_ upstream: ConnectionID, status: Int, fields: String = "", body: String = "") {
        receive(upstream, "HTTP/1.1 \(status) X\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    var inFlight: Int { counters.inFlight.load(ordering: .relaxed) }
    var totalLoad: Int { (0..<3).reduce(0) { $0 + loadOfOpenSlot($1) } }

    private func loadOfOpenSlot(_ slot: Int) -> Int {
        engine.table.workers.contains { $0.lease.slot == slot } ? shared.loads.inFlight(slot: slot) : 0
    }
}

extension AccessRing {
    func takeAll() -> [AccessRecord] {
        var taken: [AccessRecord] = []
        takeAll(into: &taken)
        return taken
    }
}

/// Workers and addresses for tests.
enum Samples {
    static let epoch: Epoch = {
        var generator = SplitMix64(seed: 7)
        return Epoch.random(using: &generator)
    }()

    static func worker(_ number: Int, models: [String] = [], wasReady: Bool = true) -> SnapshotWorker {
        var generator = SplitMix64(seed: UInt64(number))
        return SnapshotWorker(
            id: WorkerID.random(using: &generator),
            incarnation: IncarnationID.random(using: &generator),
            url: "http://worker-\(number):8000",
            models: models.map { ModelCard(id: $0, card: #"{"id":"\#($0)","max_model_len":\#(number)}"#) },
            wasReady: wasReady
        )
    }

    /// Some address for every worker, so that all of them are ready.
    static func addresses(_ workers: [SnapshotWorker]) -> [String: [IPAddress]] {
        let address = IPAddress(bytes: SIMD16(repeating: 0), isIPv6: false)
        return Dictionary(workers.compactMap { try? WorkerURL($0.url).host }.map { ($0, [address]) }) { $1 }
    }

    /// The observation that some of the workers are unhealthy and the others ready.
    static func health(_ workers: [SnapshotWorker], unhealthy: Set<Int>, silent: Bool = false) -> HealthMessage {
        var generator = SplitMix64(seed: 5)
        let observations = workers.enumerated().map { index, worker in
            WorkerObservation(
                incarnation: worker.incarnation,
                state: unhealthy.contains(index) ? .unhealthy : .ready,
                since: "2026-01-01T00:00:00Z",
                reason: "",
                isSilent: silent && unhealthy.contains(index)
            )
        }
        return HealthMessage(run: RunID.random(using: &generator), tick: 1, workers: observations)
    }

    /// What the proxy adds to every head under the standard settings, for the client of ``EngineBench/accept()``.
    static let added = "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nVia: 1.1 signalbox\r\n"

    /// The standard settings without ids of requests and new traces, so that heads are the same each time, and with some changes.
    static func settings(_ change: (inout RoutingSettings) -> Void) -> RoutingSettings {
        var settings = RoutingSettings()
        settings.requestIDFields = ""
        settings.traceContext = .check
        change(&settings)
        return settings
    }

    static func address(_ last: UInt8) -> IPAddress {
        var bytes = SIMD16<UInt8>(repeating: 0)
        bytes[0] = 10
        bytes[3] = last
        return IPAddress(bytes: bytes, isIPv6: false)
    }
}
