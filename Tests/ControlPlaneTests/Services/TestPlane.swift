import ControlPlaneCore
import Logging

@testable import ControlPlane

/// A control plane without sockets: a database in a temporary folder, and workers that exist only in the test.
struct TestPlane {
    let folder: TemporaryFolder
    let http = FakeHTTP()
    let plane: ControlPlane
    let configuration: ControlPlaneConfiguration

    init(
        startupTimeoutSeconds: Int = 5,
        isHealthCheckDisabled: Bool = false,
        folder: TemporaryFolder? = nil
    ) throws {
        let folder = try folder ?? TemporaryFolder()
        self.folder = folder
        var settings = ProbeSettings(
            timeout: .milliseconds(200),
            readyInterval: .milliseconds(20),
            unhealthyInterval: .milliseconds(10)
        )
        settings.pendingIntervalMin = .milliseconds(5)
        settings.pendingIntervalMax = .milliseconds(20)
        configuration = ControlPlaneConfiguration(
            databasePath: folder.file("signalbox.db"),
            runtimePath: folder.path,
            workerStartupTimeoutSeconds: startupTimeoutSeconds,
            probeSettings: settings,
            isHealthCheckDisabled: isHealthCheckDisabled
        )
        plane = ControlPlane(
            store: try Store(path: configuration.databasePath),
            controlSocket: folder.file("control.sock"),
            configuration: configuration,
            http: http,
            kubernetes: http,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    var workers: WorkersService { plane.workers }
    var store: Store { plane.store }
    var health: FleetHealth { plane.api.services.health }

    /// Lets a worker be healthy and name one model.
    func beHealthy(_ url: String, model: String = "m") {
        http.answer("\(url)/health")
        http.answer("\(url)/v1/models", body: "{\"data\":[{\"id\":\"\(model)\"}]}")
    }

    /// The state of the worker as the API shows it; nil when none is registered.
    func state(_ url: String) async throws -> String? {
        guard let worker = try await store.worker(try WorkerReference(url))?.value else { return nil }
        return WorkerView.state(of: worker, health.observed(worker.incarnation))
    }
}

/// Waits until `condition` holds, at most ten seconds.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return false
}
