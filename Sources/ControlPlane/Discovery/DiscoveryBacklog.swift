import ControlPlaneCore

/// What the watches and the clock told and nobody has looked at yet, in its order and within a bound.
///
/// Events are refused beyond the bound: their watch ends then, and a fresh list tells everything. A list takes the place of
/// all that its watch told before, so that at most one of each watch waits.
struct DiscoveryBacklog: Sendable {
    private let bytesMax: Int
    private var inputs: [DiscoveryInput] = []
    /// About how much memory the events take.
    private(set) var bytes = 0
    /// Whether somebody will look at the clock anyway.
    private var hasTime = false

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// - Returns: whether it was taken.
    mutating func put(_ input: DiscoveryInput) -> Bool {
        switch input {
        case .timePassed:
            guard !hasTime else { return true }
            hasTime = true
        case .dismissed:
            // At most one for each registered pod.
            break
        case .listed(_, let watch):
            inputs.removeAll { $0.watch == watch }
            bytes = inputs.reduce(0) { $0 + $1.bytes }
        case .event:
            guard bytes + input.bytes <= bytesMax else { return false }
            bytes += input.bytes
        }
        inputs.append(input)
        return true
    }

    mutating func takeAll() -> [DiscoveryInput] {
        defer { self = DiscoveryBacklog(bytesMax: bytesMax) }
        return inputs
    }
}

/// What the watches and the clock tell.
enum DiscoveryInput: Hashable, Sendable {
    case listed([Pod], by: Int)
    case event(PodWatchEvent, by: Int)
    /// A person has removed the worker of a pod.
    case dismissed(uid: String)
    case timePassed

    /// The watch that tells it.
    fileprivate var watch: Int? {
        switch self {
        case .listed(_, let watch), .event(_, let watch): watch
        case .dismissed, .timePassed: nil
        }
    }

    /// What it counts for the bound; a list is bounded by ``PodDiscovery/podsMax``.
    fileprivate var bytes: Int {
        switch self {
        case .event(.applied(let pod, _), _), .event(.deleted(let pod, _), _): pod.approximateBytes
        case .event: 64
        case .listed, .dismissed, .timePassed: 0
        }
    }
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
