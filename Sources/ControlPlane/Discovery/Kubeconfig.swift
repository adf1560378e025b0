import Foundation
import Yams

/// The files of `kubectl`, as far as they say how to reach one API server.
struct Kubeconfig {
    private var documents: [(document: Document, folder: String, path: String)] = []

    /// - Parameter mustExist: else files that do not exist are passed over, as `kubectl` does with those of `KUBECONFIG`.
    init(paths: [String], mustExist: Bool) throws {
        for path in paths where mustExist || FileManager.default.fileExists(atPath: path) {
            let bytes = try KubernetesFile.bytes(path, "the kubeconfig")
            let document: Document
            do {
                document = try YAMLDecoder().decode(Document.self, from: Data(bytes))
            } catch {
                throw KubernetesAccessError("the kubeconfig \(path) is no YAML, or has another form than a kubeconfig")
            }
            let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
            documents.append((document, folder, path))
        }
        guard !documents.isEmpty else {
            throw KubernetesAccessError("none of the files of KUBECONFIG exists: \(paths.joined(separator: ", "))")
        }
    }

    /// What one context says; the first of several entries with one name counts.
    func access(context wanted: String?) throws -> KubernetesAccess {
        let paths = documents.map(\.path).joined(separator: ", ")
        guard let name = wanted ?? documents.lazy.compactMap(\.document.currentContext).first(where: { !$0.isEmpty })
        else {
            throw KubernetesAccessError("the kubeconfig \(paths) has no current-context; name one with --kube-context")
        }
        guard let context = entry(name, in: { $0.contexts })?.value.context else {
            throw KubernetesAccessError("the kubeconfig \(paths) has no context '\(name)'")
        }
        guard let (cluster, clusterFolder) = entry(context.cluster, in: { $0.clusters }) else {
            throw KubernetesAccessError(
                "the context '\(name)' names the cluster '\(context.cluster)', which is missing"
            )
        }
        var access = try cluster.cluster.access(folder: clusterFolder, name: context.cluster)
        access.origin = "the context '\(name)' of \(paths)"
        guard let userName = context.user, !userName.isEmpty else { return access }
        guard let (user, userFolder) = entry(userName, in: { $0.users }) else {
            throw KubernetesAccessError("the context '\(name)' names the user '\(userName)', which is missing")
        }
        try user.user?.prove(to: &access, folder: userFolder, name: userName)
        return access
    }

    private func entry<Entry: NamedEntry>(
        _ name: String,
        in list: (Document) -> [Entry]?
    ) -> (value: Entry, folder: String)? {
        for (document, folder, _) in documents {
            if let entry = list(document)?.first(where: { $0.name == name }) { return (entry, folder) }
        }
        return nil
    }

    // MARK: - The form of the files

    private protocol NamedEntry {
        var name: String { get }
    }

    private struct Document: Decodable {
        var currentContext: String?
        var contexts: [ContextEntry]?
        var clusters: [ClusterEntry]?
        var users: [UserEntry]?

        enum CodingKeys: String, CodingKey {
            case contexts, clusters, users
            case currentContext = "current-context"
        }
    }

    private struct ContextEntry: Decodable, NamedEntry {
        struct Context: Decodable {
            var cluster: String
            var user: String?
        }

        var name: String
        var context: Context
    }

    private struct ClusterEntry: Decodable, NamedEntry {
        var name: String
        var cluster: Cluster
    }

    private struct UserEntry: Decodable, NamedEntry {
        var name: String
        var user: User?
    }

    private struct Cluster: Decodable {
        var server: String
        var authority: String?
        var authorityData: String?
        var isInsecure: Bool?
        var serverName: String?
        var proxy: String?

        enum CodingKeys: String, CodingKey {
            case server
            case authority = "certificate-authority"
            case authorityData = "certificate-authority-data"
            case isInsecure = "insecure-skip-tls-verify"
            case serverName = "tls-server-name"
            case proxy = "proxy-url"
        }

        func access(folder: String, name: String) throws -> KubernetesAccess {
            guard server.hasPrefix("https://") || server.hasPrefix("http://") else {
                throw KubernetesAccessError(
                    "the cluster '\(name)' has the server '\(server)', which is no http or https URL"
                )
            }
            let refused = [
                ("tls-server-name", serverName, "let 'server' have the name that is in its certificate"),
                ("proxy-url", proxy, "let 'server' be an address that is reached without a proxy"),
            ]
            for (key, value, way) in refused where value.map({ !$0.isEmpty }) ?? false {
                throw KubernetesAccessError("the cluster '\(name)' has \(key), which is not supported; \(way)")
            }
            let authorities = try Kubeconfig.material(
                authorityData,
                authority,
                folder,
                "the certificate-authority of the cluster '\(name)'"
            )
            return KubernetesAccess(
                server: server.hasSuffix("/") ? String(server.dropLast()) : server,
                token: nil,
                tls: OutboundTLS(authorities: authorities, verifiesServer: !(isInsecure ?? false)),
                origin: ""
            )
        }
    }

    private struct User: Decodable {
        var token: String?
        var tokenFile: String?
        var certificate: String?
        var certificateData: String?
        var key: String?
        var keyData: String?
        var username: String?
        var impersonated: String?
        var impersonatedUID: String?
        var impersonatedGroups: Anything?
        var exec: Exec?
        var authProvider: Anything?

        enum CodingKeys: String, CodingKey {
            case token, tokenFile, username, exec
            case impersonated = "as"
            case impersonatedUID = "as-uid"
            case impersonatedGroups = "as-groups"
            case certificate = "client-certificate"
            case certificateData = "client-certificate-data"
            case key = "client-key"
            case keyData = "client-key-data"
            case authProvider = "auth-provider"
        }

        func prove(to access: inout KubernetesAccess, folder: String, name: String) throws {
            for (key, isPresent) in [
                ("auth-provider", authProvider != nil), ("username", username != nil), ("as", impersonated != nil),
                ("as-uid", impersonatedUID != nil), ("as-groups", impersonatedGroups != nil),
            ] where isPresent {
                throw KubernetesAccessError(
                    "the user '\(name)' proves itself by \(key), which is not supported; use a token, a tokenFile, a client "
                        + "certificate or an exec command"
                )
            }
            if let tokenFile, !tokenFile.isEmpty {
                // A file goes before a token, as in kubectl.
                let path = Kubeconfig.absolute(tokenFile, folder)
                access.token = try KubernetesFile.text(path, "the tokenFile of the user '\(name)'")
            } else if let token, !token.isEmpty {
                access.token = token
            }
            let certificate = try Kubeconfig.material(
                certificateData,
                certificate,
                folder,
                "the client-certificate of the user '\(name)'"
            )
            let key = try Kubeconfig.material(keyData, key, folder, "the client-key of the user '\(name)'")
            switch (certificate, key) {
            case (let certificate?, let key?): access.tls.identity = .init(certificate: certificate, key: key)
            case (nil, nil): break
            default:
                throw KubernetesAccessError("the user '\(name)' has a client-certificate or a client-key, but not both")
            }
            // What is given goes before what would have to be asked for, as in kubectl.
            if let exec, access.token == nil { access.plugin = try exec.plugin(access, folder: folder, user: name) }
        }
    }

    private struct Exec: Decodable {
        struct Variable: Decodable {
            var name: String
            var value: String
        }

        var apiVersion: String?
        var command: String?
        var args: [String]?
        var env: [Variable]?
        var installHint: String?
        var provideClusterInfo: Bool?
        var interactiveMode: String?

        func plugin(_ access: KubernetesAccess, folder: String, user: String) throws -> ExecPlugin {
            guard let command, !command.isEmpty else {
                throw KubernetesAccessError("the user '\(user)' has an exec without a command")
            }
            guard let apiVersion, ExecPlugin.versions.contains(apiVersion) else {
                throw KubernetesAccessError(
                    "the user '\(user)' has an exec with the apiVersion '\(apiVersion ?? "")', which is not supported; it may be "
                        + ExecPlugin.versions.joined(separator: " or ")
                )
            }
            guard interactiveMode != "Always" else {
                throw KubernetesAccessError(
                    "the user '\(user)' has an exec with the interactiveMode Always, and there is no terminal here; use a "
                        + "tokenFile or a client certificate"
                )
            }
            return ExecPlugin(
                version: apiVersion,
                command: command.contains("/") ? Kubeconfig.absolute(command, folder) : command,
                arguments: args ?? [],
                environment: Dictionary((env ?? []).map { ($0.name, $0.value) }) { $1 },
                hint: installHint,
                cluster: provideClusterInfo == true
                    ? ExecPlugin.Cluster(
                        server: access.server,
                        authorities: access.tls.authorities,
                        verifiesServer: access.tls.verifiesServer
                    ) : nil,
                user: "the user '\(user)'"
            )
        }
    }

    /// A value that only matters by being there.
    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    /// PEM text: given as base64, else in a file; nil when neither is named.
    private static func material(
        _ base64: String?,
        _ path: String?,
        _ folder: String,
        _ what: String
    ) throws -> [UInt8]? {
        if let base64, !base64.isEmpty {
            guard let data = Data(base64Encoded: base64, options: .ignoreUnknownCharacters), !data.isEmpty else {
                throw KubernetesAccessError("\(what) is no base64")
            }
            return [UInt8](data)
        }
        guard let path, !path.isEmpty else { return nil }
        return try KubernetesFile.bytes(absolute(path, folder), what)
    }

    /// Paths in a kubeconfig begin at its folder.
    private static func absolute(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : "\(folder.hasSuffix("/") ? folder : folder + "/")\(path)"
    }
}
