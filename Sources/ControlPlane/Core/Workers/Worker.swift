public import SignalboxProtocol

/// One registration of a worker as the operators want it, with what is known of it for good.
///
/// Whether it answers right now is an observation and not part of it (see ``ProbeState``).
public struct Worker: Hashable, Sendable {
    public var id: WorkerID
    public var incarnation: IncarnationID
    /// Identity: no two workers that are not draining have equal ones.
    public var url: WorkerURL
    /// The URL as the operator wrote it; lists and texts show this form.
    public var urlGiven: String
    public var source: WorkerSource
    public var role: WorkerRole
    /// What operators may change while the worker is registered.
    public var properties: WorkerProperties
    /// The model that the operator named when it was added.
    public var modelGiven: String?
    /// The pod that it is, when Kubernetes told of it.
    public var pod: PodReference?
    /// Where a prefill worker takes the connections of decode workers.
    public var bootstrapPort: Int?
    /// What the worker's `/v1/models` answered last.
    public var models: [ModelCard]
    public var capacity: ToldCapacity
    /// How far its removal is; nil while it is not being removed.
    public var drain: WorkerDrain?
    /// Milliseconds since 1970.
    public var addedAt: Int64
    /// When this incarnation first became ready, in milliseconds since 1970; nil while it is pending.
    public var firstReadyAt: Int64?
    /// What kept requests from it when that was last stored; nil: nothing did.
    public var hold: HealthHold?

    public init(
        id: WorkerID,
        incarnation: IncarnationID,
        url: WorkerURL,
        urlGiven: String,
        source: WorkerSource,
        role: WorkerRole = .regular,
        properties: WorkerProperties = WorkerProperties(),
        modelGiven: String? = nil,
        pod: PodReference? = nil,
        bootstrapPort: Int? = nil,
        models: [ModelCard] = [],
        capacity: ToldCapacity = ToldCapacity(),
        drain: WorkerDrain? = nil,
        addedAt: Int64,
        firstReadyAt: Int64? = nil,
        hold: HealthHold? = nil
    ) {
        self.id = id
        self.incarnation = incarnation
        self.url = url
        self.urlGiven = urlGiven
        self.source = source
        self.role = role
        self.properties = properties
        self.modelGiven = modelGiven
        self.pod = pod
        self.bootstrapPort = bootstrapPort
        self.models = models
        self.capacity = capacity
        self.drain = drain
        self.addedAt = addedAt
        self.firstReadyAt = firstReadyAt
        self.hold = hold
    }

    /// Whether it may be picked for new requests.
    public var intent: WorkerIntent { drain == nil ? .active : .draining }

    /// The name of what it serves: as the operator said, else as the worker itself says.
    public var modelID: String? { modelGiven ?? models.first?.id }

    /// What requests may name: what the worker itself says, and what was said when it was added.
    private var servedModels: [ModelCard] {
        guard let modelGiven, !models.contains(where: { $0.id == modelGiven }) else { return models }
        return models + [ModelCard(named: modelGiven)]
    }

    /// The names of these models.
    public var servedModelNames: Set<String> { Set(servedModels.map(\.id)) }

    /// The worker as data planes see it, with the weight that it has among the others (``WorkerShares``).
    public func snapshotWorker(weight: Int) -> SnapshotWorker {
        SnapshotWorker(
            id: id,
            incarnation: incarnation,
            url: url.description,
            models: servedModels,
            role: role,
            weight: weight,
            intent: intent,
            isCut: drain?.cutAt != nil,
            runningRequestsMax: capacity.runningRequestsMax,
            cacheTokens: capacity.cacheTokens,
            labels: properties.labels,
            healthCheck: properties.health.isEnabled,
            wasReady: firstReadyAt != nil
        )
    }
}

/// Who registered a worker.
public enum WorkerSource: String, Hashable, Sendable, Codable, CaseIterable {
    /// Named by `--worker-urls`; removed when the flag no longer lists it.
    case cli
    /// Added through the admin API; only the admin API removes it.
    case api
    /// A pod that service discovery found; removed when the pod is no worker any more.
    case kubernetes
}

extension ModelCard {
    /// The card of a model of which no more than its name is known.
    fileprivate init(named id: String) {
        let fields: JSONValue = .object(["id": .string(id), "object": "model", "owned_by": "sglang"])
        // A name is a string, which JSON can always express.
        self.init(id: id, card: (try? JSONText.text(fields)) ?? "{}")
    }
}
