import Foundation
import Testing

@testable import ControlPlane

@Suite("Access to the API server")
struct KubernetesAccessTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ name: String, _ text: String) throws -> String {
        let path = folder.file(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func place(_ environment: [String: String] = [:], kubeconfig: String? = nil, context: String? = nil)
        -> KubernetesAccessPlace
    {
        KubernetesAccessPlace(
            kubeconfig: kubeconfig,
            context: context,
            environment: environment,
            serviceAccountFolder: folder.path
        )
    }

    private static func config(_ name: String, server: String, token: String) -> String {
        """
        current-context: \(name)
        contexts: [{name: \(name), context: {cluster: \(name), user: \(name)}}]
        clusters: [{name: \(name), cluster: {server: "\(server)"}}]
        users: [{name: \(name), user: {token: \(token)}}]
        """
    }

    @Test func theServiceAccountOfThePod() throws {
        _ = try write("token", "first\n")
        _ = try write("ca.crt", "certificate")
        let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"]
        let access = try KubernetesAccess.load(place(environment))
        #expect(access.server == "https://10.96.0.1:6443" && access.token == "first")
        #expect(access.tls == OutboundTLS(authorities: Array("certificate".utf8)))
        _ = try write("token", "second")
        #expect(try KubernetesAccess.load(place(environment)).token == "second")
        let six = try KubernetesAccess.load(place(["KUBERNETES_SERVICE_HOST": "fd00::1"]))
        #expect(six.server == "https://[fd00::1]:443")
    }

    @Test func theNamedFileGoesBeforeEverything() throws {
        _ = try write("token", "pod")
        _ = try write("ca.crt", "certificate")
        let named = try write("named", KubernetesAccessTests.config("a", server: "https://named/", token: "t1"))
        let listed = try write("listed", KubernetesAccessTests.config("b", server: "https://listed", token: "t2"))
        let environment = ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBECONFIG": "/nowhere:\(listed):\(named)"]
        #expect(try KubernetesAccess.load(place(environment, kubeconfig: named)).server == "https://named")
        #expect(try KubernetesAccess.load(place(environment)).token == "t2")
        #expect(try KubernetesAccess.load(place(environment, context: "a")).token == "t1")
    }

    @Test func nothingKnownIsSaid() {
        #expect(throws: KubernetesAccessError.self) { try KubernetesAccess.load(place(["HOME": folder.path])) }
        #expect(throws: KubernetesAccessError.self) { try KubernetesAccess.load(place(["KUBECONFIG": "/nowhere"])) }
        #expect(throws: KubernetesAccessError.self) {
            try KubernetesAccess.load(place(["KUBERNETES_SERVICE_HOST": "10.0.0.1"]))
        }
    }

    @Test(arguments: [
        ("server: \"ftp://x\"", "token: t"), ("server: \"https://x\", proxy-url: \"http://p\"", "token: t"),
        ("server: \"https://x\", tls-server-name: n", "token: t"),
        ("server: \"https://x\", certificate-authority-data: \"%%%\"", "token: t"),
        ("server: \"https://x\", certificate-authority: missing.pem", "token: t"),
        ("server: \"https://x\"", "tokenFile: missing"), ("server: \"https://x\"", "client-certificate-data: YQ=="),
        ("server: \"https://x\"", "username: u"), ("server: \"https://x\"", "auth-provider: {name: gcp}"),
        ("server: \"https://x\"", "as: someone"), ("server: \"https://x\"", "as-uid: \"7\""),
        ("server: \"https://x\"", "as-groups: [a]"), ("server: \"https://x\"", "exec: {command: c}"),
        ("server: \"https://x\"", "exec: {apiVersion: client.authentication.k8s.io/v1}"),
        ("server: \"https://x\"", "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: c}"),
        (
            "server: \"https://x\"",
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: c, interactiveMode: Always}"
        ),
    ])
    func whatCannotBeDoneIsRefused(_ cluster: String, _ user: String) throws {
        let path = try write(
            "config",
            """
            current-context: a
            contexts: [{name: a, context: {cluster: a, user: a}}]
            clusters: [{name: a, cluster: {\(cluster)}}]
            users: [{name: a, user: {\(user)}}]
            """
        )
        #expect(throws: KubernetesAccessError.self) { try KubernetesAccess.load(place(kubeconfig: path)) }
    }

    private func user(_ text: String, cluster: String = "server: \"https://x\"") throws -> KubernetesAccess {
        let path = try write(
            "config",
            """
            current-context: a
            contexts: [{name: a, context: {cluster: a, user: a}}]
            clusters: [{name: a, cluster: {\(cluster)}}]
            users: [{name: a, user: {\(text)}}]
            """
        )
        return try KubernetesAccess.load(place(kubeconfig: path))
    }

    @Test(arguments: [
        ("proxy-url: \"http://p\"", "", "proxy-url, which is not supported; let 'server'"),
        ("tls-server-name: n", "", "tls-server-name, which is not supported; let 'server'"),
        ("", "auth-provider: {name: gcp}", "by auth-provider, which is not supported; use a token, a tokenFile"),
        ("", "as: someone", "by as, which is not supported; use a token"),
        (
            "", "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: c}",
            "'client.authentication.k8s.io/v1alpha1'"
        ),
        (
            "", "exec: {apiVersion: client.authentication.k8s.io/v1, command: c, interactiveMode: Always}",
            "use a tokenFile"
        ),
    ])
    func whatIsRefusedIsNamedWithTheWayOut(_ cluster: String, _ user: String, _ said: String) throws {
        let error = try #require(throws: KubernetesAccessError.self) {
            try self.user(user, cluster: "server: \"https://x\"\(cluster.isEmpty ? "" : ", ")\(cluster)")
        }
        #expect(error.description.contains(said))
    }

    @Test func anExecCommand() throws {
        let exec = """
            exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: bin/prove, args: [a, b], installHint: Get it.,
            env: [{name: A, value: "1"}, {name: B, value: "2"}], interactiveMode: Never, provideClusterInfo: true}
            """
        let plugin = try #require(
            try user(exec, cluster: "server: \"https://x/\", insecure-skip-tls-verify: true").plugin
        )
        #expect(plugin.command == "\(folder.path)/bin/prove" && plugin.arguments == ["a", "b"])
        #expect(plugin.environment == ["A": "1", "B": "2"] && plugin.hint == "Get it.")
        #expect(plugin.cluster == .init(server: "https://x", authorities: nil, verifiesServer: false))
        // Without a slash it is looked for in PATH, and what is given goes before it.
        let named = "exec: {apiVersion: client.authentication.k8s.io/v1, command: prove}"
        #expect(try user(named).plugin?.command == "prove" && user(named).plugin?.cluster == nil)
        #expect(try user("token: t, \(named)").plugin == nil && user("token: t, \(named)").token == "t")
    }
}
