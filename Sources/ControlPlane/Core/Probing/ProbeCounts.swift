/// How many probes of a worker ended how.
public struct ProbeCounts: Hashable, Sendable {
    public private(set) var successes = 0
    public private(set) var failures = 0
    public private(set) var silences = 0

    public init() {}

    public mutating func count(_ outcome: ProbeOutcome) {
        switch outcome {
        case .success: successes += 1
        case .failure: failures += 1
        case .silence: silences += 1
        }
    }

    public static func + (_ first: ProbeCounts, _ second: ProbeCounts) -> ProbeCounts {
        var sum = first
        sum.successes += second.successes
        sum.failures += second.failures
        sum.silences += second.silences
        return sum
    }
}
