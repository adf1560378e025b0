/// The upper bounds of the buckets of all histograms; the last bucket has none.
public struct DurationBuckets: Hashable, Sendable {
    /// Most bounds.
    public static let countMax = 32
    /// Least and greatest bound, in milliseconds: a day.
    public static let range = 1...86_400_000

    /// Ascending.
    public let milliseconds: [Int]

    public static let standard = DurationBuckets(sorted: [
        1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000, 30_000, 45_000, 60_000, 90_000, 120_000,
        180_000, 240_000, 480_000, 900_000, 1_800_000,
    ])

    private init(sorted milliseconds: [Int]) {
        self.milliseconds = milliseconds
    }

    /// Reads bounds in seconds, as `--prometheus-duration-buckets` takes them; the error is the end of a sentence that
    /// begins with the flag.
    public init(seconds: [Double]) throws(DurationBucketsError) {
        guard (1...DurationBuckets.countMax).contains(seconds.count) else {
            throw DurationBucketsError(message: "takes 1 to \(DurationBuckets.countMax) bounds, not \(seconds.count)")
        }
        var milliseconds: [Int] = []
        for bound in seconds {
            let exact = bound * 1000
            guard exact.isFinite, let rounded = Int(exactly: exact.rounded()), abs(exact - exact.rounded()) < 1e-6,
                DurationBuckets.range.contains(rounded)
            else {
                throw DurationBucketsError(
                    message: "has \(bound); bounds are from 0.001 to 86400 seconds, to the millisecond"
                )
            }
            if let last = milliseconds.last, rounded <= last {
                throw DurationBucketsError(message: "must ascend; \(bound) does not")
            }
            milliseconds.append(rounded)
        }
        self.milliseconds = milliseconds
    }

    /// In seconds, as they are shown.
    public var seconds: [Double] { milliseconds.map { Double($0) / 1000 } }
}

/// Bounds that cannot be used.
public struct DurationBucketsError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String

    public init(message: String) {
        self.message = message
    }

    public var description: String { message }
}
