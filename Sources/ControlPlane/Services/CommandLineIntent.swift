import ControlPlaneCore
import Logging
import SignalboxProtocol

/// What the flags say about workers, policy and settings, checked before anything is opened.
struct CommandLineIntent: Sendable {
    /// nil: the flag was not given.
    var workers: [WorkerRegistration]?
    var policy: PolicyName?
    var policyParameters: [PolicyParameter: Double]
    var settings: SettingsChange

    init(_ configuration: ControlPlaneConfiguration) throws(StartupError) {
        policy = configuration.policy
        policyParameters = configuration.policyParameters
        for (parameter, value) in policyParameters {
            // Checked against a policy that knows it; whether the one that routes does is seen when it is stored.
            guard let owner = PolicyName.allCases.first(where: { $0.parameters[parameter] != nil }) else { continue }
            let alone = PolicyConfiguration(name: owner, parameters: [parameter.rawValue: value])
            if let fault = alone.faults.first {
                let flag = String(fault.parameter.map { $0 == "_" ? "-" : $0 })
                throw StartupError(.usage, "--\(flag) \(fault.message), not \(value).")
            }
        }
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
        if let configuration = try await policyConfiguration(plane) {
            _ = try await plane.store.setPolicy(configuration, model: nil, origin: .commandLine)
        }
        if !settings.values.isEmpty { _ = try await plane.store.setSettings(settings, origin: .commandLine) }
        if let workers { try await plane.workers.reconcile(workers) }
        plane.publisher.changed()
    }

    /// The policy of all models as the flags want it; nil when they want nothing of it.
    private func policyConfiguration(_ plane: ControlPlane) async throws -> PolicyConfiguration? {
        guard policy != nil || !policyParameters.isEmpty else { return nil }
        let stored = try await plane.store.policies().value.standard
        var configuration = policy.map { PolicyConfiguration(name: $0) } ?? stored
        for (parameter, value) in policyParameters {
            guard configuration.name.parameters[parameter] != nil else {
                plane.api.services.logger.warning(
                    "A flag has no effect with this policy.",
                    metadata: ["parameter": "\(parameter.rawValue)", "policy": "\(configuration.name.rawValue)"]
                )
                continue
            }
            configuration.parameters[parameter.rawValue] = value
        }
        return configuration
    }
}
