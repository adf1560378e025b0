/// Learns how many requests a worker bears that does not say how many it runs at one time.
///
/// While requests only share the worker each takes about as long as any; once they queue there, all take longer in
/// proportion to their number (Little's law) and no more of them end in a second. So where they take more than
/// ``tolerance`` times as long as at best, and more in flight bring no more throughput, the number at which they would
/// not is the limit.
struct ConcurrencyEstimator: Sendable {
    /// How much longer requests may take than at best: a full batch of an engine takes some three times as long for each
    /// token as a single request.
    static let tolerance = 3.0
    /// What is added to the bearable time, in milliseconds: with very short requests chance is larger than any queue.
    static let slackMilliseconds = 20.0
    /// Requests that one judgement looks at, at least.
    private static let windowRequestsMin = 20
    /// And at most, however high the limit is: requests of a large batch must not all be replaced first.
    private static let windowRequestsMax = 100
    /// Clients that have left after which a worker without a limit is judged at once, if they are as many of the requests as make
    /// a window an abandoned one: until then all that it does may be for nobody.
    static let leaversMax = 4
    /// How many times the longest wait of clients may pass after a cut until the requests from before it count as gone,
    /// although some are still there: they may be very long ones.
    private static let drainFactor = 3.0
    /// More throughput by this factor than ever seen shows that the worker is not at its end.
    private static let throughputGain = 1.2
    /// Of the time after which clients have left, the share that a worker may use up: some of it passes before, in a queue.
    static let patienceShare = 0.6
    /// How quickly that time is forgotten: in 70 judgements it doubles.
    private static let patienceDrift = 1.01
    /// Judgements for which leaving clients are ignored after a limit was no help, at first and at most.
    private static let deafWindowsMin = 100
    private static let deafWindowsMax = 6_400
    /// Judgements in a row that find too many requests before there is a limit: one may be chance.
    private static let overloadWindowsMin = 2
    /// Judgements in a row with the limit in force and no effect after which the requests themselves must have become
    /// longer.
    private static let futileWindowsMax = 10
    /// How quickly the best time is forgotten: in 70 judgements it doubles.
    private static let durationDrift = 1.01
    /// How quickly the best throughput is forgotten: in 35 judgements it halves.
    private static let throughputDrift = 0.98

    /// The most requests at one time; 0: as many as like.
    private(set) var limit = 0
    private var best: (milliseconds: Double, requestsPerMillisecond: Double)?
    /// How long requests take on average when the worker is least loaded; nil before the first judgement.
    var bestMilliseconds: Double? { best?.milliseconds }
    /// How long clients have waited that have left; nil while none do.
    private var patienceMilliseconds: Double?
    /// The limit before clients that left made it smaller; nil once it is known whether that helped.
    private var limitBeforeLeavers: Int?
    /// Since that cut the requests in flight have become as few as it allows.
    private var hasDrained = false
    /// Judgements for which clients that leave mean nothing: a smaller limit has not kept them.
    private var deafWindows = 0
    /// How many that are the next time; they double.
    private var nextDeafWindows = ConcurrencyEstimator.deafWindowsMin
    private var overloadWindows = 0
    private var futileWindows = 0
    /// Since the limit was last cut; requests that take longer began before.
    private var millisecondsSinceCut = Double.infinity

    /// How many requests one judgement looks at while `limit` is in force.
    static func windowRequests(limit: Int) -> Int {
        min(max(windowRequestsMin, limit), windowRequestsMax)
    }

    /// Whether a judgement need not wait for all requests of a window once clients leave.
    var isEagerForLeavers: Bool { limit == 0 && deafWindows == 0 }

    /// Some requests have ended.
    ///
    /// - Parameters:
    ///   - window: how many, and how long they took.
    ///   - inFlight: how many the worker has now.
    mutating func windowEnded(_ window: DurationWindow, inFlight: Int) {
        millisecondsSinceCut += window.elapsedMilliseconds
        guard let best else {
            self.best = (window.averageMilliseconds, window.requestsPerMillisecond)
            return
        }
        // Few requests may have ended together by chance.
        let isShort = window.requests < ConcurrencyEstimator.windowRequestsMin && best.requestsPerMillisecond > 0
        let shown = isShort ? best.requestsPerMillisecond : window.requestsPerMillisecond
        let isFaster = shown > best.requestsPerMillisecond * ConcurrencyEstimator.throughputGain
        let throughput = max(best.requestsPerMillisecond * ConcurrencyEstimator.throughputDrift, shown)
        self.best = (best.milliseconds, throughput)
        // Requests that began before the cut say nothing of it.
        let longest = max(window.averageMilliseconds, limitBeforeLeavers == nil ? 0 : patienceMilliseconds ?? 0)
        guard limit == 0 || millisecondsSinceCut - window.elapsedMilliseconds >= longest else { return }
        if limitBeforeLeavers != nil, !hasDrained {
            let isLong = millisecondsSinceCut >= longest * ConcurrencyEstimator.drainFactor
            hasDrained = inFlight <= limit || isLong
            return
        }
        let isAbandoned = hears(window)
        notePatience(window, isAbandoned)
        let bearable = bearable(best.milliseconds)
        if window.averageMilliseconds <= bearable && !isAbandoned || (limit == 0 && isFaster && !isAbandoned) {
            bears(window.averageMilliseconds, best.milliseconds, inFlight: inFlight, most: throughput * bearable)
        } else if limit == 0 || inFlight > limit || isAbandoned {
            if isAbandoned { limitBeforeLeavers = limit }
            overloadWindows += isAbandoned ? ConcurrencyEstimator.overloadWindowsMin : 1
            isOverloaded(bearable: bearable, throughput: throughput, inFlight: inFlight)
        } else {
            limitIsFutile(window, bearable: bearable, throughput: throughput)
        }
    }

    /// Whether clients leave because of the worker's load, as far as that is known: the first time that they leave in numbers is
    /// believed, and the limit cut. Where as many leave then, it was no load that drove them away: the limit is as before, and
    /// they mean nothing for a while.
    private mutating func hears(_ window: DurationWindow) -> Bool {
        if deafWindows > 0 {
            deafWindows -= 1
            return false
        }
        guard let before = limitBeforeLeavers else { return window.isAbandoned }
        limitBeforeLeavers = nil
        guard window.isAbandoned else {
            nextDeafWindows = ConcurrencyEstimator.deafWindowsMin
            return false
        }
        limit = before
        patienceMilliseconds = nil
        deafWindows = nextDeafWindows
        nextDeafWindows = min(nextDeafWindows * 2, ConcurrencyEstimator.deafWindowsMax)
        return false
    }

    private mutating func notePatience(_ window: DurationWindow, _ isAbandoned: Bool) {
        if isAbandoned {
            patienceMilliseconds = min(patienceMilliseconds ?? .infinity, window.averageMilliseconds)
        } else if let patience = patienceMilliseconds {
            let longer = patience * ConcurrencyEstimator.patienceDrift
            let isForgotten = longer * ConcurrencyEstimator.patienceShare > mostBearable(best?.milliseconds ?? 0)
            patienceMilliseconds = isForgotten ? nil : longer
        }
    }

    private func mostBearable(_ best: Double) -> Double {
        best * ConcurrencyEstimator.tolerance + ConcurrencyEstimator.slackMilliseconds
    }

    /// How long requests may take: some times as long as at best, and not so long that clients leave.
    private func bearable(_ best: Double) -> Double {
        guard let patience = patienceMilliseconds else { return mostBearable(best) }
        // Who leaves before the best time is over cannot be helped by any limit.
        let least = best + ConcurrencyEstimator.slackMilliseconds
        return min(mostBearable(best), max(least, patience * ConcurrencyEstimator.patienceShare))
    }

    /// Requests take as long as they may: more of them are tried where the limit is reached.
    ///
    /// - Parameter most: what the best throughput brings to an end in the bearable time; more would not be borne.
    private mutating func bears(_ milliseconds: Double, _ best: Double, inFlight: Int, most: Double) {
        futileWindows = 0
        overloadWindows = 0
        let isLimited = limit > 0 && inFlight * 10 >= limit * 8
        if isLimited {
            // Quickly while the worker is far from its end.
            let wanted = limit + max(1, limit / (milliseconds <= 2 * best ? 4 : 10))
            limit = max(1, min(wanted, Int(min(most.rounded(.up), Double(Int32.max)))))
            self.best?.milliseconds = min(best, milliseconds)
        } else {
            self.best?.milliseconds = min(best * ConcurrencyEstimator.durationDrift, milliseconds)
        }
    }

    private mutating func isOverloaded(bearable: Double, throughput: Double, inFlight: Int) {
        guard limit > 0 || overloadWindows >= ConcurrencyEstimator.overloadWindowsMin else { return }
        // What the best throughput, which may be a lucky one, brings to an end in the bearable time.
        let share = patienceMilliseconds == nil ? 0.8 : 1
        limit = max(1, Int(min(Double(inFlight), throughput * share * bearable)))
        hasDrained = inFlight <= limit
        overloadWindows = 0
        futileWindows = 0
        millisecondsSinceCut = 0
    }

    /// The limit is in force, and requests take longer than is bearable all the same: it is too high, or they have become
    /// longer.
    private mutating func limitIsFutile(_ window: DurationWindow, bearable: Double, throughput: Double) {
        futileWindows += 1
        if futileWindows >= ConcurrencyEstimator.futileWindowsMax {
            best = (window.averageMilliseconds, window.requestsPerMillisecond)
            limit = 0
            futileWindows = 0
        } else {
            // What has been too many for one window is cut to what Little's law says; after that it is felt for.
            let borne = futileWindows == 1 ? throughput * bearable : Double(limit) * 0.8
            limit = max(1, min(limit, Int(borne)))
            millisecondsSinceCut = 0
        }
    }
}
