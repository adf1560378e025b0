import SignalboxProtocol

@testable import DataPlaneCore

/// A model of two workers that say nothing of their limit, under more requests than they can answer, in simulated time: they
/// run some requests at one time, slower the more of them, and queue the others; clients leave after a while.
struct OverloadedFleet {
    private struct Request {
        var arrivedAt: Int
        var placedAt = 0
        /// What is left of it, in answers of twenty tokens.
        var left = 1.0
        /// After how many milliseconds its client leaves.
        var patience = Int.max
        /// Which client of a closed loop it is of.
        var client: Int?
    }

    /// Clients that send one request after another.
    struct Clients {
        var count: Int
        /// How long the answers are that they ask for, in units of twenty tokens: one of these, by chance.
        var lengths: [Double]
        var patience = Int.max
    }

    private struct Worker {
        var slot: Int
        var running: [Request] = []
        var queued: [Request] = []
    }

    private static let stepMilliseconds = 2
    var runningMax: Int
    private let loads = WorkerLoads(slotsMax: 2)
    private let limits: WorkerLimits
    private var workers: [Worker]
    private var waiting: [Request] = []
    private var random: SplitMix64
    private var now = 1_000
    private var answered = 0

    init(runningMax: Int, seed: UInt64) {
        self.runningMax = runningMax
        limits = WorkerLimits(loads: loads)
        random = SplitMix64(seed: seed)
        workers = [Worker(slot: 0), Worker(slot: 1)]
        for worker in workers { loads.open(slot: worker.slot) }
    }

    /// Twenty tokens of a batch.
    private func milliseconds(running: Int) -> Double { 20 * (8 + 3 * Double(running)) }

    /// As many requests at one time as the workers run, so that they are known when they are full.
    mutating func warmUp() {
        while answered < workers.count * runningMax * 6 {
            while workers.reduce(0, { $0 + loads.inFlight(slot: $1.slot) }) < workers.count * runningMax {
                _ = place(Request(arrivedAt: now))
            }
            work()
        }
        for index in workers.indices {
            for _ in workers[index].running + workers[index].queued { loads.decrement(slot: workers[index].slot) }
            (workers[index].running, workers[index].queued) = ([], [])
        }
    }

    /// The answers within 2.5 times the time of one request, as a share of what the workers can give.
    mutating func goodput(load: Double, seconds: Int) -> Double {
        let capacity = Double(workers.count * runningMax) / milliseconds(running: runningMax)
        let patience = Int(2.5 * milliseconds(running: runningMax))
        let start = now
        var arrivals = (0..<Int(capacity * load * Double(seconds) * 1_000)).map { _ in
            start + Int.random(in: 0..<(seconds * 1_000), using: &random)
        }
        arrivals.sort(by: >)
        answered = 0
        while !arrivals.isEmpty || workers.contains(where: { loads.inFlight(slot: $0.slot) > 0 }) {
            while let next = arrivals.last, next <= now {
                arrivals.removeLast()
                let request = Request(arrivedAt: next, patience: patience)
                if !waiting.isEmpty || !place(request), waiting.count < queueShare { waiting.append(request) }
            }
            leave()
            work()
        }
        return Double(answered) / (capacity * Double(seconds) * 1_000)
    }

    /// Clients that begin their next request when one is answered, 0.3 s after one was refused, and at once after they left.
    ///
    /// - Returns: how many requests were refused.
    mutating func refused(_ groups: [Clients], seconds: Int) -> Int {
        let clients = groups.flatMap { Array(repeating: $0, count: $0.count) }
        let end = now + seconds * 1_000
        var refused = 0
        var restUntil = Array(repeating: now, count: clients.count)
        while now < end {
            var isBusy = Array(repeating: false, count: clients.count)
            // Those of earlier groups may still be there.
            let mark = { (request: Request) in
                if let client = request.client, client < isBusy.count { isBusy[client] = true }
            }
            waiting.forEach(mark)
            for worker in workers {
                worker.running.forEach(mark)
                worker.queued.forEach(mark)
            }
            for (number, client) in clients.enumerated() where restUntil[number] <= now && !isBusy[number] {
                let length = client.lengths.randomElement(using: &random) ?? 1
                let request = Request(arrivedAt: now, left: length, patience: client.patience, client: number)
                if waiting.isEmpty, place(request) { continue }
                if waiting.count < queueShare {
                    waiting.append(request)
                } else {
                    refused += 1
                    restUntil[number] = now + 300
                }
            }
            leave()
            work()
        }
        return refused
    }

    /// The limits that are learned now.
    var learned: [Int] { workers.map { loads.learnedMax(slot: $0.slot) } }

    private var queueShare: Int {
        workers.reduce(0) { sum, worker in
            let learned = loads.learnedMax(slot: worker.slot)
            return min(100, sum + (learned == 0 ? 100 : max(1, learned / Int(ConcurrencyEstimator.tolerance))))
        }
    }

    /// To the worker that has least.
    private mutating func place(_ request: Request) -> Bool {
        let open = workers.indices.filter { index in
            let learned = loads.learnedMax(slot: workers[index].slot)
            return learned == 0 || loads.inFlight(slot: workers[index].slot) < learned
        }
        let least = open.map { loads.inFlight(slot: workers[$0].slot) }.min()
        let choices = open.filter { loads.inFlight(slot: workers[$0].slot) == least }
        guard let index = choices.randomElement(using: &random) else { return false }
        var request = request
        request.placedAt = now
        workers[index].queued.append(request)
        loads.increment(slot: workers[index].slot)
        return true
    }

    private mutating func leave() {
        let isOver = { [now] (request: Request) in now - request.arrivedAt > request.patience }
        waiting.removeAll(where: isOver)
        for index in workers.indices {
            let leaving = (workers[index].queued + workers[index].running).filter(isOver)
            workers[index].queued.removeAll(where: isOver)
            workers[index].running.removeAll(where: isOver)
            for request in leaving {
                loads.decrement(slot: workers[index].slot)
                let placedAt = MonotonicTime(milliseconds: request.placedAt)
                limits.abandoned(slot: workers[index].slot, placedAt: placedAt, at: MonotonicTime(milliseconds: now))
            }
        }
    }

    private mutating func work() {
        now += OverloadedFleet.stepMilliseconds
        for index in workers.indices {
            while workers[index].running.count < runningMax, !workers[index].queued.isEmpty {
                workers[index].running.append(workers[index].queued.removeFirst())
            }
            let batch = milliseconds(running: workers[index].running.count)
            for position in workers[index].running.indices {
                workers[index].running[position].left -= Double(OverloadedFleet.stepMilliseconds) / batch
            }
            for request in workers[index].running where request.left <= 0 {
                answered += 1
                loads.decrement(slot: workers[index].slot)
                let placedAt = MonotonicTime(milliseconds: request.placedAt)
                limits.completed(slot: workers[index].slot, placedAt: placedAt, at: MonotonicTime(milliseconds: now))
            }
            workers[index].running.removeAll { $0.left <= 0 }
        }
        while let first = waiting.first, place(first) { waiting.removeFirst() }
        if now % 500 < OverloadedFleet.stepMilliseconds { limits.review(at: MonotonicTime(milliseconds: now)) }
    }
}
