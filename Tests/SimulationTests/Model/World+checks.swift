import ControlPlaneCore
import DataPlaneCore
import SignalboxProtocol

/// The invariants of the architecture (section 9).
extension World {
    /// After every step.
    func check() throws {
        try store.check()
        for plane in planes {
            // 5: no more requests at workers than are being served.
            guard plane.load <= plane.inFlight else {
                throw Finding(
                    invariant: 5,
                    message: "plane \(plane.number) has \(plane.load) requests at workers and serves \(plane.inFlight)"
                )
            }
        }
        // 6: no client waits longer than five attempts with all their time limits.
        for client in clients where client.phase == .waiting && now - client.waitsSince > 75_000 {
            throw Finding(invariant: 6, message: "client \(client.number) has waited \(now - client.waitsSince) ms")
        }
    }

    /// Whether everything has come to rest.
    var isSettled: Bool {
        guard control != nil, clients.allSatisfy({ $0.phase == .left }) else { return false }
        let newest = SnapshotVersion(epoch: store.epoch, sequence: store.rows.sequence)
        return store.rows.workers.allSatisfy { $0.drain == nil }
            && planes.allSatisfy { $0.subscription.applied == newest && $0.inFlight == 0 && $0.load == 0 }
    }

    /// Once nothing goes wrong any more.
    func checkEnd() throws {
        try check()
        for plane in planes {
            guard plane.inFlight == 0, plane.load == 0 else {
                throw Finding(
                    invariant: 5,
                    message: "at rest plane \(plane.number) serves \(plane.inFlight) and has \(plane.load) at workers"
                )
            }
            guard plane.subscription.applied?.sequence == store.rows.sequence else {
                throw Finding(
                    invariant: 2,
                    message: "plane \(plane.number) stays at \(plane.subscription.applied?.sequence ?? 0), "
                        + "the newest is \(store.rows.sequence)"
                )
            }
        }
        for client in clients {
            guard client.phase == .left, client.complete + client.visiblyBroken <= client.sent else {
                throw Finding(invariant: 6, message: "client \(client.number) is \(client.phase) at the end")
            }
        }
        guard store.rows.workers.allSatisfy({ $0.drain == nil }) else {
            throw Finding(invariant: 6, message: "a worker drains for ever")
        }
    }
}
