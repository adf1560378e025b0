import ControlPlaneCore
import Foundation
import SignalboxProtocol

/// A program that proves who a user of a kubeconfig is: `exec`, with the API `client.authentication.k8s.io` of Kubernetes.
struct ExecPlugin: Hashable, Sendable {
    /// The forms of its answer that are understood.
    static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
    /// A credential is asked for anew when it is good for no longer than this.
    static let marginMilliseconds: Int64 = 10_000

    var version: String
    /// Absolute, or a name that is looked for in `PATH`.
    var command: String
    var arguments: [String]
    /// What the program gets beside the environment of this process.
    var environment: [String: String]
    /// What a person has to do when the program is missing.
    var hint: String?
    /// What the program is told of the cluster; nil: nothing.
    var cluster: Cluster?
    /// For a person: `the user 'name'`.
    var user: String

    struct Cluster: Hashable, Sendable {
        var server: String
        var authorities: [UInt8]?
        var verifiesServer: Bool
    }

    /// What the program answered.
    struct Credential: Hashable, Sendable {
        var token: String?
        var identity: OutboundTLS.Identity?
        /// Milliseconds since 1970; nil: until the API server refuses it.
        var expiresAt: Int64?

        func isGood(at now: Int64) -> Bool {
            expiresAt.map { now + ExecPlugin.marginMilliseconds < $0 } ?? true
        }
    }

    /// The whole environment of the program.
    func environment(on base: [String: String]) throws -> [String: String] {
        var spec: [String: JSONValue] = ["interactive": .boolean(false)]
        if let cluster {
            var fields: [String: JSONValue] = ["server": .string(cluster.server)]
            if let authorities = cluster.authorities {
                fields["certificate-authority-data"] = .string(Data(authorities).base64EncodedString())
            }
            if !cluster.verifiesServer { fields["insecure-skip-tls-verify"] = .boolean(true) }
            spec["cluster"] = .object(fields)
        }
        let information = JSONValue.object([
            "apiVersion": .string(version), "kind": .string("ExecCredential"), "spec": .object(spec),
        ])
        return try base.merging(environment) { $1 }
            .merging(["KUBERNETES_EXEC_INFO": JSONText.text(information)]) { $1 }
    }

    /// Reads the answer; no error shows any of it.
    func credential(from output: [UInt8]) throws -> Credential {
        struct Answer: Decodable {
            struct Status: Decodable {
                var token: String?
                var clientCertificateData: String?
                var clientKeyData: String?
                var expirationTimestamp: String?
            }

            var kind: String?
            var apiVersion: String?
            var status: Status?
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(output)), answer.kind == "ExecCredential"
        else { throw failure("answered something that is no ExecCredential") }
        guard answer.apiVersion == version else { throw failure("did not answer in the form \(version)") }
        guard let status = answer.status else { throw failure("answered without a status") }
        var credential = Credential()
        if let token = status.token, !token.isEmpty { credential.token = token }
        switch (status.clientCertificateData, status.clientKeyData) {
        case (nil, nil): break
        case (let certificate?, let key?):
            credential.identity = .init(certificate: Array(certificate.utf8), key: Array(key.utf8))
        default: throw failure("answered with a client certificate or its key, but not both")
        }
        guard credential.token != nil || credential.identity != nil else {
            throw failure("answered with neither a token nor a client certificate")
        }
        if let text = status.expirationTimestamp {
            guard let date = try? Date(text, strategy: .iso8601) else {
                throw failure("answered with an expirationTimestamp that is no time")
            }
            credential.expiresAt = Int64(date.timeIntervalSince1970 * 1000)
        }
        return credential
    }

    /// - Parameter what: the rest of a sentence about the program.
    func failure(_ what: String) -> KubernetesAccessError {
        KubernetesAccessError("the exec command '\(command)' of \(user) \(what); run it by hand to see why")
    }
}
