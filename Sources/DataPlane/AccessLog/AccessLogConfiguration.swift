public import Telemetry

/// Which requests are logged, and where to.
public struct AccessLogConfiguration: Sendable {
    /// One in so many, and every request that failed; 1: all.
    public var sampleEvery: Int
    public var output: LogSettings

    public init(sampleEvery: Int, output: LogSettings) {
        self.sampleEvery = sampleEvery
        self.output = output
    }
}
