internal import Dispatch
internal import Logging
internal import SignalboxProtocol
internal import Synchronization

extension DataPlanesPublisher {
    enum Publication {
        case snapshot
        case health
    }

    func perform(_ action: PublicationSchedule.Action?, as publication: Publication) {
        let queue = publication == .snapshot ? snapshotQueue : healthQueue
        switch action {
        case .build(let since):
            queue.async { [self] in
                switch publication {
                case .snapshot: buildSnapshot(since: since)
                case .health: buildHealth()
                }
            }
        case .wake(let pause):
            let nanoseconds = Int(pause / .nanoseconds(1))
            queue.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [self] in
                let action = state.withLock { state in
                    switch publication {
                    case .snapshot: state.snapshots.woken(at: now)
                    case .health: state.observations.woken(at: now)
                    }
                }
                perform(action, as: publication)
            }
        case nil:
            break
        }
    }

    private func buildSnapshot(since: ContinuousClock.Instant) {
        do {
            try publish(try PublishedSnapshot(try source.currentSnapshot(), committedAt: since))
            state.withLock { $0.failure = nil }
            perform(state.withLock { $0.snapshots.finished(at: now, succeeded: true) }, as: .snapshot)
        } catch {
            failed(with: "\(error)")
            perform(state.withLock { $0.snapshots.finished(at: now, succeeded: false) }, as: .snapshot)
        }
    }

    private func buildHealth() {
        do {
            let health = try PublishedHealth(source.currentHealth())
            state.withLock { $0.registry.publish(health) }
            announceOutput()
            perform(state.withLock { $0.observations.finished(at: now, succeeded: true) }, as: .health)
        } catch {
            logger.error("The health of the workers could not be encoded.", metadata: ["error": "\(error)"])
            perform(state.withLock { $0.observations.finished(at: now, succeeded: false) }, as: .health)
        }
    }

    private func publish(_ snapshot: PublishedSnapshot) throws(PublicationRefusal) {
        let current = state.withLock { $0.registry.snapshot }
        guard snapshot.header != current?.header else { return }
        guard snapshot.version.mayReplace(current?.version) else {
            throw PublicationRefusal(version: snapshot.version, current: current?.version)
        }
        state.withLock { $0.registry.publish(snapshot) }
        announceOutput()
        logger.debug("A snapshot was published.", metadata: ["version": "\(snapshot.version)"])
    }

    /// Keeps the last good snapshot, and logs a fault once however often the build is tried.
    private func failed(with reason: String) {
        let isNew = state.withLock { state in
            let isNew = state.failure?.reason != reason
            state.failure = PublicationFailure(reason: reason, attempts: isNew ? 1 : (state.failure?.attempts ?? 0) + 1)
            return isNew
        }
        if isNew { logger.error("The newest state cannot be published.", metadata: ["error": "\(reason)"]) }
    }
}

/// Why data planes do not get the newest state.
public struct PublicationFailure: Hashable, Sendable, Codable {
    public var reason: String
    /// How often the same reason came in a row.
    public var attempts: Int
}

/// The source went back; data planes would refuse it.
private struct PublicationRefusal: Error, CustomStringConvertible {
    var version: SnapshotVersion
    var current: SnapshotVersion?

    var description: String {
        "The database went back to version \(version) after \(current.map(\.description) ?? "none") was published."
    }
}
