/// A pod as the API server writes it; everything that discovery does not need is skipped.
struct PodObject: Decodable {
    struct Metadata: Decodable {
        var name: String?
        var namespace: String?
        var uid: String?
        var resourceVersion: String?
        var labels: [String: String]?
        var annotations: [String: String]?
        var creationTimestamp: String?
        var deletionTimestamp: String?
    }

    struct Specification: Decodable {
        struct Container: Decodable {
            struct Port: Decodable {
                var name: String?
                var containerPort: Int
            }

            var ports: [Port]?
        }

        var containers: [Container]?
    }

    struct Status: Decodable {
        struct Condition: Decodable {
            var type: String
            var status: String
        }

        var phase: String?
        var podIP: String?
        var conditions: [Condition]?
    }

    var metadata: Metadata
    var spec: Specification?
    var status: Status?

    private enum CodingKeys: CodingKey { case metadata, spec, status }

    /// What is odd in a pod's specification or status is taken as missing: who the pod is must not be lost with it.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(Metadata.self, forKey: .metadata)
        spec = try? container.decode(Specification.self, forKey: .spec)
        status = try? container.decode(Status.self, forKey: .status)
    }

    /// The pod; nil when it has no name or no identifier, which no API server leaves out.
    var pod: Pod? {
        guard let name = metadata.name, let uid = metadata.uid, !uid.isEmpty else { return nil }
        let ports = (spec?.containers ?? []).flatMap { $0.ports ?? [] }
        return Pod(
            reference: PodReference(namespace: metadata.namespace ?? "default", name: name, uid: uid),
            labels: metadata.labels ?? [:],
            // Others may have many kilobytes.
            annotations: (metadata.annotations ?? [:]).filter { PodSetting(rawValue: $0.key) != nil },
            phase: status?.phase ?? "Unknown",
            isReady: status?.conditions?.contains { $0.type == "Ready" && $0.status == "True" } ?? false,
            isTerminating: metadata.deletionTimestamp != nil,
            address: status?.podIP.flatMap { $0.isEmpty ? nil : $0 },
            namedPorts: Dictionary(
                ports.compactMap { port in port.name.map { ($0, port.containerPort) } },
                uniquingKeysWith: { first, _ in first }
            ),
            created: metadata.creationTimestamp ?? "",
            version: metadata.resourceVersion.flatMap { UInt64($0) }
        )
    }
}
