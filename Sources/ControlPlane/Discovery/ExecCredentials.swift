import Foundation
import Synchronization

/// Asks the programs of kubeconfigs for credentials, and keeps these until they expire or are refused.
final class ExecCredentials: Sendable {
    /// How long a program may take.
    static let timeout = Duration.seconds(30)

    private let kept = Mutex<[ExecPlugin: ExecPlugin.Credential]>([:])
    private let environment: [String: String]
    private let timeout: Duration

    init(environment: [String: String], timeout: Duration = ExecCredentials.timeout) {
        self.environment = environment
        self.timeout = timeout
    }

    /// - Throws: ``KubernetesAccessError``.
    func credential(of plugin: ExecPlugin, at now: Int64) async throws -> ExecPlugin.Credential {
        if let known = kept.withLock({ $0[plugin] }), known.isGood(at: now) { return known }
        let command = Command(
            program: plugin.command,
            arguments: plugin.arguments,
            environment: try plugin.environment(on: environment),
            timeout: timeout
        )
        let output: [UInt8]
        do {
            output = try await command.output()
        } catch CommandError.notStarted(let reason) {
            let hint = plugin.hint.map { " (\($0.prefix(512).replacing("\n", with: " ")))" } ?? ""
            throw KubernetesAccessError(
                "the exec command '\(plugin.command)' of \(plugin.user) cannot be started: \(reason)\(hint)"
            )
        } catch {
            throw plugin.failure(error.description)
        }
        let credential = try plugin.credential(from: output)
        kept.withLock { kept in
            // A kubeconfig that changes leaves nothing of its old programs behind.
            kept = kept.filter { $0.value.isGood(at: now) && kept.count < 16 }
            kept[plugin] = credential
        }
        return credential
    }

    /// The API server has refused what a program answered: it is asked again.
    func forget(_ plugin: ExecPlugin) {
        kept.withLock { $0[plugin] = nil }
    }
}
