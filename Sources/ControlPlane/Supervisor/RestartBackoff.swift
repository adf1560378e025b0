/// How long to wait before a dead process is started again: 50 ms, doubled with each early death up to 5 s.
struct RestartBackoff: Hashable, Sendable {
    static let shortest: Duration = .milliseconds(50)
    static let longest: Duration = .seconds(5)
    /// A process that lived this long starts the count anew.
    static let healthyLife: Duration = .seconds(10)

    private var next = RestartBackoff.shortest

    /// The wait after a life of this length.
    mutating func delay(afterLife life: Duration) -> Duration {
        if life >= RestartBackoff.healthyLife { next = RestartBackoff.shortest }
        let delay = next
        next = min(next * 2, RestartBackoff.longest)
        return delay
    }
}
