/// What names a pod for good: names are used again, identifiers never.
public struct PodReference: Hashable, Sendable, CustomStringConvertible {
    public var namespace: String
    public var name: String
    /// `metadata.uid`.
    public var uid: String

    public init(namespace: String, name: String, uid: String) {
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }

    public var description: String { "\(namespace)/\(name)" }
}

/// What discovery needs to know of a pod.
public struct Pod: Hashable, Sendable {
    public var reference: PodReference
    public var labels: [String: String]
    /// Those that discovery reads (``PodSetting``).
    public var annotations: [String: String]
    /// `status.phase`; `Unknown` when it is missing.
    public var phase: String
    /// Whether the condition `Ready` is true.
    public var isReady: Bool
    /// Whether `metadata.deletionTimestamp` is set.
    public var isTerminating: Bool
    /// `status.podIP`, without brackets.
    public var address: String?
    /// The ports of its containers that have names.
    public var namedPorts: [String: Int]
    /// `metadata.creationTimestamp`, RFC 3339 in UTC, so that texts compare like times.
    public var created: String
    /// `metadata.resourceVersion` as a number, which grows with every change; nil when it is none.
    public var version: UInt64?

    public init(
        reference: PodReference,
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        phase: String = "Running",
        isReady: Bool = true,
        isTerminating: Bool = false,
        address: String? = nil,
        namedPorts: [String: Int] = [:],
        created: String = "",
        version: UInt64? = nil
    ) {
        self.reference = reference
        self.labels = labels
        self.annotations = annotations
        self.phase = phase
        self.isReady = isReady
        self.isTerminating = isTerminating
        self.address = address
        self.namedPorts = namedPorts
        self.created = created
        self.version = version
    }

    /// About how much memory it takes, for bounds.
    public var approximateBytes: Int {
        // What one entry of a dictionary costs beside its text.
        let entry = 48
        let texts = [reference.namespace, reference.name, reference.uid, phase, address ?? "", created]
        var bytes = 256 + texts.reduce(0) { $0 + $1.utf8.count }
        for (key, value) in labels { bytes += entry + key.utf8.count + value.utf8.count }
        for (key, value) in annotations { bytes += entry + key.utf8.count + value.utf8.count }
        for name in namedPorts.keys { bytes += entry + name.utf8.count }
        return bytes
    }

    /// Whether this pod was created after `other`, so that an address that both claim is its own.
    func isNewer(than other: Pod) -> Bool {
        (created, reference.uid) > (other.created, other.reference.uid)
    }
}
