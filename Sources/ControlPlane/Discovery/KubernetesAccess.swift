import Foundation

/// Where the API server is and how to be let in, read anew for every request: tokens and certificates rotate.
struct KubernetesAccess: Hashable, Sendable {
    /// Begins with `http://` or `https://` and has no slash at its end.
    var server: String
    var token: String?
    /// Who is asked for a token or a client certificate; nil: nobody.
    var plugin: ExecPlugin?
    var tls: OutboundTLS
    /// Where it was read from, for a person.
    var origin: String

    /// Credentials would go over the network as they are.
    var isOpen: Bool {
        guard server.hasPrefix("http://"), token != nil || plugin != nil else { return false }
        let host = server.dropFirst(7)
        return !["localhost", "127.", "[::1]"].contains { host.hasPrefix($0) }
    }

    /// Finds it: the named file, else those of `KUBECONFIG`, else the service account of the pod, else `~/.kube/config`.
    ///
    /// - Throws: ``KubernetesAccessError``.
    static func load(_ place: KubernetesAccessPlace) throws -> KubernetesAccess {
        if let path = place.kubeconfig {
            return try Kubeconfig(paths: [path], mustExist: true).access(context: place.context)
        }
        let listed = (place.environment["KUBECONFIG"] ?? "").split(separator: ":").map(String.init)
        if !listed.isEmpty { return try Kubeconfig(paths: listed, mustExist: false).access(context: place.context) }
        if let inCluster = try inCluster(place) { return inCluster }
        guard let home = place.environment["HOME"], access("\(home)/.kube/config", R_OK) == 0 else {
            throw KubernetesAccessError(
                "no API server is known: this is no pod with a service account, KUBECONFIG is not set, and there is no "
                    + "~/.kube/config; name a file with --kubeconfig"
            )
        }
        return try Kubeconfig(paths: ["\(home)/.kube/config"], mustExist: true).access(context: place.context)
    }

    /// The service account of the pod that this process runs in; nil outside of pods.
    private static func inCluster(_ place: KubernetesAccessPlace) throws -> KubernetesAccess? {
        guard let host = place.environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else { return nil }
        let port = place.environment["KUBERNETES_SERVICE_PORT"] ?? "443"
        let folder = place.serviceAccountFolder
        return KubernetesAccess(
            server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)",
            token: try KubernetesFile.text("\(folder)/token", "the token of the service account"),
            tls: OutboundTLS(
                authorities: try KubernetesFile.bytes("\(folder)/ca.crt", "the CA of the service account")
            ),
            origin: "the service account in \(folder)"
        )
    }
}

/// Where ``KubernetesAccess`` looks.
struct KubernetesAccessPlace: Sendable {
    /// `--kubeconfig`.
    var kubeconfig: String?
    /// `--kube-context`.
    var context: String?
    var environment: [String: String]
    var serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"
}

/// Why the API server cannot be asked, as the rest of a sentence.
struct KubernetesAccessError: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Reads small files that Kubernetes names.
enum KubernetesFile {
    private static let bytesMax = 1024 * 1024

    static func bytes(_ path: String, _ what: String) throws -> [UInt8] {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw KubernetesAccessError("\(what), \(path), cannot be read: \(String(cString: strerror(errno)))")
        }
        guard data.count <= bytesMax else {
            throw KubernetesAccessError("\(what), \(path), has more than \(bytesMax) bytes")
        }
        return [UInt8](data)
    }

    /// The one line of a file with a secret.
    static func text(_ path: String, _ what: String) throws -> String {
        let text = String(decoding: try bytes(path, what), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty else { throw KubernetesAccessError("\(what), \(path), is empty") }
        return text
    }
}
