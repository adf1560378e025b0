/// One worker as the operators want it.
public struct SnapshotWorker: Hashable, Sendable, Codable {
    public var id: WorkerID
    public var incarnation: IncarnationID
    /// The normalised text form of a ``WorkerURL``.
    public var url: String
    /// The models that it serves, as far as they are known; a worker without any takes requests for every model.
    public var models: [ModelCard]
    public var role: WorkerRole
    /// Share of the traffic relative to other workers, 1 to 1000.
    public var weight: Int
    public var intent: WorkerIntent
    public var labels: [String: String]
    /// False: the worker counts as ready without being probed.
    public var healthCheck: Bool
    /// True once this incarnation has been ready: without a newer observation it is presumed ready again.
    public var wasReady: Bool

    public init(
        id: WorkerID,
        incarnation: IncarnationID,
        url: String,
        models: [ModelCard] = [],
        role: WorkerRole = .regular,
        weight: Int = 1,
        intent: WorkerIntent = .active,
        labels: [String: String] = [:],
        healthCheck: Bool = true,
        wasReady: Bool = false
    ) {
        self.id = id
        self.incarnation = incarnation
        self.url = url
        self.models = models
        self.role = role
        self.weight = weight
        self.intent = intent
        self.labels = labels
        self.healthCheck = healthCheck
        self.wasReady = wasReady
    }

    enum CodingKeys: String, CodingKey {
        case id, incarnation, url, models, role, weight, intent, labels
        case healthCheck = "health_check"
        case wasReady = "was_ready"
    }
}

/// What a worker does for a request.
public enum WorkerRole: String, Hashable, Sendable, Codable, CaseIterable {
    case regular
    case prefill
    case decode
}

/// Whether a worker may be picked for new requests.
public enum WorkerIntent: String, Hashable, Sendable, Codable, CaseIterable {
    case active
    case draining
}

/// One entry of a worker's `/v1/models` answer.
public struct ModelCard: Hashable, Sendable, Codable {
    public var id: String
    /// The JSON object as the worker gave it, byte for byte.
    public var card: String

    public init(id: String, card: String) {
        self.id = id
        self.card = card
    }
}
