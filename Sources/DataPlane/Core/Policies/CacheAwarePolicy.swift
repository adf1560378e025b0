import SignalboxProtocol
import Synchronization

/// The original's algorithm (specification section 3.1): while loads are balanced, the worker that was last sent the longest
/// beginning of the text, if that is more than a share of it; else, and for a miss, the least loaded one.
final class CacheAwarePolicy: Sendable {
    /// What the policy keeps from table to table.
    final class Memory: Sendable {
        fileprivate struct State: Sendable {
            var tree = PrefixTree()
            var evictsAt = 0
            /// Workers whose texts are still to be held against the limit: one with each request, so that none waits for all.
            var due: [UInt64] = []
        }

        fileprivate let state = Mutex(State())

        init() {}

        /// Forgets a worker that is gone.
        func forget(_ token: UInt64) {
            state.withLock { $0.tree.forget(token) }
        }

        /// Forgets everything: another policy picks now.
        func clear() {
            state.withLock { state in
                if !state.tree.sizes.isEmpty { state = State() }
            }
        }

        fileprivate func addSizes(to sums: inout [UInt64: Int]) {
            state.withLock { state in
                for (token, size) in state.tree.sizes { sums[token, default: 0] += size }
            }
        }
    }

    struct Parameters: Sendable {
        /// A match must be more than this share of the text.
        var threshold: Float = 0.3
        /// Loads are out of balance when the largest is larger than the smallest by more than both.
        var balanceAbsolute = 64
        var balanceRelative: Float = 1.5
        var evictionMilliseconds = 60_000
        /// Scalars that are kept for each worker.
        var treeMax = 1 << 24
        /// A miss goes to the worker with the smallest tree, as the original did at first; else to the least loaded one.
        var missesGoToSmallestTree = false
        /// Else the first of equally loaded workers is picked.
        var equalsTakeTurns = true
    }

    let memory: Memory
    private let parameters: Parameters
    private let cursor: PolicyCursor

    init(_ memory: Memory, _ parameters: Parameters, cursor: PolicyCursor) {
        self.memory = memory
        self.parameters = parameters
        self.cursor = cursor
    }

    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts
    ) -> Int? {
        // Loads for each worker of the mean weight.
        let meanWeight = Float(ready.reduce(0) { $0 + workers[$1].weight }) / Float(max(1, ready.count))
        var (least, most) = (Float.infinity, Float(0))
        for index in ready {
            let inFlight = Float(filter.loads.fleetInFlight(slot: workers[index].lease.slot))
            let load = inFlight * meanWeight / Float(workers[index].weight)
            least = min(least, load)
            most = max(most, load)
        }
        let isImbalanced =
            most - least > Float(parameters.balanceAbsolute) && most > least * parameters.balanceRelative
        facts.reason = isImbalanced ? .balance : .miss
        if !isImbalanced {
            let (matched, sizes) = memory.state.withLock { state in
                (state.tree.match(facts.text), parameters.missesGoToSmallestTree ? state.tree.sizes : [:])
            }
            // Nothing of nothing is no match: the comparison with the quotient of zeros is false.
            let rate = Float(matched.scalars) / Float(PrefixTree.scalars(facts.text))
            if rate > parameters.threshold, let token = matched.worker,
                let index = ready.first(where: { workers[$0].lease.token == token }), filter.admits(workers[index])
            {
                facts.reason = .prefix
                return index
            }
            if parameters.missesGoToSmallestTree {
                let admitted = ready.filter { filter.admits(workers[$0]) }
                func size(_ index: Int) -> Int { sizes[workers[index].lease.token, default: 0] }
                return admitted.min { size($0) * workers[$1].weight < size($1) * workers[$0].weight }
            }
        }
        return LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: parameters.equalsTakeTurns ? cursor : nil)
    }

    /// Adds the scalars of the texts of each worker, by the tokens of their leases.
    func addSizes(to sums: inout [UInt64: Int]) { memory.addSizes(to: &sums) }

    /// Remembers the text, whatever led to the worker.
    func placed(_ worker: RoutedWorker, _ facts: RoutingFacts, at now: MonotonicTime) {
        memory.state.withLock { state in
            state.tree.insert(facts.text, for: worker.lease.token)
            // A worker far over its limit does not wait for its turn.
            let size = state.tree.sizes[worker.lease.token, default: 0]
            if size > parameters.treeMax + parameters.treeMax / 4 {
                state.tree.evict(worker.lease.token, to: parameters.treeMax)
            }
            if now.milliseconds >= state.evictsAt {
                state.evictsAt = now.milliseconds + parameters.evictionMilliseconds
                state.due = state.tree.sizes.filter { $0.value > parameters.treeMax }.map(\.key)
            }
            if let token = state.due.popLast() { state.tree.evict(token, to: parameters.treeMax) }
        }
    }
}
