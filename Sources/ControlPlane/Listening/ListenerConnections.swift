import HummingbirdCore
import NIOCore
import Synchronization

/// ``ConnectionSlots`` of one listener, for all its event loops.
final class ListenerConnections: Sendable {
    /// Tells a connection to close unless it has just got a request.
    struct Eviction {}

    private struct State {
        var slots: ConnectionSlots
        var channels: [ConnectionSlots.ID: any Channel] = [:]
        var lastID: ConnectionSlots.ID = 0
    }

    private let state: Mutex<State>

    init(connectionsMax: Int) {
        state = Mutex(State(slots: ConnectionSlots(connectionsMax: connectionsMax)))
    }

    var hasRoom: Bool { state.withLock { $0.slots.hasRoom } }

    func accepted() { change { $0.slots.accepted() } }

    func closed() { change { $0.slots.closed() } }

    /// Takes a new connection in.
    func enter(_ channel: any Channel) -> ConnectionSlots.ID {
        var id: ConnectionSlots.ID = 0
        change {
            $0.lastID += 1
            id = $0.lastID
            $0.channels[id] = channel
            $0.slots.entered(id, at: .now)
        }
        return id
    }

    func waits(_ id: ConnectionSlots.ID) { change { $0.slots.waits(id, since: .now) } }

    func works(_ id: ConnectionSlots.ID) { change { $0.slots.works(id) } }

    func leave(_ id: ConnectionSlots.ID) {
        change {
            $0.channels[id] = nil
            $0.slots.left(id)
        }
    }

    /// Closes the connection that is missed least: descriptors have run out before the limit was reached.
    func makeRoom() {
        evict(state.withLock { state in state.slots.longestSilent().flatMap { state.channels[$0] } })
    }

    private func change(_ body: (inout State) -> Void) {
        let victim = state.withLock { state in
            body(&state)
            return state.slots.victim().flatMap { state.channels[$0] }
        }
        evict(victim)
    }

    private func evict(_ channel: (any Channel)?) {
        channel?.pipeline.fireUserInboundEventTriggered(Eviction())
    }
}

/// Lets the framework accept while there is room.
struct RoomForConnections: AvailableConnectionsDelegate {
    let connections: ListenerConnections

    func connectionOpened() { connections.accepted() }
    func connectionClosed() { connections.closed() }
    func isAcceptingNewConnections() -> Bool { connections.hasRoom }
}
