/// What a data plane tells the others and learns from them, as a value: time and datagrams go in, datagrams come out. What is
/// learned goes into the loads and the prefix index that the threads share.
public struct PeerExchange {
    /// Time between two datagrams to every peer, in milliseconds.
    public static let intervalMilliseconds = 50
    /// A peer that has been silent for so long is dead: its sums are dropped.
    static let silenceMilliseconds = 500
    /// What peers told is of use for so long.
    static let staleMilliseconds = 2_000
    /// Most bytes of one datagram.
    public static let datagramBytesMax = PeerDatagram.bytesMax
    /// Most peers that are listened to.
    static let peersMax = 64
    /// Most workers of one datagram; beyond them those with the fewest requests are left out.
    static let loadsMax = 3_000

    public struct Outgoing {
        /// Nil: to every peer.
        public var to: PeerID?
        public var bytes: [UInt8]
        /// For data planes of other hosts instead of those of this one.
        public var isBetweenHosts = false
    }

    struct Row: Equatable {
        var inFlight: Int
        var pendingTokens: Int
        /// Since when the worker has computed at it; nil when nothing is pending.
        var since: MonotonicTime?
    }

    struct Peer {
        var name = ""
        /// Where it is when it is on another host.
        var address: UpstreamAddress?
        var heardAt: MonotonicTime
        var sequence: UInt64
        var received: UInt64 = 0
        /// Datagrams that did not come.
        var lost: UInt64 = 0
        var rows: [UInt64: Row] = [:]
    }

    public let id: PeerID
    let name: String
    let shared: SharedState
    private var sequence: UInt64 = 0
    /// Counts datagrams with loads to other hosts.
    var remoteSequence: UInt64 = 0
    private var peers: [PeerID: Peer] = [:]
    /// The table whose slots the sums were last written to.
    private var generation: UInt64 = 0
    /// Since when fewer data planes are heard than not.
    private var silentSince: MonotonicTime?
    private var copy: IndexCopy?
    /// A copy was begun, or nobody was there to copy from.
    private var hasCopied = false

    public init(id: PeerID, name: String, shared: SharedState) {
        self.id = id
        self.name = name
        self.shared = shared
    }

    // MARK: - Time

    /// To be called every ``intervalMilliseconds``.
    ///
    /// - Parameters:
    ///   - known: peers of this host that exist, whether or not they were heard yet.
    ///   - tellsOtherHosts: there are addresses of data planes on other hosts.
    public mutating func timePassed(
        at now: MonotonicTime,
        known: [PeerID],
        tellsOtherHosts: Bool = false
    ) -> [Outgoing] {
        for (id, peer) in peers where peer.heardAt.adding(milliseconds: PeerExchange.silenceMilliseconds) <= now {
            forget(id, at: now)
        }
        copy?.drop { !known.contains($0) }
        shared.outbox.open(!known.isEmpty || tellsOtherHosts)
        if shared.places.withLock({ $0.generation }) != generation { sumAll(at: now) }
        guard !known.isEmpty || tellsOtherHosts else { return continueCopy(at: now) }
        let loads = loads(at: now)
        let room = PeerDatagram.bytesMax - 1024 - loads.count * 20
        let placements = shared.outbox.take(
            bytesMax: tellsOtherHosts ? min(room, PeerExchange.remotePlacementBytesMax) : room
        )
        var outgoing: [Outgoing] = []
        if !known.isEmpty {
            sequence += 1
            var datagram = PeerDatagram(sender: id, sequence: sequence, name: name)
            datagram.loads = loads
            datagram.placements = placements
            outgoing.append(Outgoing(to: nil, bytes: datagram.encoded()))
        }
        if tellsOtherHosts { outgoing += remoteDatagrams(loads, placements) }
        return outgoing + continueCopy(at: now)
    }

    /// What is in flight from here, by worker.
    private func loads(at now: MonotonicTime) -> [PeerDatagram.Load] {
        var loads: [PeerDatagram.Load] = []
        let workers = shared.places.withLock { $0.workers }
        for (key, place) in workers {
            let own = shared.loads.ownLoad(slot: place.slot)
            guard own.inFlight > 0 || own.pendingTokens > 0 else { continue }
            let prefilling = own.since.map { max(0, now.milliseconds - $0.milliseconds) } ?? 0
            loads.append(
                PeerDatagram.Load(
                    worker: key,
                    inFlight: UInt32(clamping: own.inFlight),
                    pendingTokens: UInt32(clamping: own.pendingTokens),
                    prefillingMilliseconds: UInt32(clamping: prefilling)
                )
            )
        }
        guard loads.count > PeerExchange.loadsMax else { return loads }
        loads.sort { $0.inFlight > $1.inFlight }
        return Array(loads.prefix(PeerExchange.loadsMax))
    }

    /// A peer is known to be gone.
    public mutating func forget(_ id: PeerID, at now: MonotonicTime) {
        guard let peer = peers.removeValue(forKey: id) else { return }
        sum(peer.rows.keys, at: now)
    }

    /// So many data planes of this host exist and are not heard; for a while that is the start of one or the end of another.
    /// Those of other hosts do not count: one that is not heard is rather gone, and takes no requests, than cut off.
    public mutating func noteSilent(_ count: Int, at now: MonotonicTime) {
        guard count > peers.count else {
            silentSince = nil
            return shared.loads.setPeers(heard: peers.count, silent: 0)
        }
        let since = silentSince ?? now
        silentSince = since
        guard now.milliseconds - since.milliseconds >= PeerExchange.staleMilliseconds else { return }
        shared.loads.setPeers(heard: peers.count, silent: count)
    }

    /// Peers that are heard.
    public var peerCount: Int { peers.count }

    // MARK: - Datagrams

    /// A datagram has come.
    ///
    /// - Parameter address: where from, when that is another host.
    /// - Returns: what is to be answered.
    public mutating func received(
        _ bytes: [UInt8],
        at now: MonotonicTime,
        from address: UpstreamAddress? = nil
    ) -> [Outgoing] {
        guard let datagram = PeerDatagram(bytes), datagram.sender != id else { return [] }
        if let peer = peers[datagram.sender], (peer.address == nil) != (address == nil) {
            // One that is heard on this host is not heard again by the longer way.
            guard address == nil else { return [] }
            forget(datagram.sender, at: now)
        }
        if datagram.loads != nil { guard hear(datagram, at: now, from: address) else { return [] } }
        remember(datagram.placements)
        // An index is copied within a host only: it is too large for small datagrams.
        guard address == nil else { return [] }
        var answers: [Outgoing] = []
        if let request = datagram.copyRequest, let piece = IndexCopyPiece(answering: request, from: shared) {
            var answer = PeerDatagram(sender: id, sequence: 0, name: name)
            answer.copyPiece = piece
            answer.isNew = !hasCopied || isCopying
            answers.append(Outgoing(to: datagram.sender, bytes: answer.encoded()))
        }
        if let piece = datagram.copyPiece, copy?.peer == datagram.sender {
            if copy?.received(piece, isNew: datagram.isNew) == true { piece.restore(into: shared) }
            answers += continueCopy(at: now)
        }
        return answers
    }

    /// Takes the sums of a peer; false for a datagram that has been overtaken.
    private mutating func hear(
        _ datagram: PeerDatagram,
        at now: MonotonicTime,
        from address: UpstreamAddress?
    ) -> Bool {
        guard datagram.sequence > 0 else { return false }
        var peer = peers[datagram.sender] ?? Peer(heardAt: now, sequence: datagram.sequence - 1)
        guard peers[datagram.sender] != nil || peers.count < PeerExchange.peersMax else { return false }
        guard datagram.sequence > peer.sequence else { return false }
        peer.lost += datagram.sequence - peer.sequence - 1
        peer.received += 1
        peer.sequence = datagram.sequence
        peer.heardAt = now
        peer.name = datagram.name
        peer.address = address
        let before = peer.rows
        peer.rows = datagram.share.map { share in before.filter { !share.contains($0.key) } } ?? [:]
        // Shares that contradict one another must not pile up.
        if peer.rows.count > 2 * PeerExchange.loadsMax { peer.rows = [:] }
        for load in datagram.loads ?? [] where datagram.share?.contains(load.worker) != false {
            let since = now.milliseconds - Int(load.prefillingMilliseconds)
            peer.rows[load.worker] = Row(
                inFlight: Int(load.inFlight),
                pendingTokens: Int(load.pendingTokens),
                since: load.pendingTokens > 0 ? MonotonicTime(milliseconds: max(0, since)) : nil
            )
        }
        let after = peer.rows
        peers[datagram.sender] = peer
        sum(after.filter { before[$0.key] != $0.value }.keys, at: now)
        sum(before.keys.filter { after[$0] == nil }, at: now)
        return true
    }

    private func remember(_ placements: [PeerDatagram.Placement]) {
        guard !placements.isEmpty, let index = shared.existingPrefixIndex else { return }
        for placement in placements {
            // Nobody gives a lane to another worker while its number is used here.
            shared.places.withLock { places in
                guard let group = places.groups[placement.group], let lane = places.place(of: placement.worker)?.lane
                else { return }
                index.insert(placement.blocks, lane: lane, group)
            }
        }
    }

    // MARK: - Sums

    private mutating func sumAll(at now: MonotonicTime) {
        let (present, workers) = shared.places.withLock { ($0.generation, $0.workers) }
        generation = present
        sum(workers.keys, at: now)
    }

    /// Writes what all peers have at each of the workers.
    private func sum(_ workers: some Sequence<UInt64>, at now: MonotonicTime) {
        shared.places.withLock { places in
            for worker in workers {
                guard let place = places.place(of: worker) else { continue }
                var total = PeersLoad()
                for peer in peers.values {
                    guard let row = peer.rows[place.worker] ?? peer.rows[place.urlKey] else { continue }
                    total.inFlight += row.inFlight
                    total.pendingTokens += row.pendingTokens
                    // The worker turned to its next request when anybody last saw a first token.
                    if let since = row.since { total.since = max(total.since ?? since, since) }
                }
                shared.loads.setPeers(total, slot: place.slot, at: now)
            }
        }
    }

    // MARK: - The copy

    /// Begins to copy the prefix index of one of the peers, those first that are heard.
    ///
    /// - Returns: what to send; ``isCopying`` says whether there is more to come.
    public mutating func beginCopy(at now: MonotonicTime, known: [PeerID]) -> [Outgoing] {
        guard !hasCopied, copy == nil else { return [] }
        hasCopied = true
        guard !known.isEmpty else { return [] }
        copy = IndexCopy(of: known.filter { peers[$0] != nil } + known.filter { peers[$0] == nil }, at: now)
        return continueCopy(at: now)
    }

    public var isCopying: Bool { copy != nil }

    private mutating func continueCopy(at now: MonotonicTime) -> [Outgoing] {
        let request = copy?.request(at: now)
        if copy?.isOver == true { copy = nil }
        guard let request, let peer = copy?.peer else { return [] }
        var datagram = PeerDatagram(sender: id, sequence: 0, name: name)
        datagram.copyRequest = request
        return [Outgoing(to: peer, bytes: datagram.encoded())]
    }

    // MARK: - Status

    /// The peers that are heard, for people.
    public func status(at now: MonotonicTime) -> [PeerStatus] {
        peers.map { id, peer in
            PeerStatus(
                id: peer.name.isEmpty ? id.description : peer.name,
                address: peer.address?.description,
                ageMilliseconds: max(0, now.milliseconds - peer.heardAt.milliseconds),
                received: peer.received,
                lost: peer.lost
            )
        }.sorted { $0.id < $1.id }
    }
}
