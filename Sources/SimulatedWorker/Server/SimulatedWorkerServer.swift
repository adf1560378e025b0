import NIOCore
import NIOPosix

/// A simulated worker that runs in this process: for the executable, and for tests that need one.
public final class SimulatedWorkerServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let worker: Worker
    private let listener: Listener
    private let controlListener: Listener?

    private init(configuration: WorkerConfiguration) throws(FaultError) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.threads))
        worker = Worker(configuration: configuration, eventLoop: group.next())
        let (group, worker, host) = (group, worker, configuration.host)
        listener = Listener(group: group, worker: worker, host: host, port: configuration.port, followsFaults: true)
        controlListener = configuration.controlPort.map { port in
            Listener(group: group, worker: worker, host: host, port: port, followsFaults: false)
        }
        try worker.add(configuration.faults)
    }

    /// Starts a worker; when this returns it accepts connections.
    ///
    /// - Throws: `StartError` when a port cannot be opened or a fault cannot be set.
    public static func start(_ configuration: WorkerConfiguration) async throws(StartError) -> SimulatedWorkerServer {
        let server: SimulatedWorkerServer
        do {
            server = try SimulatedWorkerServer(configuration: configuration)
        } catch {
            throw StartError(description: error.description)
        }
        do {
            try await server.open()
            return server
        } catch {
            try? await server.group.shutdownGracefully()
            throw error
        }
    }

    /// The port for requests.
    public var port: Int { listener.port }

    /// The port for `/faults` and `/stats` that no fault closes; nil when there is none.
    public var controlPort: Int? { controlListener?.port }

    /// The URL for requests, such as `http://127.0.0.1:8000`.
    public var url: String { "http://\(worker.identity)" }

    /// Closes all connections and ends all threads.
    public func stop() async {
        listener.set(isOpen: false)
        controlListener?.set(isOpen: false)
        try? await group.shutdownGracefully()
    }

    private func open() async throws(StartError) {
        try await open(listener, flag: "--port")
        worker.port = listener.port
        if let controlListener { try await open(controlListener, flag: "--control-port") }
        for listener in [listener, controlListener].compactMap(\.self) {
            do {
                try await listener.accept()
            } catch {
                throw StartError(description: "Cannot accept connections on port \(listener.port): \(error).")
            }
        }
        worker.observeFaults { [weak self] in self?.followFaults() }
        followFaults()
    }

    private func open(_ listener: Listener, flag: String) async throws(StartError) {
        do {
            try await listener.open()
        } catch {
            let address = "\(worker.configuration.host):\(listener.port)"
            guard let failure = error as? IOError, failure.errnoCode == EADDRINUSE else {
                throw StartError(description: "Cannot listen on \(address): \(error); see --host and \(flag).")
            }
            throw StartError(description: "\(address) is already in use; give another port with \(flag), 0 for any.")
        }
    }

    /// Opens or closes the listening socket as the faults say, and looks again when a fault ends by itself.
    private func followFaults() {
        let (rule, nextEnd) = worker.acceptRule
        listener.set(isOpen: !rule.refuses)
        guard let nextEnd else { return }
        let rest = max(.zero, nextEnd - worker.uptime) + .milliseconds(1)
        group.next().scheduleTask(in: .nanoseconds(Int64(rest / .nanoseconds(1)))) { [weak self] in
            self?.followFaults()
        }
    }
}

/// Why a worker cannot start: a sentence that names the flag.
public struct StartError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String
}
