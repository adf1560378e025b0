public import SignalboxProtocol

/// One data plane as `GET /data_planes` shows it.
public struct DataPlaneStatus: Hashable, Sendable, Codable {
    public var id: String
    public var pid: Int
    /// The version of its software.
    public var software: String
    public var connected: Bool
    /// The version that all of its threads serve.
    public var applied: SnapshotVersion?
    /// The newest version that was sent on its connection.
    public var sent: SnapshotVersion?
    /// Time since a version newer than `applied` was committed, in steps of a millisecond; 0 when it is current.
    public var lagSeconds: Double
    /// Why it refused a snapshot or lost its connection; nil again once it has applied a newer snapshot.
    public var lastError: String?
    /// When it last reported, RFC 3339 in UTC.
    public var lastHeartbeat: String?
    public var inFlight: Int
    public var connections: Int
    public var requests: UInt64
    public var draining: Bool
    /// What it holds for its connections; nil from one that does not say.
    public var held: HeldResources?
    /// The other data planes that it hears; nil from one that does not listen.
    public var peers: [PeerReport]?
    /// Datagrams as if from other hosts that it did not take; nil from one that does not say.
    public var refusedDatagrams: UInt64?
    /// Prompts that it routed and told no peer of, because there were too many at once; nil from one that does not say.
    public var untoldPlacements: Int?
    /// Whether policies have what they pick by; nil from one that does not say.
    public var policies: [PolicyReport]?
    /// Requests that wait for a worker; nil from one that does not say.
    public var waiting: Int?
    /// What its process takes; nil from one that does not say.
    public var process: ProcessUsage?
    /// Its budgets; nil from one that does not say.
    public var budgets: ResourceBudgets?
    /// Snapshots that it has refused, as far as this control plane has seen.
    public var nacks: UInt64
    /// Time since `applied` was committed, or this control plane began, in seconds; nil when it serves none.
    public var snapshotAgeSeconds: Double?
    /// RFC 3339 in UTC.
    public var connectedSince: String
    /// RFC 3339 in UTC; nil while it is connected.
    public var disconnectedSince: String?

    enum CodingKeys: String, CodingKey {
        case id, pid, software, connected, applied, sent, connections, requests, draining, held, peers, policies
        case waiting, process, budgets, nacks
        case snapshotAgeSeconds = "snapshot_age_seconds"
        case lagSeconds = "lag_seconds"
        case lastError = "last_error"
        case lastHeartbeat = "last_heartbeat"
        case refusedDatagrams = "refused_datagrams"
        case untoldPlacements = "untold_placements"
        case inFlight = "in_flight"
        case connectedSince = "connected_since"
        case disconnectedSince = "disconnected_since"
    }

    public init(
        id: String,
        pid: Int,
        software: String,
        connected: Bool,
        applied: SnapshotVersion? = nil,
        sent: SnapshotVersion? = nil,
        lagSeconds: Double = 0,
        lastError: String? = nil,
        lastHeartbeat: String? = nil,
        inFlight: Int = 0,
        connections: Int = 0,
        requests: UInt64 = 0,
        draining: Bool = false,
        held: HeldResources? = nil,
        peers: [PeerReport]? = nil,
        refusedDatagrams: UInt64? = nil,
        untoldPlacements: Int? = nil,
        policies: [PolicyReport]? = nil,
        waiting: Int? = nil,
        process: ProcessUsage? = nil,
        budgets: ResourceBudgets? = nil,
        nacks: UInt64 = 0,
        snapshotAgeSeconds: Double? = nil,
        connectedSince: String,
        disconnectedSince: String? = nil
    ) {
        self.id = id
        self.pid = pid
        self.software = software
        self.connected = connected
        self.applied = applied
        self.sent = sent
        self.lagSeconds = lagSeconds
        self.lastError = lastError
        self.lastHeartbeat = lastHeartbeat
        self.inFlight = inFlight
        self.connections = connections
        self.requests = requests
        self.draining = draining
        self.held = held
        self.peers = peers
        self.refusedDatagrams = refusedDatagrams
        self.untoldPlacements = untoldPlacements
        self.policies = policies
        self.waiting = waiting
        self.process = process
        self.budgets = budgets
        self.nacks = nacks
        self.snapshotAgeSeconds = snapshotAgeSeconds
        self.connectedSince = connectedSince
        self.disconnectedSince = disconnectedSince
    }

    /// Writes every field; what is unknown is an explicit null, so that readers see the same fields always.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(pid, forKey: .pid)
        try container.encode(software, forKey: .software)
        try container.encode(connected, forKey: .connected)
        try container.encode(applied, forKey: .applied)
        try container.encode(sent, forKey: .sent)
        try container.encode(lagSeconds, forKey: .lagSeconds)
        try container.encode(lastError, forKey: .lastError)
        try container.encode(lastHeartbeat, forKey: .lastHeartbeat)
        try container.encode(inFlight, forKey: .inFlight)
        try container.encode(connections, forKey: .connections)
        try container.encode(requests, forKey: .requests)
        try container.encode(draining, forKey: .draining)
        try container.encode(held, forKey: .held)
        try container.encode(peers, forKey: .peers)
        try container.encode(refusedDatagrams, forKey: .refusedDatagrams)
        try container.encode(untoldPlacements, forKey: .untoldPlacements)
        try container.encode(policies, forKey: .policies)
        try container.encode(waiting, forKey: .waiting)
        try container.encode(process, forKey: .process)
        try container.encode(budgets, forKey: .budgets)
        try container.encode(nacks, forKey: .nacks)
        try container.encode(snapshotAgeSeconds, forKey: .snapshotAgeSeconds)
        try container.encode(connectedSince, forKey: .connectedSince)
        try container.encode(disconnectedSince, forKey: .disconnectedSince)
    }
}
