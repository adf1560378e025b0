/// What the operators want, as one immutable picture: the workers, the policies and the limits at one version.
///
/// It holds intent only. What is observed (health) travels in ``HealthMessage``, secrets travel by themselves.
public struct Snapshot: Hashable, Sendable, Codable {
    public var schema: SchemaVersion
    public var version: SnapshotVersion
    /// Features that a data plane must know to serve this snapshot rightly; an unknown one is answered by a nack.
    public var requiredFeatures: [String]
    /// In the order in which they were added.
    public var workers: [SnapshotWorker]
    /// How requests are spread when their model has no policy of its own.
    public var policy: PolicyConfiguration
    /// What applies to single models, sorted by model.
    public var models: [ModelConfiguration]
    public var settings: RoutingSettings

    public init(
        version: SnapshotVersion,
        workers: [SnapshotWorker] = [],
        policy: PolicyConfiguration = PolicyConfiguration(),
        models: [ModelConfiguration] = [],
        settings: RoutingSettings = RoutingSettings(),
        requiredFeatures: [String] = [],
        schema: SchemaVersion = .current
    ) {
        self.schema = schema
        self.version = version
        self.requiredFeatures = requiredFeatures
        self.workers = workers
        self.policy = policy
        self.models = models
        self.settings = settings
    }

    enum CodingKeys: String, CodingKey {
        case schema, version, workers, policy, models, settings
        case requiredFeatures = "required_features"
    }
}

/// The form of the snapshot document. A new minor version only adds fields that may be ignored.
public struct SchemaVersion: Hashable, Sendable, Codable, CustomStringConvertible {
    public var major: Int
    public var minor: Int

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    public static let current = SchemaVersion(major: 1, minor: 0)

    public var description: String { "\(major).\(minor)" }
}
