public import SignalboxProtocol

/// Which pods are workers, and where they listen.
public struct DiscoveryRules: Hashable, Sendable {
    /// The selectors with the role that each gives, the first match wins; empty selectors are left out.
    public var selectors: [Selector]
    /// Where a worker listens whose pod does not say.
    public var port: Int
    /// The name of the container port where workers listen; goes before `port`.
    public var portName: String?

    public struct Selector: Hashable, Sendable {
        public var role: WorkerRole
        public var labels: LabelSelector

        public init(role: WorkerRole, labels: LabelSelector) {
            self.role = role
            self.labels = labels
        }
    }

    public init(
        regular: LabelSelector,
        prefill: LabelSelector,
        decode: LabelSelector,
        port: Int = 80,
        portName: String? = nil
    ) {
        // In the original a pod that both select is a prefill worker.
        let all = [
            Selector(role: .prefill, labels: prefill), Selector(role: .decode, labels: decode),
            Selector(role: .regular, labels: regular),
        ]
        selectors = all.filter { !$0.labels.isEmpty }
        self.port = port
        self.portName = portName
    }
}

/// What a pod says of itself in annotations, or in labels; an annotation goes before a label of the same name.
enum PodSetting: String, CaseIterable {
    case model = "signalbox.dev/model"
    case weight = "signalbox.dev/weight"
    case role = "signalbox.dev/role"
    /// A number, or the name of a container port.
    case port = "signalbox.dev/port"
    /// The original's name.
    case bootstrapPort = "sglang.ai/bootstrap-port"

    func text(of pod: Pod) -> String? {
        pod.annotations[rawValue] ?? pod.labels[rawValue]
    }
}
