/// One watch of pods: decides what to ask the API server next, and when.
///
/// It lists, page by page, then watches from there; after anything but the ordinary end of a watch it lists again. Answers
/// go in, the next step and its delay come out. Random numbers are arguments.
public struct PodWatchState: Sendable {
    public enum Step: Hashable, Sendable {
        case list(continuation: String?)
        case watch(resourceVersion: String)
    }

    /// Waits after failures in a row begin here and double up to the longest.
    static let waitMillisecondsMin: Int64 = 250
    static let waitMillisecondsMax: Int64 = 30_000
    /// Most pages of one list: a server that always says that there is more is not believed for ever.
    static let pagesMax = 1_000

    public private(set) var step = Step.list(continuation: nil)
    /// Wait before ``step``.
    public private(set) var waitMilliseconds: Int64 = 0
    /// Lists in a row that failed; a whole one ends the row.
    private var listFailures = 0
    /// Watches in a row that failed before they were of any use. A list between two of them changes nothing.
    public private(set) var watchFailures = 0
    private var listed: [Pod] = []
    private var pages = 0

    public init() {}

    /// Failures since lists and watches last worked.
    public var failures: Int { listFailures + watchFailures }

    /// A page of the list came; returns the whole list with the last one.
    public mutating func received(_ page: PodPage, spread: Double) -> [Pod]? {
        guard case .list = step else { return nil }
        waitMilliseconds = 0
        pages += 1
        listed += page.pods.prefix(PodDiscovery.podsMax + 1 - listed.count)
        if let continuation = page.continuation {
            guard pages < PodWatchState.pagesMax else {
                failed(status: nil, spread: spread)
                return nil
            }
            step = .list(continuation: continuation)
            return nil
        }
        listFailures = 0
        step = .watch(resourceVersion: page.resourceVersion)
        defer { forgetPages() }
        return listed
    }

    /// The watch told what happened up to this state.
    public mutating func heard(upTo resourceVersion: String) {
        guard case .watch = step else { return }
        watchFailures = 0
        step = .watch(resourceVersion: resourceVersion)
    }

    /// The watch ended as watches do: after its time, or because the connection was closed.
    ///
    /// - Parameter wasUseful: it lasted, or anything came; else it counts as a failure, so that a server that ends every
    ///   watch at once is not asked in a tight loop.
    public mutating func ended(wasUseful: Bool, spread: Double) {
        guard wasUseful else { return failed(status: nil, spread: spread) }
        watchFailures = 0
        waitMilliseconds = 0
    }

    /// A list or a watch failed, or its connection was dropped.
    ///
    /// - Parameters:
    ///   - status: what the server answered; nil without an answer. 410: what it was to go on from is forgotten.
    ///   - wasUseful: a watch lasted before, or anything came: it is no further failure in a row.
    ///   - spread: from 0 to 1, a random number that keeps many routers apart.
    public mutating func failed(status: Int?, wasUseful: Bool = false, spread: Double) {
        if case .watch = step {
            watchFailures = wasUseful ? 1 : watchFailures + 1
        } else {
            listFailures += 1
        }
        forgetPages()
        step = .list(continuation: nil)
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

    private mutating func forgetPages() {
        listed = []
        pages = 0
    }
}
