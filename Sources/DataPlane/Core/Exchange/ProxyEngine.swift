import SignalboxProtocol
import Synchronization

/// The data plane's engine on one thread: it turns events of connections into bytes for other connections.
///
/// It does no I/O: everything goes through the ``Network`` that each event is delivered with. Its state is the client
/// connections, the upstream connections and the pool of idle ones; all of them stay on this thread.
public struct ProxyEngine: ~Copyable {
    let configuration: EngineConfiguration
    let loads: WorkerLoads
    /// What other data planes are to be told.
    let outbox: PlacementOutbox
    let breakers: WorkerBreakers
    let limits: WorkerLimits
    let admission: AdmissionGate
    let origin: SnapshotOrigin
    let explanations: RecentExplanations
    /// What policies look at of the present request.
    var facts = RoutingFacts()
    let counters: ThreadCounters
    /// Requests that have ended, for samples of them.
    var ended = 0
    /// The counters of the other threads of this data plane.
    let otherCounters: [ThreadCounters]
    var random: SplitMix64
    /// Makes ids; apart from ``random``, so that picks do not depend on who names their requests.
    var requestIDs: SplitMix64
    var table = RoutingTable.empty
    public internal(set) var isDraining = false
    /// It says that it is not ready, and lets no connection live longer than its request.
    public internal(set) var isLeaving = false

    var clients = ConnectionSlots<ClientConnection>()
    var upstreams = ConnectionSlots<UpstreamConnection>()
    var idle = IdleUpstreams()
    var waiting = WaitingList()
    /// A worker may have room for somebody who waits.
    var hasFreedRoom = false
    var budget: RetryBudget
    /// When requests at silent workers are looked at again; nil: there are none.
    var silenceLookAt: MonotonicTime?
    /// The openings of breakers that were looked at, as ``WorkerBreakers/silentOpenings`` counts them.
    var seenOpenings = 0
    /// A breaker has opened here because its worker was silent, and the other threads are not told yet.
    var hasSilenced = false
    /// Clients that have sent a further request ahead and are ready for it.
    var continuing: [ConnectionID] = []

    /// Scratch memory: fields of the head that is being read, bytes of the message that is being written.
    var fields = FieldTable()
    var output = ByteBuffer()
    /// Buffers of finished requests, for the next ones.
    var spares: [ByteBuffer] = []
    /// What the other threads hold, as of ``othersSampledAt``.
    var othersBufferBytes = 0
    var othersSpooledBytes = 0
    var othersWaiting = 0
    var othersSampledAt = MonotonicTime(milliseconds: -1)

    public init(
        configuration: EngineConfiguration,
        shared: SharedState,
        counters: ThreadCounters,
        otherCounters: [ThreadCounters] = [],
        seed: UInt64
    ) {
        self.configuration = configuration
        loads = shared.loads
        outbox = shared.outbox
        breakers = shared.breakers
        limits = shared.limits
        admission = shared.admission
        origin = shared.origin
        explanations = shared.explanations
        self.counters = counters
        self.otherCounters = otherCounters
        budget = RetryBudget(threads: otherCounters.count + 1)
        random = SplitMix64(seed: seed)
        requestIDs = SplitMix64(seed: ~seed)
    }

    /// Open client connections.
    public var clientCount: Int { clients.count }

    /// Most client connections of the whole data plane; nil: as many as there are descriptors for.
    public var clientsMax: Int? { table.settings.connectionsMax == 0 ? nil : table.settings.connectionsMax }

    // MARK: - Events

    /// A client connected.
    public mutating func accepted(_ id: ConnectionID, peer: ClientPeer, _ network: inout some Network & ~Copyable) {
        clients.insert(ClientConnection(id: id, peer: peer), at: id.index)
        counters.connections.count(1)
        counters.metrics.count(MetricsLayout.connections)
        network.setDeadline(id, at: network.now.adding(milliseconds: table.settings.headTimeoutMilliseconds))
    }

    /// Bytes arrived; they are borrowed for the time of the call.
    public mutating func received(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        if isClient(id) {
            clientReceived(id, bytes, &network)
        } else if isUpstream(id) {
            upstreamReceived(id, bytes, &network)
        }
        continueClients(&network)
    }

    /// The peer has closed its side (FIN), and everything before has been delivered.
    public mutating func ended(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if isClient(id) {
            clientEnded(id, &network)
        } else if isUpstream(id) {
            upstreamEnded(id, cleanly: true, &network)
        }
        continueClients(&network)
    }

    /// The peer has closed its side (FIN) while it was not read, so that something may still lie before its end.
    public mutating func hungUp(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard isClient(id), table.settings.halfClose == .abort else { return }
        clientGone(id, &network)
        continueClients(&network)
    }

    /// The connection is dead: reset, refused, unreachable.
    public mutating func broken(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if isClient(id) {
            clientGone(id, &network)
        } else if isUpstream(id) {
            upstreamEnded(id, cleanly: false, &network)
        }
        continueClients(&network)
    }

    /// A connection that was asked for is open.
    public mutating func connected(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard isUpstream(id) else { return }
        upstreams.slots[id.index].isConnected = true
        if let client = upstreams.slots[id.index].client {
            switch clients.slots[client.index].bodyUse {
            case .hold, .discard: awaitFirstByte(id, &network)
            case .stream: beginUpload(client, id, &network)
            case .spool: beginSpoolUpload(client, id, &network)
            }
        }
        continueClients(&network)
    }

    /// Everything that was queued on the connection has been taken by the kernel.
    public mutating func drained(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if isClient(id) {
            clientDrained(id, &network)
        } else if isUpstream(id), let client = upstreams.slots[id.index].client {
            upstreamDrained(id, client, &network)
        }
        continueClients(&network)
    }

    /// The deadline of a connection has passed.
    public mutating func deadlinePassed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if isClient(id) {
            clientDeadlinePassed(id, &network)
        } else if isUpstream(id) {
            upstreamDeadlinePassed(id, &network)
        }
        continueClients(&network)
    }

    /// A new table; requests that wait for a worker are looked at again.
    public mutating func apply(_ newTable: RoutingTable, _ network: inout some Network & ~Copyable) {
        table = newTable
        for id in idle.removeStale(keeping: newTable) { discardUpstream(id, &network) }
        let entries = waiting.takeAll()
        for entry in entries where isWaiting(entry) {
            clients.slots[entry.client.index].waitingTicket = nil
            dispatch(entry.client, &network)
        }
        counters.waiting.store(waiting.count, ordering: .relaxed)
        cutWorkers(&network)
        leaveSilentWorkers(&network)
        continueClients(&network)
    }

    /// A batch of events is done: publishes the gauges and looks at what the other threads hold.
    public mutating func batchEnded(_ network: inout some Network & ~Copyable) {
        lookForSilence(&network)
        counters.unsentBytes.store(network.unsentBytes, ordering: .relaxed)
        counters.upstreams.store(upstreams.count, ordering: .relaxed)
        counters.idleUpstreams.store(idle.count, ordering: .relaxed)
        counters.waitingSince.store(oldestWait() ?? 0, ordering: .relaxed)
        guard !otherCounters.isEmpty, network.now != othersSampledAt else { return }
        othersSampledAt = network.now
        othersBufferBytes = 0
        othersSpooledBytes = 0
        othersWaiting = 0
        for other in otherCounters {
            othersBufferBytes += other.bufferBytes
            othersSpooledBytes += other.spooledBytes.load(ordering: .relaxed)
            othersWaiting += other.waiting.load(ordering: .relaxed)
        }
    }

    /// Others are to take over: this data plane is not ready any more, and answers say `Connection: close`.
    public mutating func leave() {
        isLeaving = true
    }

    /// Connections end after their current request. Idle ones are kept for a moment: a request may be on its way on them,
    /// and would be lost with them.
    public mutating func drain(_ network: inout some Network & ~Copyable) {
        isLeaving = true
        isDraining = true
        for id in clients.ids(where: { $0.phase == .head && $0.input.isEmpty }) {
            network.setDeadline(id, at: network.now.adding(milliseconds: configuration.idleClientMilliseconds))
        }
    }

    /// The time to drain is over: what is still served ends now, and its client sees that it is not whole.
    public mutating func cut(_ network: inout some Network & ~Copyable) {
        isLeaving = true
        for id in clients.ids(where: { _ in true }) where isClient(id) {
            if let upstream = clients.slots[id.index].upstream { discardUpstream(upstream, &network) }
            clients.slots[id.index].upstream = nil
            guard clients.slots[id.index].isInRequest else {
                closeClient(id, .graceful, &network)
                continue
            }
            if clients.slots[id.index].exchange.phase == .relaying {
                abort(id, .shuttingDown, &network)
            } else {
                refuse(id, LocalAnswer(.shuttingDown), &network)
            }
        }
    }

    // MARK: - Handles

    func isClient(_ id: ConnectionID) -> Bool {
        clients.contains(id.index) && clients.slots[id.index].id == id
    }

    func isUpstream(_ id: ConnectionID) -> Bool {
        upstreams.contains(id.index) && upstreams.slots[id.index].id == id
    }

    // MARK: - Buffers

    mutating func takeBuffer() -> ByteBuffer {
        spares.popLast() ?? ByteBuffer()
    }

    /// Whether the data plane would hold more than it may with so many bytes more.
    func exceedsBuffers(adding bytes: Int = 0) -> Bool {
        counters.bufferBytes + othersBufferBytes + bytes > table.settings.bufferBytesMax
    }

    /// Unsent bytes of one connection at which its source is not read any more.
    var queuedBytesMax: Int {
        exceedsBuffers() ? configuration.scarceQueuedBytesMax : configuration.queuedBytesMax
    }

    /// Keeps a buffer for the next request, unless it is too large to lie about.
    mutating func giveBack(_ buffer: consuming ByteBuffer) {
        guard buffer.capacity > 0, buffer.capacity <= 64 * 1024, spares.count < 64 else { return }
        buffer.clear()
        spares.append(buffer)
    }
}
