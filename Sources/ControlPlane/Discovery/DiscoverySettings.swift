public import ControlPlaneCore
import Foundation

/// What the flags say about service discovery.
public struct DiscoverySettings: Sendable {
    public var rules: DiscoveryRules
    /// Nil: all namespaces.
    public var namespace: String?
    /// How long a worker whose pod is not ready keeps its registration.
    public var flapSeconds: Int
    /// A watch without a word for so long is renewed.
    public var silenceSeconds: Int
    /// Nil: found by the environment.
    public var kubeconfig: String?
    public var context: String?

    public init(
        rules: DiscoveryRules,
        namespace: String? = nil,
        flapSeconds: Int = 30,
        silenceSeconds: Int = 90,
        kubeconfig: String? = nil,
        context: String? = nil
    ) {
        self.rules = rules
        self.namespace = namespace
        self.flapSeconds = flapSeconds
        self.silenceSeconds = silenceSeconds
        self.kubeconfig = kubeconfig
        self.context = context
    }

    var place: KubernetesAccessPlace {
        KubernetesAccessPlace(
            kubeconfig: kubeconfig,
            context: context,
            environment: ProcessInfo.processInfo.environment
        )
    }
}
