import ControlPlane
import ControlPlaneCore
import Foundation
import SignalboxProtocol
import Telemetry

extension ControlPlaneOptions {
    /// The folder of the sockets: the flag, else the standard place.
    var runtimePath: String {
        runtimeDir ?? StandardPaths.runtime(environment: ProcessInfo.processInfo.environment)
    }

    /// The database file: the flag, else the standard place.
    var databasePath: String {
        database ?? StandardPaths.database(environment: ProcessInfo.processInfo.environment)
    }

    /// The flags as the control plane takes them.
    ///
    /// - Throws: ``StartupError`` for a policy that cannot be run, ``SettingFlagError`` for a value out of bounds.
    func configuration(lifelineDescriptor: Int32?, restartDescriptor: Int32?) throws -> ControlPlaneConfiguration {
        ControlPlaneConfiguration(
            adminHost: adminHost,
            adminPort: Int(adminPort),
            prometheusHost: prometheusHost,
            prometheusPort: Int(prometheusPort),
            durationBuckets: try durationBuckets(),
            databasePath: databasePath,
            runtimePath: runtimePath,
            workerURLs: workerUrls.isEmpty ? nil : workerUrls,
            policy: try routing.policy.map(policyName),
            policyParameters: routing.parameters,
            settings: try settings.values(),
            workerStartupTimeoutSeconds: workerStartupTimeoutSecs,
            probeSettings: health.probeSettings(pendingIntervalMax: .seconds(workerStartupCheckInterval)),
            healthPanicPercent: health.healthPanicPercent,
            loadMonitorIntervalSeconds: health.loadMonitorInterval,
            isHealthCheckDisabled: health.disableHealthCheck,
            discovery: try discovery.settings(),
            peerKeyFile: peersKeyFile.map { PeerKeyFile(path: $0) },
            lifelineDescriptor: lifelineDescriptor,
            restartDescriptor: restartDescriptor
        )
    }

    private func policyName(_ text: String) throws -> PolicyName {
        do {
            return try PolicyName(named: text)
        } catch {
            throw StartupError(.usage, "--policy: \(error)")
        }
    }
}
