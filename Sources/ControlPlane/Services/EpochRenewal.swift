import Logging
import ServiceLifecycle
import SignalboxProtocol

/// Gives the database a new epoch when a data plane serves a later version than there is.
///
/// It ends with the service group, so that nothing is written behind the closing of the database. A database that cannot
/// be written (a full disk) is tried again, because the data plane greets only once.
struct EpochRenewal: Service {
    /// Greetings that may wait; data planes are far fewer.
    private static let waitingMax = 256
    private static let retryInterval = Duration.seconds(2)

    private let store: Store
    private let publisher: DataPlanesPublisher
    private let logger: Logger
    private let greetings: AsyncStream<SnapshotVersion>

    init(store: Store, publisher: DataPlanesPublisher, logger: Logger) {
        self.store = store
        self.publisher = publisher
        self.logger = logger
        let (greetings, inbox) = AsyncStream.makeStream(
            of: SnapshotVersion.self,
            bufferingPolicy: .bufferingNewest(EpochRenewal.waitingMax)
        )
        self.greetings = greetings
        publisher.observeGreetings { inbox.yield($0) }
    }

    /// Judges each greeting until the service group shuts down.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await applied in greetings { await judge(applied) }
        }
    }

    private func judge(_ applied: SnapshotVersion) async {
        var isReported = false
        while !Task.isCancelled {
            do {
                guard try await store.renewEpoch(seen: applied) else { return }
                logger.warning(
                    "A data plane serves a later version than there is: the database was restored, and has a new epoch now.",
                    metadata: ["epoch": "\(store.epoch)", "version": "\(applied)"]
                )
                return publisher.changed()
            } catch is CancellationError {
                return
            } catch {
                if !isReported {
                    logger.error("The epoch cannot be renewed; trying again.", metadata: ["reason": "\(error)"])
                }
                isReported = true
                try? await Task.sleep(for: EpochRenewal.retryInterval)
            }
        }
    }
}
