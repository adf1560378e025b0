public import SignalboxProtocol

/// The worker that a pod is.
public struct PodWorker: Hashable, Sendable {
    public var url: WorkerURL
    public var role: WorkerRole
    public var weight: Int
    /// The model that the pod names; nil: the worker is asked.
    public var model: String?
    /// Where a prefill worker takes the connections of decode workers.
    public var bootstrapPort: Int?

    public init(
        url: WorkerURL,
        role: WorkerRole = .regular,
        weight: Int = 1,
        model: String? = nil,
        bootstrapPort: Int? = nil
    ) {
        self.url = url
        self.role = role
        self.weight = weight
        self.model = model
        self.bootstrapPort = bootstrapPort
    }

    /// Whether a registration of `other` can become this one without ending.
    func isSameRegistration(as other: PodWorker) -> Bool {
        url == other.url && role == other.role && model == other.model && bootstrapPort == other.bootstrapPort
    }
}
