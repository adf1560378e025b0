/// Learns how many requests a worker bears that does not say how many it runs at one time.
///
/// That requests take long says nothing, because they may be long ones. Only clients that leave unanswered make a limit, where
/// the worker has more in flight than it was seen to bear. Such a limit is on trial: it stays only where it keeps clients and
/// costs no answers. From then on it grows while clients have time to spare, or more in flight bring more answers.
struct ConcurrencyEstimator: Sendable {
    /// How many times what a worker runs at one time a learned limit lets through, at most: the rest queues within the worker.
    static let tolerance = 3.0
    /// Clients that have left after which a worker without a limit is judged at once, if they are as many of the requests as
    /// make a window an abandoned one: until then all that it does may be for nobody.
    static let leaversMax = 4
    /// Fewer in flight are no overload, whoever leaves: a limit could save little and would harm everybody.
    static let unlimitedMax = 8
    /// Of the time after which clients leave, the share that a worker may use up: some of it passes before, in a queue.
    private static let patienceShare = 0.6
    /// In this many milliseconds the known patience doubles, so that it is felt for again.
    private static let patienceDoubling = 600_000.0
    /// More in flight than borne so far by this factor is overload.
    private static let loadedFactor = 1.25
    /// Requests that queue take longer than at best by at least this factor.
    private static let queuedFactor = 1.25
    /// A limit on trial may cost so much of the throughput: less is chance.
    private static let trialThroughputMin = 0.65
    /// How many times the patience of clients passes until those have left or been answered that came before a trial.
    private static let settleFactor = 1.1
    /// And how many times it passes until a trial is judged, however few requests end.
    private static let trialFactor = 3.0
    /// For how long clients that leave mean nothing after a limit was no help, in milliseconds, at first and at most.
    private static let deafMin = 10_000.0
    private static let deafMax = 600_000.0
    /// How long a limit rests that was found right, in milliseconds, at first and at most.
    private static let restMin = 3_000.0
    private static let restMax = 60_000.0
    /// A limit that was not reached for so many milliseconds is forgotten.
    private static let unreachedMax = 60_000.0
    /// A limit that is reached, and of which nothing was seen for so many milliseconds and times the patience, is dropped.
    private static let silenceMin = 5_000.0
    private static let silenceFactor = 5.0
    /// Requests of which throughput and time say something.
    private static let requestsMin = 10
    /// How quickly the best time is forgotten: in 70 judgements it doubles.
    private static let durationDrift = 1.01
    /// How quickly the best throughput is forgotten: in 35 judgements it halves.
    private static let throughputDrift = 0.98
    /// The weight of a new judgement in the mean throughput.
    private static let throughputWeight = 0.3

    /// A limit that has to show that it helps.
    private struct Trial {
        var limitBefore: Int
        var throughputBefore: Double
        var begunAt: Double
        /// When the requests from before it were gone.
        var settledAt: Double?
        var completed = 0
        var abandoned = 0
    }

    /// A higher limit that is tried.
    private struct Probe {
        var limitBefore: Int
        var throughputBefore: Double
    }

    /// The most requests at one time; 0: as many as like.
    private(set) var limit = 0
    /// The sum of all windows, in milliseconds.
    private var now = 0.0
    /// How long requests take on average when the worker is least loaded; nil before the first judgement.
    private(set) var bestMilliseconds: Double?
    /// Requests per millisecond, on average and at best.
    private var throughput = 0.0
    private var throughputMax = 0.0
    /// The most in flight, on average of a window, of which clients did not leave, and how long they took.
    private var borne = (inFlight: 0.0, milliseconds: 0.0)
    private var lastCompleted: (at: Double, milliseconds: Double)?
    /// How long clients wait that leave; nil while none do.
    private var patienceMilliseconds: Double?
    private var trial: Trial?
    private var probe: Probe?
    private var deafUntil = 0.0
    private var nextDeaf = ConcurrencyEstimator.deafMin
    private var restUntil = 0.0
    private var nextRest = ConcurrencyEstimator.restMin
    private var changedAt = 0.0
    private var reachedAt = 0.0

    /// How many requests one judgement looks at while `limit` is in force: two rounds of them, but requests of a large batch
    /// must not all be replaced first.
    static func windowRequests(limit: Int) -> Int {
        limit == 0 ? 20 : min(max(requestsMin, 2 * limit), 100)
    }

    /// Whether a judgement need not wait for all requests of a window once clients leave.
    var isEagerForLeavers: Bool { limit == 0 && now >= deafUntil }

    /// Some requests have ended.
    ///
    /// - Parameters:
    ///   - window: how many, and how long they took.
    ///   - inFlight: how many the worker has now.
    mutating func windowEnded(_ window: DurationWindow, inFlight: Int) {
        let elapsed = window.elapsedMilliseconds.isFinite ? window.elapsedMilliseconds : 0
        now += elapsed
        if inFlight * 10 >= limit * 8 { reachedAt = now }
        learn(window)
        if trial != nil {
            judge(window)
        } else if isOverload(window, inFlight: inFlight) {
            cut(window, inFlight: inFlight)
        } else if limit > 0, !window.isAbandoned {
            if let patience = patienceMilliseconds {
                patienceMilliseconds = patience * (1 + elapsed / ConcurrencyEstimator.patienceDoubling)
            }
            // Requests that began before the last change say nothing of it.
            guard now - elapsed - changedAt >= window.averageMilliseconds / 2 else { return }
            bears(window)
        }
    }

    /// No judgement was possible for so long: a limit that is reached has nothing to say for itself then, and one that is not
    /// is forgotten.
    mutating func wasSilent(milliseconds: Double, inFlight: Int) {
        guard limit > 0 else { return }
        let patience = patienceMilliseconds ?? 0
        let silenceMax = max(
            ConcurrencyEstimator.silenceMin,
            patience * ConcurrencyEstimator.silenceFactor
        )
        let isReached = inFlight * 10 >= limit * 8
        if milliseconds > (isReached ? silenceMax : ConcurrencyEstimator.unreachedMax) { drop() }
    }

    private mutating func learn(_ window: DurationWindow) {
        guard window.completed > 0 else { return }
        let took = window.averageMilliseconds
        lastCompleted = (now, took)
        guard window.completed >= ConcurrencyEstimator.requestsMin else { return }
        // Under a limit the worker is always busy, and cannot show its best time again.
        let drift = limit > 0 ? 1 : ConcurrencyEstimator.durationDrift
        bestMilliseconds = bestMilliseconds.map { min($0 * drift, took) } ?? took
        let shown = window.requestsPerMillisecond
        guard shown > 0 else { return }
        let weight = throughput > 0 ? ConcurrencyEstimator.throughputWeight : 1
        throughput += (shown - throughput) * weight
        throughputMax = max(throughputMax * ConcurrencyEstimator.throughputDrift, shown)
        // Little's law.
        let inFlight = shown * took
        if !window.isAbandoned, inFlight >= borne.inFlight { borne = (inFlight, took) }
    }

    /// How many were in flight without taking longer than clients of this patience wait; fewer of the same requests, if those
    /// took longer.
    private func borne(patience: Double) -> Double {
        let bearable = patience * ConcurrencyEstimator.patienceShare
        return borne.inFlight * (borne.milliseconds > bearable ? bearable / borne.milliseconds : 1)
    }

    /// Whether clients leave because the worker has too much to do: it answers others, more slowly than at best, and has more
    /// in flight than it has borne. Who leaves sooner than others are answered has less patience than they, and says
    /// nothing about them.
    private func isOverload(_ window: DurationWindow, inFlight: Int) -> Bool {
        guard window.isAbandoned, window.abandoned >= ConcurrencyEstimator.leaversMax, now >= deafUntil,
            let lastCompleted, let bestMilliseconds
        else { return false }
        let waited = window.averageAbandonedMilliseconds
        // Under a limit requests have waited here before, so that clients seem to have less patience than they have.
        let isLimited = limit > 0
        let others = lastCompleted.milliseconds / (isLimited ? ConcurrencyEstimator.queuedFactor : 1)
        let isQueueing =
            now - lastCompleted.at <= waited * 3 && others <= waited
            && lastCompleted.milliseconds > bestMilliseconds * ConcurrencyEstimator.queuedFactor
        guard isQueueing else { return false }
        if isLimited { return inFlight * 10 >= limit * 8 }
        let most = borne(patience: waited) * ConcurrencyEstimator.loadedFactor
        return inFlight > ConcurrencyEstimator.unlimitedMax && Double(inFlight) > most
    }

    /// To what the best throughput answers before clients leave, and never below what was borne.
    private mutating func cut(_ window: DurationWindow, inFlight: Int) {
        guard throughputMax > 0 else { return }
        let patience = min(patienceMilliseconds ?? .infinity, window.averageAbandonedMilliseconds)
        let answered = throughputMax * patience * ConcurrencyEstimator.patienceShare
        let wanted = max(1, Int(max(answered, borne(patience: patience)).rounded()))
        guard wanted < (limit > 0 ? limit : inFlight) else { return }
        trial = Trial(limitBefore: limit, throughputBefore: throughput, begunAt: now)
        patienceMilliseconds = patience
        probe = nil
        set(wanted)
    }

    private mutating func judge(_ window: DurationWindow) {
        guard var trial else { return }
        let patience = patienceMilliseconds ?? 0
        guard let settledAt = trial.settledAt else {
            if now - trial.begunAt >= patience * ConcurrencyEstimator.settleFactor { self.trial?.settledAt = now }
            return
        }
        trial.completed += window.completed
        trial.abandoned += window.abandoned
        self.trial = trial
        let elapsed = now - settledAt
        let isLong = elapsed >= patience * ConcurrencyEstimator.trialFactor
        guard trial.completed + trial.abandoned >= ConcurrencyEstimator.windowRequests(limit: limit) || isLong else {
            return
        }
        self.trial = nil
        let isAbandoned = DurationWindow.isAbandoned(trial.abandoned, of: trial.completed + trial.abandoned)
        let least = trial.throughputBefore * ConcurrencyEstimator.trialThroughputMin
        if !isAbandoned, Double(trial.completed) >= least * elapsed {
            nextDeaf = ConcurrencyEstimator.deafMin
            changedAt = now - window.averageMilliseconds
        } else {
            deafUntil = now + nextDeaf
            nextDeaf = min(nextDeaf * 2, ConcurrencyEstimator.deafMax)
            if trial.limitBefore > 0 { set(trial.limitBefore) } else { drop() }
        }
    }

    /// The limit is in force, and clients stay: a higher one is tried where they have time to spare, and now and then where
    /// they have none, because only more in flight that bring no more answers show that a limit is right.
    private mutating func bears(_ window: DurationWindow) {
        let took = window.averageMilliseconds
        let patience = patienceMilliseconds ?? .infinity
        // Clients wait longer than those did that left, or nobody needs the limit.
        if took > patience {
            bestMilliseconds = nil
            return drop()
        }
        if now - reachedAt > ConcurrencyEstimator.unreachedMax { return drop() }
        guard reachedAt == now else { return }
        let bearable = patience * ConcurrencyEstimator.patienceShare
        if let probe {
            self.probe = nil
            let more = Double(limit) / Double(max(1, probe.limitBefore)) - 1
            let bringsMore = window.requestsPerMillisecond > probe.throughputBefore * (1 + more / 2)
            if bringsMore && took <= bearable {
                nextRest = ConcurrencyEstimator.restMin
                return raise(window, factor: took * 2 <= bearable ? 2 : 1.25)
            }
            restUntil = now + nextRest
            nextRest = min(nextRest * 2, ConcurrencyEstimator.restMax)
            if took > bearable { return bringsMore ? () : set(probe.limitBefore) }
        }
        if now >= restUntil { raise(window, factor: took * 2 <= bearable ? 2 : 1.25) }
    }

    private mutating func raise(_ window: DurationWindow, factor: Double) {
        probe = Probe(limitBefore: limit, throughputBefore: window.requestsPerMillisecond)
        set(max(limit + 1, Int(min(Double(limit) * factor, Double(Int32.max)))))
    }

    private mutating func drop() {
        (trial, probe, patienceMilliseconds) = (nil, nil, nil)
        set(0)
    }

    private mutating func set(_ limit: Int) {
        self.limit = limit
        changedAt = now
        reachedAt = now
    }
}
