import ControlPlaneCore
import Synchronization

/// What the watches and the clock tell, in its order, until the service looks.
final class DiscoveryInbox: Sendable {
    private let inputs = Mutex<[DiscoveryInput]>([])
    /// One element while there may be something to look at.
    let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init() {
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ input: DiscoveryInput) {
        inputs.withLock { $0.append(input) }
        wake.yield()
    }

    func takeAll() -> [DiscoveryInput] {
        inputs.withLock { inputs in
            defer { inputs = [] }
            return inputs
        }
    }
}

/// What the watches and the clock tell.
enum DiscoveryInput: Sendable {
    case listed([Pod], by: Int)
    case event(PodWatchEvent, by: Int)
    /// A person has removed the worker of a pod.
    case dismissed(uid: String)
    case timePassed
}

extension PodDiscovery {
    mutating func take(_ input: DiscoveryInput, at now: Int64) -> [DiscoveryAction] {
        switch input {
        case .listed(let pods, let watch): listed(pods, by: watch, at: now)
        case .event(.applied(let pod, _), let watch): applied(pod, by: watch, at: now)
        case .event(.deleted(let pod, _), let watch): deleted(pod, by: watch, at: now)
        case .dismissed(let uid): dismissed(uid, at: now)
        case .event, .timePassed: due(at: now)
        }
    }
}
