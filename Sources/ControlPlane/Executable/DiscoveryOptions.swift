import ArgumentParser
import ControlPlane
import ControlPlaneCore

/// The flags about finding workers in Kubernetes, with the names of the original.
struct DiscoveryOptions: ParsableArguments {
    @Flag(name: .long, help: "Make workers of the pods that --selector selects.")
    var serviceDiscovery = false

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Labels of pods that are workers: key=value, also 'key in (a, b)', '!key'; all must hold.",
            valueName: "requirement"
        )
    )
    var selector: [String] = []

    @Option(name: .long, help: "Port of a worker whose pod names none.")
    var serviceDiscoveryPort = 80

    @Option(name: .long, help: "Name of the container port where workers listen, instead of --service-discovery-port.")
    var serviceDiscoveryPortName: String?

    @Option(name: .long, help: "Namespace of the pods (default: all, which needs a ClusterRole).")
    var serviceDiscoveryNamespace: String?

    @Option(
        name: .long,
        help: "How long a worker whose pod is not ready stays registered, in seconds; it gets no requests meanwhile."
    )
    var serviceDiscoveryFlapSecs = 30

    @Option(name: .long, help: "A watch without a word for so long is renewed, in seconds.")
    var serviceDiscoverySilenceSecs = 90

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Labels of pods that are prefill workers; they take no requests yet.",
            valueName: "requirement"
        )
    )
    var prefillSelector: [String] = []

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Labels of pods that are decode workers; they take no requests yet.",
            valueName: "requirement"
        )
    )
    var decodeSelector: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How to reach the API server (default: KUBECONFIG, the pod's service account, ~/.kube/config).",
            valueName: "file"
        )
    )
    var kubeconfig: String?

    @Option(name: .long, help: "Context of the kubeconfig (default: its current-context).")
    var kubeContext: String?

    /// What the flags say; nil: no service discovery.
    func settings() throws -> DiscoverySettings? {
        guard serviceDiscovery else { return nil }
        let rules = DiscoveryRules(
            regular: try DiscoveryOptions.labels(selector, flag: "--selector"),
            prefill: try DiscoveryOptions.labels(prefillSelector, flag: "--prefill-selector"),
            decode: try DiscoveryOptions.labels(decodeSelector, flag: "--decode-selector"),
            port: serviceDiscoveryPort,
            portName: serviceDiscoveryPortName
        )
        return DiscoverySettings(
            rules: rules,
            namespace: serviceDiscoveryNamespace,
            flapSeconds: serviceDiscoveryFlapSecs,
            silenceSeconds: serviceDiscoverySilenceSecs,
            kubeconfig: kubeconfig,
            context: kubeContext
        )
    }

    private static func labels(_ texts: [String], flag: String) throws -> LabelSelector {
        do {
            return try LabelSelector(texts)
        } catch {
            throw ValidationError("\(flag) \(error).")
        }
    }

    func validate() throws {
        _ = try settings()
        for (flag, value, range) in [
            ("--service-discovery-port", serviceDiscoveryPort, 1...65_535),
            ("--service-discovery-flap-secs", serviceDiscoveryFlapSecs, 0...86_400),
            ("--service-discovery-silence-secs", serviceDiscoverySilenceSecs, 1...86_400),
        ] where !range.contains(value) {
            throw ValidationError("\(flag) must be from \(range.lowerBound) to \(range.upperBound), not \(value).")
        }
        if let namespace = serviceDiscoveryNamespace, !DiscoveryOptions.isNamespace(namespace) {
            throw ValidationError("--service-discovery-namespace '\(namespace)' is no name of a namespace.")
        }
        let isAnyGiven =
            !selector.isEmpty || !prefillSelector.isEmpty || !decodeSelector.isEmpty || kubeconfig != nil
            || serviceDiscoveryNamespace != nil || serviceDiscoveryPortName != nil || kubeContext != nil
        guard serviceDiscovery || !isAnyGiven else {
            throw ValidationError("Flags about pods were given without --service-discovery; add it to find workers.")
        }
    }

    /// RFC 1123: 1 to 63 of lower-case letters, digits and `-`, with a letter or digit at both ends.
    private static func isNamespace(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasSuffix("-")
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    /// The flags in a form that reads back to equal options.
    var arguments: [String] {
        guard serviceDiscovery else { return [] }
        var arguments = ["--service-discovery", "--service-discovery-port", String(serviceDiscoveryPort)]
        arguments += ["--service-discovery-flap-secs", String(serviceDiscoveryFlapSecs)]
        arguments += ["--service-discovery-silence-secs", String(serviceDiscoverySilenceSecs)]
        for (flag, text) in [
            ("--service-discovery-port-name", serviceDiscoveryPortName),
            ("--service-discovery-namespace", serviceDiscoveryNamespace),
            ("--kubeconfig", kubeconfig), ("--kube-context", kubeContext),
        ] {
            if let text { arguments += [flag, text] }
        }
        for (flag, texts) in [
            ("--selector", selector), ("--prefill-selector", prefillSelector), ("--decode-selector", decodeSelector),
        ] where !texts.isEmpty {
            arguments += [flag] + texts
        }
        return arguments
    }
}
