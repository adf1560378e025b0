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
    /// The time to drain is over: what the worker still does is cut. Only a draining worker may be cut.
    public var isCut: Bool
    /// How many requests the worker says that it runs at one time; nil: it does not say.
    public var runningRequestsMax: Int?
    /// How many tokens the worker says that its prefix cache holds; nil: it does not say.
    public var cacheTokens: Int?
    public var labels: [String: String]
    /// False: the worker counts as ready without being probed.
    public var healthCheck: Bool
    /// True once this incarnation has been ready: without a newer observation it is presumed ready again.
    public var wasReady: Bool

    /// Whether policies may pick it: workers for one half of the work only wait for the prefill/decode mode.
    public var takesRequests: Bool { role == .regular }

    public init(
        id: WorkerID,
        incarnation: IncarnationID,
        url: String,
        models: [ModelCard] = [],
        role: WorkerRole = .regular,
        weight: Int = 1,
        intent: WorkerIntent = .active,
        isCut: Bool = false,
        runningRequestsMax: Int? = nil,
        cacheTokens: Int? = nil,
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
        self.isCut = isCut
        self.runningRequestsMax = runningRequestsMax
        self.cacheTokens = cacheTokens
        self.labels = labels
        self.healthCheck = healthCheck
        self.wasReady = wasReady
    }

    enum CodingKeys: String, CodingKey {
        case id, incarnation, url, models, role, weight, intent, labels
        case healthCheck = "health_check"
        case wasReady = "was_ready"
        case isCut = "cut"
        case runningRequestsMax = "running_requests_max"
        case cacheTokens = "cache_tokens"
    }

    /// Fields that an older control plane does not send have their defaults.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(WorkerID.self, forKey: .id),
            incarnation: try container.decode(IncarnationID.self, forKey: .incarnation),
            url: try container.decode(String.self, forKey: .url),
            models: try container.decode([ModelCard].self, forKey: .models),
            role: try container.decode(WorkerRole.self, forKey: .role),
            weight: try container.decode(Int.self, forKey: .weight),
            intent: try container.decode(WorkerIntent.self, forKey: .intent),
            isCut: try container.decodeIfPresent(Bool.self, forKey: .isCut) ?? false,
            runningRequestsMax: try container.decodeIfPresent(Int.self, forKey: .runningRequestsMax),
            cacheTokens: try container.decodeIfPresent(Int.self, forKey: .cacheTokens),
            labels: try container.decode([String: String].self, forKey: .labels),
            healthCheck: try container.decode(Bool.self, forKey: .healthCheck),
            wasReady: try container.decode(Bool.self, forKey: .wasReady)
        )
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
