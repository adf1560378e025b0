import Dispatch
import Logging
import ServiceLifecycle
import SignalboxProtocol
import Synchronization
import Telemetry

/// Has the data planes told the keys of the key file, at the start and when it changes. A file that cannot be used changes
/// nothing, and keeps no control plane from starting.
final class PeerKeySource: Service {
    /// How often the file is looked at.
    private static let interval = Duration.seconds(1)

    private struct State {
        var told: PeerKeyLines?
        var problem: PeerKeyError?
        var hasWarnedOfGroup = false
    }

    private let file: PeerKeyFile?
    private let publisher: DataPlanesPublisher
    private let logger: Logger
    private let state = Mutex(State())
    /// A file system that hangs holds this queue alone.
    private let queue = DispatchQueue(label: "peer-keys")

    init(file: PeerKeyFile?, publisher: DataPlanesPublisher, logger: Logger) {
        self.file = file
        self.publisher = publisher
        self.logger = logger
    }

    func run() async throws {
        guard let file else {
            tell(.none)
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                queue.async { [self] in look(file) }
                try? await Task.sleep(for: PeerKeySource.interval)
            }
        }
    }

    private func look(_ file: PeerKeyFile) {
        do throws(PeerKeyError) {
            let content = try file.read()
            state.withLock { $0.problem = nil }
            warn(of: content, file)
            tell(content.keys)
        } catch {
            guard state.withLock({ $0.problem.replace(with: error) }) else { return }
            logger.error(
                "The file of --peers-key-file cannot be used; data planes keep the keys that they have.",
                metadata: ["file": "\(file.path)", "reason": "\(error)"]
            )
        }
    }

    private func warn(of content: PeerKeyFile.Content, _ file: PeerKeyFile) {
        let isNew = state.withLock { state in
            defer { state.hasWarnedOfGroup = content.isSharedNeedlessly }
            return content.isSharedNeedlessly && !state.hasWarnedOfGroup
        }
        guard isNew else { return }
        logger.warning(
            "The group of the file of --peers-key-file may read it; chmod 600 makes it private.",
            metadata: ["file": "\(file.path)"]
        )
    }

    private func tell(_ keys: PeerKeyLines) {
        guard state.withLock({ $0.told.replace(with: keys) }) else { return }
        publisher.publish(SecretsMessage(peerKeys: keys.keys))
        guard !keys.keys.isEmpty else { return }
        logger.info("Data planes are told the keys for other hosts.", metadata: ["keys": "\(keys.keys.count)"])
    }
}

extension Optional where Wrapped: Equatable {
    /// Takes the value; false when it is the present one.
    fileprivate mutating func replace(with value: Wrapped) -> Bool {
        defer { self = value }
        return self != value
    }
}
