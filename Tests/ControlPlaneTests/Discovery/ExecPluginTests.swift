import Foundation
import Testing

@testable import ControlPlane

@Suite("What exec commands of kubeconfigs answer")
struct ExecPluginTests {
    private static let v1 = "client.authentication.k8s.io/v1"

    private func plugin(cluster: ExecPlugin.Cluster? = nil) -> ExecPlugin {
        ExecPlugin(
            version: ExecPluginTests.v1,
            command: "/bin/prove",
            arguments: [],
            environment: ["PROFILE": "gold", "HOME": "/given"],
            cluster: cluster,
            user: "the user 'me'"
        )
    }

    private func answer(_ status: String, version: String = ExecPluginTests.v1, kind: String = "ExecCredential")
        -> [UInt8]
    {
        Array(#"{"kind":"\#(kind)","apiVersion":"\#(version)","status":\#(status)}"#.utf8)
    }

    @Test func aTokenWithAndWithoutItsTime() throws {
        let lasting = try plugin().credential(from: answer(#"{"token":"t"}"#))
        #expect(lasting == .init(token: "t"))
        #expect(lasting.isGood(at: .max / 2))
        let text = #"{"token":"t","expirationTimestamp":"2026-01-01T00:01:00Z"}"#
        let passing = try plugin().credential(from: answer(text))
        let end: Int64 = 1_767_225_660_000
        #expect(passing.expiresAt == end)
        #expect(passing.isGood(at: end - 10_001) && !passing.isGood(at: end - 10_000))
    }

    @Test func aClientCertificate() throws {
        let text = #"{"clientCertificateData":"C","clientKeyData":"K"}"#
        let credential = try plugin().credential(from: answer(text))
        #expect(credential.identity == .init(certificate: Array("C".utf8), key: Array("K".utf8)))
        #expect(credential.token == nil)
    }

    @Test(arguments: [
        ("no JSON secret", "no ExecCredential"), ("[]", "no ExecCredential"),
        (#"{"kind":"Secret","apiVersion":"\#(v1)","status":{"token":"secret"}}"#, "no ExecCredential"),
        (#"{"kind":"ExecCredential","apiVersion":"x/v9","status":{"token":"secret"}}"#, v1),
        (#"{"kind":"ExecCredential","apiVersion":"\#(v1)"}"#, "without a status"),
        (#"{"kind":"ExecCredential","apiVersion":"\#(v1)","status":{}}"#, "neither"),
        (#"{"kind":"ExecCredential","apiVersion":"\#(v1)","status":{"token":""}}"#, "neither"),
        (#"{"kind":"ExecCredential","apiVersion":"\#(v1)","status":{"clientKeyData":"secret"}}"#, "not both"),
        (
            #"{"kind":"ExecCredential","apiVersion":"\#(v1)","status":{"token":"secret","expirationTimestamp":"soon"}}"#,
            "no time"
        ),
    ])
    func whatCannotBeUsedIsSaidWithoutShowingIt(_ output: String, _ said: String) throws {
        let error = try #require(throws: KubernetesAccessError.self) {
            try plugin().credential(from: Array(output.utf8))
        }
        #expect(error.description.contains(said) && error.description.contains("'/bin/prove' of the user 'me'"))
        #expect(!error.description.contains("secret"))
    }

    @Test func theEnvironmentTellsWhatIsAskedFor() throws {
        let plain = try plugin().environment(on: ["HOME": "/base", "PATH": "/bin"])
        #expect(plain["HOME"] == "/given" && plain["PATH"] == "/bin" && plain["PROFILE"] == "gold")
        let text = try #require(plain["KUBERNETES_EXEC_INFO"])
        #expect(
            text == #"{"apiVersion":"\#(ExecPluginTests.v1)","kind":"ExecCredential","spec":{"interactive":false}}"#
        )
        let cluster = ExecPlugin.Cluster(server: "https://x", authorities: Array("ca".utf8), verifiesServer: false)
        let told = try #require(try plugin(cluster: cluster).environment(on: [:])["KUBERNETES_EXEC_INFO"])
        #expect(told.contains(#""server":"https://x""#) || told.contains(#""server":"https:\/\/x""#))
        #expect(told.contains(#""certificate-authority-data":"Y2E=""#))
        #expect(told.contains(#""insecure-skip-tls-verify":true"#))
    }
}

@Suite("Credentials of exec commands", .timeLimit(.minutes(1)))
struct ExecCredentialsTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func plugin(_ script: String, hint: String? = nil) -> ExecPlugin {
        ExecPlugin(
            version: "client.authentication.k8s.io/v1",
            command: "sh",
            arguments: ["-c", script],
            environment: ["FOLDER": folder.path],
            hint: hint,
            user: "the user 'me'"
        )
    }

    /// Answers a token with the number of the call, good for so many seconds of 2026.
    private func counting(_ expires: String) -> ExecPlugin {
        plugin(
            """
            echo x >> $FOLDER/calls
            printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t%s"\(expires)}}' \
            $(wc -l < $FOLDER/calls)
            """
        )
    }

    private let environment = ["PATH": "/usr/bin:/bin"]

    @Test func areKeptUntilTheyExpireOrAreRefused() async throws {
        let credentials = ExecCredentials(environment: environment)
        let plugin = counting(#","expirationTimestamp":"2026-01-01T00:01:00Z""#)
        let end: Int64 = 1_767_225_660_000
        #expect(try await credentials.credential(of: plugin, at: end - 60_000).token == "t1")
        #expect(try await credentials.credential(of: plugin, at: end - 20_000).token == "t1")
        #expect(try await credentials.credential(of: plugin, at: end - 5_000).token == "t2")
        let lasting = counting("")
        #expect(try await credentials.credential(of: lasting, at: 0).token == "t3")
        #expect(try await credentials.credential(of: lasting, at: .max / 2).token == "t3")
        credentials.forget(lasting)
        #expect(try await credentials.credential(of: lasting, at: 0).token == "t4")
    }

    @Test(arguments: [
        ("exit 3", "ended with status 3"), ("kill -9 $$", "was ended by signal 9"),
        ("echo secret; exit 1", "ended with status 1"), ("echo secret", "no ExecCredential"),
        ("head -c 2000000 /dev/zero", "said too much"), ("sleep 100", "did not end within 0.3 seconds"),
        ("exec >&-; sleep 100", "did not end within 0.3 seconds"),
    ])
    func whatGoesWrongIsSaid(_ script: String, _ said: String) async throws {
        let isSlow = script.contains("sleep")
        let credentials = ExecCredentials(environment: environment, timeout: isSlow ? .milliseconds(300) : .seconds(30))
        let error = await #expect(throws: KubernetesAccessError.self) {
            try await credentials.credential(of: plugin(script), at: 0)
        }
        let text = try #require(error).description
        #expect(text.contains(said) && !text.contains("secret"))
    }

    @Test func aMissingCommandComesWithItsHint() async throws {
        var missing = plugin("", hint: "Install it\nfrom somewhere.")
        missing.command = "no-such-command-of-any-cloud"
        let error = await #expect(throws: KubernetesAccessError.self) {
            try await ExecCredentials(environment: environment).credential(of: missing, at: 0)
        }
        let text = try #require(error).description
        #expect(text.contains("No such file") && text.hasSuffix("(Install it from somewhere.)"))
    }

    /// The whole group goes, also what the command has left behind, and nobody waits for it.
    @Test(arguments: ["sleep 98765", "sleep 98765 & wait", "sleep 98765 >/dev/null & echo"])
    func nothingLivesOn(_ script: String) async throws {
        let running = Task { [folder] in
            let command = Command(
                program: "sh",
                arguments: ["-c", "echo $$ > $FOLDER/pid; \(script)"],
                environment: ["PATH": "/usr/bin:/bin", "FOLDER": folder.path],
                timeout: .seconds(50)
            )
            return try? await command.output()
        }
        var group: pid_t?
        while group == nil {
            let text = try? String(contentsOfFile: folder.file("pid"), encoding: .utf8)
            group = text.flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            await Task.yield()
        }
        let isLeavingByItself = script.hasSuffix("echo")
        if !isLeavingByItself { running.cancel() }
        #expect(await running.value == (isLeavingByItself ? Array("\n".utf8) : nil))
        let id = try #require(group)
        while ExecCredentialsTests.isAnyAlive(inGroup: id) { await Task.yield() }
    }

    /// Dead ones that nobody has waited for do not count.
    private static func isAnyAlive(inGroup group: pid_t) -> Bool {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.contains { process in
            guard Int(process) != nil, let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let fields = text.split(separator: ")").last?.split(separator: " ")
            else { return false }
            return fields[0] != "Z" && fields[2] == "\(group)"
        }
    }

    @Test func itInheritsNoDescriptorAndNoInput() async throws {
        let command = Command(
            program: "sh",
            arguments: ["-c", "cat; ls /proc/self/fd | wc -l"],
            environment: ["PATH": "/usr/bin:/bin"],
            timeout: .seconds(30)
        )
        let text = String(decoding: try await command.output(), as: UTF8.self)
        // The three streams, and the folder that ls reads.
        #expect(text.trimmingCharacters(in: .whitespacesAndNewlines) == "4")
    }
}
