import ControlPlaneCore
import SignalboxProtocol

/// What the flags say about workers, policy and settings, checked before anything is opened.
struct CommandLineIntent: Sendable {
    /// nil: the flag was not given.
    var workers: [WorkerRegistration]?
    var policy: PolicyName?
    var settings: SettingsChange

    init(_ configuration: ControlPlaneConfiguration) throws(StartupError) {
        policy = configuration.policy
        do {
            settings = try SettingsChange(configuration.settings.mapValues(Optional.some))
        } catch {
            throw StartupError(.usage, error.description)
        }
        guard let texts = configuration.workerURLs else { return }
        var registrations: [WorkerRegistration] = []
        for text in texts {
            do {
                registrations.append(try WorkerRegistration(url: text, source: .cli))
            } catch {
                throw StartupError(.usage, "--worker-urls has '\(text.prefix(256))': \(error)")
            }
        }
        workers = registrations
    }

    /// Stores what the flags say; a flag that was not given leaves the database as it is.
    func apply(to plane: ControlPlane) async throws {
        if let policy {
            let configuration = PolicyConfiguration(name: policy)
            _ = try await plane.store.setPolicy(configuration, model: nil, origin: .commandLine)
        }
        if !settings.values.isEmpty { _ = try await plane.store.setSettings(settings, origin: .commandLine) }
        if let workers { try await plane.workers.reconcile(workers) }
        plane.publisher.changed()
    }
}
