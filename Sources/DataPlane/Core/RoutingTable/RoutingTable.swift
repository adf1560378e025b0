public import SignalboxProtocol

/// One immutable picture that requests are routed by, compiled from a snapshot and what was observed. Swapped whole.
public final class RoutingTable: Sendable {
    /// Nil for the empty table of a data plane that has not got a snapshot yet.
    public let version: SnapshotVersion?
    public let digest: SnapshotDigest?
    public let settings: RoutingSettings
    /// The settings that bound messages, as parsers take them.
    let limits: HTTPLimits
    /// The `Via` field that is added to a head of HTTP/1.0 and of HTTP/1.1, with its line's end; empty: none.
    let viaLines: (ByteBuffer, ByteBuffer)
    /// The fields that may carry a request's id, in lower case; empty: ids are not handled.
    let requestIDFields: [[UInt8]]
    /// In the order of insertion.
    public let workers: [RoutedWorker]
    /// Pool 0 has every worker; the others are those of single models.
    public let pools: [WorkerPool]
    let poolOfModel: [[UInt8]: Int]
    /// Whether a policy looks at the fields that name a worker or a key.
    let readsKeys: Bool
    /// Whether a request for a model without a pool is refused: workers differ in the models that they serve.
    let refusesUnknownModels: Bool
    /// The body of `GET /v1/models`.
    public let modelsBody: String

    init(
        version: SnapshotVersion?,
        digest: SnapshotDigest?,
        settings: RoutingSettings,
        workers: [RoutedWorker],
        pools: [WorkerPool],
        poolOfModel: [[UInt8]: Int],
        refusesUnknownModels: Bool,
        modelsBody: String
    ) {
        precondition(!pools.isEmpty, "a routing table has at least the pool of all workers")
        self.version = version
        self.digest = digest
        self.settings = settings
        limits = HTTPLimits(settings)
        let name = settings.via
        viaLines =
            name.isEmpty
            ? (ByteBuffer(), ByteBuffer())
            : (ByteBuffer("Via: 1.0 \(name)\r\n"), ByteBuffer("Via: 1.1 \(name)\r\n"))
        requestIDFields = settings.requestIDFields.utf8.split(separator: ASCII.comma).map { $0.map(ASCII.lowercased) }
        self.workers = workers
        self.pools = pools
        self.poolOfModel = poolOfModel
        readsKeys = pools.contains { $0.policy.needs.contains(.key) }
        self.refusesUnknownModels = refusesUnknownModels
        self.modelsBody = modelsBody
    }

    /// The table before the first snapshot: no worker, and nobody to wait for.
    public static let empty = RoutingTable(
        version: nil,
        digest: nil,
        settings: RoutingSettings(),
        workers: [],
        pools: [
            WorkerPool(
                policy: .random(isWeighted: false),
                cacheGroup: CacheGroup(seed: 0),
                ready: [],
                hasPending: false,
                hasUnhealthy: false,
                timeouts: RequestTimeouts()
            )
        ],
        poolOfModel: [:],
        refusesUnknownModels: false,
        modelsBody: #"{"object":"list","data":[]}"#
    )

    /// Whether the body of a request must be searched for its model.
    var routesByModel: Bool { pools.count > 1 }

    public var readyCount: Int { pools[0].ready.count }

    /// The pool for a request, or nil when no worker here serves its model.
    func pool(forModel model: [UInt8]?) -> Int? {
        guard let model, routesByModel else { return 0 }
        if let pool = poolOfModel[model] { return pool }
        return refusesUnknownModels ? nil : 0
    }
}

/// The workers that may serve a request, and how one of them is picked.
public struct WorkerPool: Sendable {
    var policy: Policy
    /// Whose blocks age together; its seed is what the hashes of the pool's texts begin with.
    var cacheGroup: CacheGroup
    /// The policy's number in `PolicyName`, under which its picks are counted.
    var policyNumber = 0
    /// Indexes into ``RoutingTable/workers``, in the order of insertion.
    public var ready: [Int]
    /// Whether a worker of the pool may become ready by waiting.
    public var hasPending: Bool
    /// Whether a worker of the pool was ready once and is not any more.
    public var hasUnhealthy: Bool
    /// The time limits of the pool's requests.
    public var timeouts: RequestTimeouts
}
