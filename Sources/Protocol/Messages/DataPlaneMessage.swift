/// What a data plane says to its control plane: one line of JSON each.
public enum DataPlaneMessage: Hashable, Sendable {
    case hello(Hello)
    case ack(SnapshotVersion)
    case nack(Nack)
    case heartbeat(DataPlaneHeartbeat)
    /// A type that this version does not know; it is ignored.
    case unknown(type: String)
}

/// The first message of a connection.
public struct Hello: Hashable, Sendable, Codable {
    public var protocolVersion: SchemaVersion
    /// The name of the data plane, unique among those of one control plane.
    public var id: String
    public var pid: Int
    public var software: String
    /// Required features of snapshots that this data plane knows.
    public var features: [String]
    /// Names of the secrets that it wants to be told (``SecretName``); nil: none.
    public var secrets: [String]?
    /// What it serves already, so that the control plane can skip a resend.
    public var applied: SnapshotVersion?
    /// The digest of the document it serves.
    public var digest: SnapshotDigest?

    public init(
        id: String,
        pid: Int,
        applied: SnapshotVersion? = nil,
        digest: SnapshotDigest? = nil,
        features: [String] = [],
        secrets: [String]? = nil,
        software: String = softwareVersion,
        protocolVersion: SchemaVersion = .current
    ) {
        self.id = id
        self.pid = pid
        self.applied = applied
        self.digest = digest
        self.features = features
        self.secrets = secrets
        self.software = software
        self.protocolVersion = protocolVersion
    }

    enum CodingKeys: String, CodingKey {
        case id, pid, software, features, secrets, applied, digest
        case protocolVersion = "protocol"
    }
}

/// A snapshot that the data plane did not apply; it goes on with what it has.
public struct Nack: Hashable, Sendable, Codable {
    public var version: SnapshotVersion
    /// One sentence for a person.
    public var reason: String
    /// What is wrong with the document, at most ``Nack/violationsMax`` entries.
    public var violations: [String]

    public static let violationsMax = 20

    public init(version: SnapshotVersion, reason: String, violations: [String] = []) {
        self.version = version
        self.reason = reason
        self.violations = Array(violations.prefix(Nack.violationsMax))
    }
}

/// Sent once per ``Heartbeat/intervalMilliseconds``.
public struct DataPlaneHeartbeat: Hashable, Sendable, Codable {
    public var applied: SnapshotVersion?
    /// Requests that are being served now.
    public var inFlight: Int
    /// Open client connections.
    public var connections: Int
    /// Requests begun since the process started.
    public var requests: UInt64
    /// Whether it has stopped taking new connections.
    public var draining: Bool
    /// What it holds for its connections; nil from a data plane that does not say.
    public var held: HeldResources?
    /// The workers of the applied snapshot that have requests of this data plane, whose breaker is not closed, whose limit
    /// was learned, or that its prefix index knows; nil from a data plane that does not say.
    public var workers: [WorkerTraffic]?
    /// The other data planes that this one hears; nil from one that does not listen.
    public var peers: [PeerReport]?
    /// Datagrams as if from other hosts that it did not take; nil from one that does not listen.
    public var refusedDatagrams: UInt64?
    /// Prompts that it routed and told no peer of, because there were too many at once; nil from one that does not say.
    public var untoldPlacements: Int?
    /// Whether policies have what they pick by, at most ``PolicyReport/reportsMax``; nil from a data plane that does not say.
    public var policies: [PolicyReport]?
    /// Requests that wait for a worker; nil from a data plane that does not say.
    public var waiting: Int?
    /// What its process takes; nil from a data plane that does not say.
    public var process: ProcessUsage?
    /// Its budgets; nil from a data plane that has no snapshot yet or does not say.
    public var budgets: ResourceBudgets?

    public init(
        applied: SnapshotVersion?,
        inFlight: Int,
        connections: Int,
        requests: UInt64,
        draining: Bool,
        held: HeldResources? = nil,
        workers: [WorkerTraffic]? = nil,
        peers: [PeerReport]? = nil,
        refusedDatagrams: UInt64? = nil,
        untoldPlacements: Int? = nil,
        policies: [PolicyReport]? = nil,
        waiting: Int? = nil,
        process: ProcessUsage? = nil,
        budgets: ResourceBudgets? = nil
    ) {
        self.applied = applied
        self.inFlight = inFlight
        self.connections = connections
        self.requests = requests
        self.draining = draining
        self.held = held
        self.workers = workers
        self.peers = peers
        self.refusedDatagrams = refusedDatagrams
        self.untoldPlacements = untoldPlacements
        self.policies = policies
        self.waiting = waiting
        self.process = process
        self.budgets = budgets
    }

    enum CodingKeys: String, CodingKey {
        case applied, connections, requests, draining, held, workers, peers, policies, waiting, process, budgets
        case refusedDatagrams = "refused_datagrams"
        case untoldPlacements = "untold_placements"
        case inFlight = "in_flight"
    }
}

/// What a data plane holds for its connections at one moment: the gauges of its budgets.
public struct HeldResources: Hashable, Sendable, Codable {
    /// Bytes that arrived and wait to be read as requests or answers.
    public var inputBytes: Int
    /// Bytes of request bodies in memory.
    public var bodyBytes: Int
    /// Bytes that the kernel has not taken yet.
    public var unsentBytes: Int
    /// Bytes of request bodies in temporary files.
    public var spooledBytes: Int
    /// Open connections to workers, idle ones included.
    public var upstreamConnections: Int
    /// Connections to workers that wait for a request.
    public var idleUpstreamConnections: Int
    /// Memory of the prefix index; nil from a data plane that does not say.
    public var prefixIndexBytes: Int?

    public init(
        inputBytes: Int = 0,
        bodyBytes: Int = 0,
        unsentBytes: Int = 0,
        spooledBytes: Int = 0,
        upstreamConnections: Int = 0,
        idleUpstreamConnections: Int = 0,
        prefixIndexBytes: Int? = nil
    ) {
        self.inputBytes = inputBytes
        self.bodyBytes = bodyBytes
        self.unsentBytes = unsentBytes
        self.spooledBytes = spooledBytes
        self.upstreamConnections = upstreamConnections
        self.idleUpstreamConnections = idleUpstreamConnections
        self.prefixIndexBytes = prefixIndexBytes
    }

    enum CodingKeys: String, CodingKey {
        case inputBytes = "input_bytes"
        case bodyBytes = "body_bytes"
        case unsentBytes = "unsent_bytes"
        case spooledBytes = "spooled_bytes"
        case upstreamConnections = "upstream_connections"
        case idleUpstreamConnections = "idle_upstream_connections"
        case prefixIndexBytes = "prefix_index_bytes"
    }
}

/// How both planes notice that the other has gone silent.
public enum Heartbeat {
    /// Time between two heartbeats of one side.
    public static let intervalMilliseconds = 500
    /// Silence for this long means that the connection is dead: three intervals.
    public static let silenceMilliseconds = 3 * intervalMilliseconds
}

extension DataPlaneMessage: Codable {
    private enum TypeKey: String, CodingKey { case type }

    public init(from decoder: any Decoder) throws {
        let type = try decoder.container(keyedBy: TypeKey.self).decode(String.self, forKey: .type)
        switch type {
        case "hello": self = .hello(try Hello(from: decoder))
        case "ack": self = .ack(try SnapshotVersion(from: decoder))
        case "nack": self = .nack(try Nack(from: decoder))
        case "heartbeat": self = .heartbeat(try DataPlaneHeartbeat(from: decoder))
        default: self = .unknown(type: type)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: TypeKey.self)
        try container.encode(type, forKey: .type)
        switch self {
        case .hello(let hello): try hello.encode(to: encoder)
        case .ack(let version): try version.encode(to: encoder)
        case .nack(let nack): try nack.encode(to: encoder)
        case .heartbeat(let heartbeat): try heartbeat.encode(to: encoder)
        case .unknown: break
        }
    }

    private var type: String {
        switch self {
        case .hello: "hello"
        case .ack: "ack"
        case .nack: "nack"
        case .heartbeat: "heartbeat"
        case .unknown(let type): type
        }
    }
}
