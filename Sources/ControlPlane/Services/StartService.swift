import Logging
import ServiceLifecycle
import SignalboxProtocol

/// Finishes the start when the listeners are open, and is the first to hear that the control plane must stop.
struct StartService: Service {
    let plane: ControlPlane
    let commandLine: CommandLineIntent
    let listeners: OpenListeners
    let listenersCount: Int
    let adminHost: String
    let logger: Logger
    let onReady: @Sendable (String) -> Void
    let onStopping: @Sendable () -> Void

    func run() async throws {
        // Nothing is stored before the listeners are open, so that a start that fails there changes nothing.
        guard let port = await listeners.wait(count: listenersCount) else { return }
        try await commandLine.apply(to: plane)
        try await plane.workers.watchAll()
        plane.beginDiscovering()
        if plane.store.wasRestored {
            logger.warning(
                "The database is older than what was published: it was restored, and has a new epoch now.",
                metadata: ["epoch": "\(plane.store.epoch)"]
            )
        }
        let address = adminHost.contains(":") ? "[\(adminHost)]:\(port)" : "\(adminHost):\(port)"
        let version = try await plane.store.version()
        logger.notice(
            "The control plane is ready.",
            metadata: ["admin.address": "\(address)", "version": "\(version)"]
        )
        onReady(address)
        try? await gracefulShutdown()
        onStopping()
        plane.workers.stop()
        logger.notice("The control plane stops.")
    }
}

/// Counts the listeners that are open.
final class OpenListeners: Sendable {
    private let stream: AsyncStream<Int?>
    private let continuation: AsyncStream<Int?>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    /// - Parameter port: of a TCP listener.
    func opened(port: Int?) {
        continuation.yield(port)
    }

    /// Waits until `count` listeners are open; called once.
    ///
    /// - Returns: the port of the TCP listener; nil when the task was cancelled first.
    func wait(count: Int) async -> Int? {
        var port: Int?
        var opened = 0
        for await next in stream.cancelOnGracefulShutdown() {
            opened += 1
            port = port ?? next
            if opened == count { return port }
        }
        return nil
    }
}
