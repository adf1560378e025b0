import SignalboxProtocol

extension RetrySettings {
    /// How long to wait before another attempt: longer each time, and randomly moved so that many do not come at once.
    ///
    /// - Parameter attempts: how many were made, at least 1.
    func backoffMilliseconds(afterAttempts attempts: Int, using generator: inout some RandomNumberGenerator) -> Int {
        var wait = Double(backoffInitialMilliseconds)
        let longest = Double(backoffMaxMilliseconds)
        for _ in 1..<max(attempts, 1) where wait < longest { wait *= Double(backoffMultiplierPermille) / 1000 }
        let jitter = Double(jitterPermille) / 1000
        let moved = min(wait, longest) * (1 + Double.random(in: -jitter...jitter, using: &generator))
        return Int(moved.rounded())
    }
}
