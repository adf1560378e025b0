/// One watch of pods: decides what to ask the API server next, and when.
///
/// It lists, page by page, then watches from there; after anything but the ordinary end of a watch it lists again. Answers go in, the next step and its
/// delay come out. Random numbers are arguments.
public struct PodWatchState: Sendable {
    public enum Step: Hashable, Sendable {
        case list(continuation: String?)
        case watch(resourceVersion: String)
    }

    /// Waits after failures in a row begin here and double up to the longest.
    static let waitMillisecondsMin: Int64 = 250
    static let waitMillisecondsMax: Int64 = 30_000

    public private(set) var step = Step.list(continuation: nil)
    /// Wait before ``step``.
    public private(set) var waitMilliseconds: Int64 = 0
    /// Failures since the server last answered as it should.
    public private(set) var failures = 0
    private var listed: [Pod] = []

    public init() {}

    /// A page of the list came; returns the whole list with the last one.
    public mutating func received(_ page: PodPage) -> [Pod]? {
        guard case .list = step else { return nil }
        succeeded()
        listed += page.pods
        if let continuation = page.continuation {
            step = .list(continuation: continuation)
            return nil
        }
        step = .watch(resourceVersion: page.resourceVersion)
        defer { listed = [] }
        return listed
    }

    /// The watch told what happened up to this state.
    public mutating func heard(upTo resourceVersion: String) {
        guard case .watch = step else { return }
        succeeded()
        step = .watch(resourceVersion: resourceVersion)
    }

    /// The watch ended as watches do: after its time, or because the connection was closed.
    ///
    /// - Parameter wasUseful: it lasted, or anything came; else it counts as a failure, so that a server that ends every
    ///   watch at once is not asked in a tight loop.
    public mutating func ended(wasUseful: Bool, spread: Double) {
        guard wasUseful else { return failed(status: nil, spread: spread) }
        succeeded()
    }

    /// A list or a watch failed, or its connection was dropped.
    ///
    /// - Parameters:
    ///   - status: what the server answered; nil without an answer. 410: what it was to go on from is forgotten.
    ///   - spread: from 0 to 1, a random number that keeps many routers apart.
    public mutating func failed(status: Int?, spread: Double) {
        listed = []
        step = .list(continuation: nil)
        failures += 1
        if status == 410, failures == 1 {
            waitMilliseconds = 0
            return
        }
        let longest = min(
            PodWatchState.waitMillisecondsMin << Int64(min(failures - 1, 16)),
            PodWatchState.waitMillisecondsMax
        )
        waitMilliseconds = longest / 2 + Int64(Double(longest / 2) * min(max(spread, 0), 1))
    }

    private mutating func succeeded() {
        failures = 0
        waitMilliseconds = 0
    }
}
