import Synchronization

/// What the watches and the clock tell, until the service looks.
final class DiscoveryInbox: Sendable {
    /// Some ten thousand events.
    static let bytesMax = 16 * 1024 * 1024

    private let backlog: Mutex<DiscoveryBacklog>
    /// One element while there may be something to look at.
    let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(bytesMax: Int = DiscoveryInbox.bytesMax) {
        backlog = Mutex(DiscoveryBacklog(bytesMax: bytesMax))
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// About how much memory waits.
    var bytes: Int { backlog.withLock { $0.bytes } }

    /// - Returns: false for an event for which there is no room.
    func put(_ input: DiscoveryInput) -> Bool {
        let isTaken = backlog.withLock { $0.put(input) }
        wake.yield()
        return isTaken
    }

    func takeAll() -> [DiscoveryInput] {
        backlog.withLock { $0.takeAll() }
    }
}
