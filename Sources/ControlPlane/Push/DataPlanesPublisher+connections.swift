internal import Logging
internal import NIOCore
internal import SignalboxProtocol
internal import Synchronization

extension DataPlanesPublisher {
    func connected(_ connection: DataPlaneRegistry.ConnectionID, channel: any Channel) -> Bool {
        state.withLock { state in
            guard !state.isStopped, state.registry.connected(connection, at: now) else { return false }
            state.channels[connection] = channel
            return true
        }
    }

    func received(_ bytes: [UInt8], from connection: DataPlaneRegistry.ConnectionID) {
        let (id, outcome, applied, greetingObserver) = state.withLock { state in
            let outcome = state.registry.received(bytes, from: connection, at: now)
            let id = state.registry.dataPlane(on: connection) ?? ""
            return (id, outcome, state.registry.applied(on: connection), state.greetingObserver)
        }
        for event in outcome.events {
            log(event, of: id)
            if case .greeted = event, let applied { greetingObserver?(applied) }
        }
        close(outcome.closings)
        if !outcome.events.isEmpty || !outcome.closings.isEmpty { reportsChanged() }
    }

    func disconnected(_ connection: DataPlaneRegistry.ConnectionID) {
        let id = state.withLock { state in
            let id = state.registry.dataPlane(on: connection)
            state.registry.disconnected(connection, at: now)
            state.channels.removeValue(forKey: connection)
            return id
        }
        if let id { logger.notice("A data plane disconnected.", metadata: ["data_plane": "\(id)"]) }
        reportsChanged()
    }

    private func reportsChanged() {
        settleWaits()
        let observer = state.withLock { $0.trafficObserver }
        observer?()
    }

    func nextOutput(for connection: DataPlaneRegistry.ConnectionID) -> DataPlaneSession.Output? {
        state.withLock { $0.registry.nextOutput(for: connection, at: now) }
    }

    func tick() {
        close(state.withLock { $0.registry.expired(at: now) })
        announceOutput()
        settleWaits()
    }

    /// Lets every connection look for something to send.
    func announceOutput() {
        let channels = state.withLock { Array($0.channels.values) }
        for channel in channels {
            channel.pipeline.fireUserInboundEventTriggered(DataPlaneConnection.OutputMayBeDue())
        }
    }

    private func close(_ closings: [DataPlaneRegistry.Closing]) {
        for closing in closings {
            let channel = state.withLock { $0.channels.removeValue(forKey: closing.connection) }
            channel?.close(promise: nil)
            logger.warning(
                "The connection of a data plane was closed.",
                metadata: ["data_plane": "\(closing.dataPlane ?? "unknown")", "reason": "\(closing.reason)"]
            )
        }
    }

    private func log(_ event: DataPlaneSession.Event, of id: String) {
        switch event {
        case .greeted(let id):
            logger.notice("A data plane connected.", metadata: ["data_plane": "\(id)"])
        case .acknowledged(let version):
            logger.debug("A snapshot was applied.", metadata: ["data_plane": "\(id)", "version": "\(version)"])
        case .refused(let nack):
            logger.warning(
                "A snapshot was refused.",
                metadata: ["data_plane": "\(id)", "version": "\(nack.version)", "reason": "\(nack.reason)"]
            )
        case .reported:
            break
        }
    }
}
