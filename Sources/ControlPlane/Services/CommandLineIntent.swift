import ControlPlaneCore
import SignalboxProtocol

/// What the flags say about workers, policy and settings, checked before anything is opened.
struct CommandLineIntent: Sendable {
    /// nil: the flag was not given.
    var workers: [WorkerRegistration]?
    var policy: PolicyName?
    var payloadBytesMax: Int?

    init(_ configuration: ControlPlaneConfiguration) throws(StartupError) {
        policy = configuration.policy
        payloadBytesMax = configuration.payloadBytesMax
        if let payloadBytesMax, payloadBytesMax < 1 {
            throw StartupError(.usage, "--max-payload-size is \(payloadBytesMax); it must be at least 1.")
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
        if let payloadBytesMax {
            do {
                _ = try await plane.store.setSettings([.payloadBytesMax: payloadBytesMax], origin: .commandLine)
            } catch StoreError.invalid(let sentences) {
                throw StartupError(.usage, "--max-payload-size: \(sentences.joined(separator: " "))")
            }
        }
        if let workers { try await plane.workers.reconcile(workers) }
        plane.publisher.changed()
    }
}
