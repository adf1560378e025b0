import SignalboxProtocol
import Synchronization

/// Requests of about the same length go to the same worker (specification section 3.5): the range of lengths is cut so that
/// each worker gets about the same number of bytes for its weight; when they are out of balance nevertheless, the one with the
/// fewest.
struct BucketPolicy: Sendable {
    /// The longest text of the first cut, in bytes.
    private static let initialBytes = 4096
    /// How long a request counts for the balance: the present half of a window, and the one before.
    private static let halfMilliseconds = 2_500

    /// What is kept from table to table: a worker's change of health must not forget how lengths are cut.
    final class Memory: Sendable {
        fileprivate let state = Mutex(State())
    }

    fileprivate struct State: Sendable {
        /// Texts since the last cut, by length.
        var lengths: [Int] = []
        var cutAt = 0
        /// Bytes in the present half of the window, by worker, and in the one before.
        var bytes: [UInt64: Int] = [:]
        var bytesBefore: [UInt64: Int] = [:]
        var halfBegan = 0
        /// Upper ends of all ranges but the last.
        var bounds: [Int] = []
    }

    /// Lengths that are kept for the next cut.
    private static let lengthsMax = 4096

    private let memory: Memory
    private let adjustMilliseconds: Int
    private let balanceAbsolute: Int
    private let balanceRelative: Float

    init(_ memory: Memory, adjustMilliseconds: Int, balanceAbsolute: Int, balanceRelative: Float) {
        self.memory = memory
        self.adjustMilliseconds = adjustMilliseconds
        self.balanceAbsolute = balanceAbsolute
        self.balanceRelative = balanceRelative
    }

    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts,
        cursor: PolicyCursor
    ) -> Int? {
        facts.reason = .length
        return memory.state.withLock { state in
            adjust(&state, ready, workers, at: filter.now)
            let weights = ready.reduce(0) { $0 + workers[$1].weight }
            var (least, most) = (Int.max, 0)
            var lightest: Int?
            for index in ready {
                let token = workers[index].lease.token
                let sent = state.bytes[token, default: 0] + state.bytesBefore[token, default: 0]
                // As if it had the mean weight.
                let bytes = sent.multipliedClamped(by: weights) / (workers[index].weight * ready.count)
                most = max(most, bytes)
                guard filter.admits(workers[index]) else { continue }
                if bytes < least { (least, lightest) = (bytes, index) }
            }
            guard let lightest else { return nil }
            let isImbalanced = most - least > balanceAbsolute && Float(most) > Float(least) * balanceRelative
            if !isImbalanced {
                let range = state.bounds.firstIndex { facts.textBytes < $0 } ?? state.bounds.count
                let chosen = ready[min(range, ready.count - 1)]
                if filter.admits(workers[chosen]) { return chosen }
            }
            facts.reason = .balance
            return lightest
        }
    }

    func placed(_ worker: RoutedWorker, _ facts: RoutingFacts) {
        memory.state.withLock { state in
            state.bytes[worker.lease.token, default: 0] += facts.textBytes
            if state.lengths.count < BucketPolicy.lengthsMax { state.lengths.append(facts.textBytes) }
        }
    }

    /// Begins a new half of the window when it is time, and cuts the ranges anew so that they would have spread the bytes
    /// since the last cut evenly.
    private func adjust(_ state: inout State, _ ready: [Int], _ members: [RoutedWorker], at now: MonotonicTime) {
        let workers = ready.count
        let age = now.milliseconds - state.halfBegan
        if age >= BucketPolicy.halfMilliseconds {
            state.bytesBefore = age < 2 * BucketPolicy.halfMilliseconds ? state.bytes : [:]
            state.bytes.removeAll(keepingCapacity: true)
            state.halfBegan = now.milliseconds
        }
        let isOver = now.milliseconds - state.cutAt >= adjustMilliseconds
        guard isOver || state.bounds.count != workers - 1 else { return }
        let lengths = state.lengths.sorted()
        let total = lengths.reduce(0, +)
        if lengths.count >= workers, total > 0 {
            let weights = ready.reduce(0) { $0 + members[$1].weight }
            var bounds: [Int] = []
            var sum = 0
            var share = members[ready[0]].weight
            for length in lengths where bounds.count < workers - 1 {
                sum += length
                guard sum.multipliedClamped(by: weights) >= total.multipliedClamped(by: share) else { continue }
                bounds.append(length + 1)
                share += members[ready[bounds.count]].weight
            }
            while bounds.count < workers - 1 { bounds.append(Int.max) }
            state.bounds = bounds
        } else if state.bounds.count != workers - 1 {
            state.bounds = (1..<max(1, workers)).map { $0 * BucketPolicy.initialBytes / workers }
        }
        guard isOver else { return }
        state.lengths.removeAll(keepingCapacity: true)
        state.cutAt = now.milliseconds
    }
}

extension Int {
    /// The product, or the greatest number when it is greater than that.
    fileprivate func multipliedClamped(by other: Int) -> Int {
        let (product, overflows) = multipliedReportingOverflow(by: other)
        return overflows ? .max : product
    }
}
