import ControlPlaneCore
import SignalboxProtocol

/// What is to be done about the workers of pods: what keeps requests away at once, new registrations in pieces.
struct DiscoveryWork {
    /// Registrations of one transaction.
    static let piece = 100

    /// In their order.
    private(set) var urgent: [DiscoveryAction] = []
    private var additions: [(pod: PodReference, worker: PodWorker)] = []
    private var firstAddition = 0
    /// Removals and weights that the database did not take; they are tried again.
    var unstored: [DiscoveryAction] = []
    /// What the next process has to know, the latest of each worker; nil: released.
    var unstoredHolds: [IncarnationID: HealthHold?] = [:]

    /// Whether something that failed is to be tried again.
    var hasUnstored: Bool { !unstored.isEmpty || !unstoredHolds.isEmpty }

    /// Whether there is something to do at once.
    var hasMore: Bool { firstAddition < additions.count }

    mutating func take(_ actions: [DiscoveryAction]) {
        for action in actions {
            switch action {
            case .add(let pod, let worker): additions.append((pod, worker))
            case .remove(let pod, _):
                // One that waits for its turn is not registered: nothing else is to be done.
                if !withdraw(pod.uid) { urgent.append(action) }
            case .weigh, .hold, .release: urgent.append(action)
            }
        }
    }

    private mutating func withdraw(_ uid: String) -> Bool {
        guard let index = additions[firstAddition...].lastIndex(where: { $0.pod.uid == uid }) else { return false }
        additions.remove(at: index)
        return true
    }

    mutating func takeUrgent() -> [DiscoveryAction] {
        defer { urgent = [] }
        return urgent
    }

    /// The next registrations.
    mutating func takePiece() -> [(pod: PodReference, worker: PodWorker)] {
        let end = min(firstAddition + DiscoveryWork.piece, additions.count)
        let piece = Array(additions[firstAddition..<end])
        firstAddition = end
        if !hasMore {
            additions = []
            firstAddition = 0
        }
        return piece
    }
}
