import ArgumentParser
import ControlPlaneCore

/// The flags about probes; each worker may have its own values (`PUT /workers/{id}`).
struct HealthOptions: ParsableArguments {
    @Option(name: .long, help: "Path of the health probe.")
    var healthCheckEndpoint = "/health"

    @Option(name: .long, help: "Limit for one probe, in seconds.")
    var healthCheckTimeoutSecs = 5

    @Option(name: .long, help: "Time between two probes of a ready worker, in seconds; others are probed more often.")
    var healthCheckIntervalSecs = 10

    @Option(name: .long, help: "Failed probes in a row that take a worker out.")
    var healthFailureThreshold = 3

    @Option(name: .long, help: "Answered probes in a row that bring a worker back.")
    var healthSuccessThreshold = 2

    @Option(
        name: .long,
        help:
            "When more than this share of at least three workers falls silent at once, they stay routed: this host is suspected, not they; 0: never."
    )
    var healthPanicPercent = 50

    @Option(
        name: .long,
        help:
            "Time between two questions to a worker about its load (GET /get_load), in seconds; asked for power_of_two."
    )
    var loadMonitorInterval = 1

    @Flag(name: .long, help: "Count workers as ready without probing them.")
    var disableHealthCheck = false

    func validate() throws {
        guard HealthPath.isAcceptable(healthCheckEndpoint) else {
            throw ValidationError("--health-check-endpoint \(HealthPath.rule)")
        }
        for (flag, value, range) in [
            ("--health-check-timeout-secs", healthCheckTimeoutSecs, 1...86_400),
            ("--health-check-interval-secs", healthCheckIntervalSecs, 1...86_400),
            ("--health-failure-threshold", healthFailureThreshold, 1...1000),
            ("--health-success-threshold", healthSuccessThreshold, 1...1000),
            ("--health-panic-percent", healthPanicPercent, 0...100),
            ("--load-monitor-interval", loadMonitorInterval, 1...3_600),
        ] where !range.contains(value) {
            throw ValidationError("\(flag) must be from \(range.lowerBound) to \(range.upperBound), not \(value).")
        }
    }

    /// The flags in a form that reads back to equal options.
    var arguments: [String] {
        [
            "--health-check-endpoint", healthCheckEndpoint,
            "--health-check-timeout-secs", String(healthCheckTimeoutSecs),
            "--health-check-interval-secs", String(healthCheckIntervalSecs),
            "--health-failure-threshold", String(healthFailureThreshold),
            "--health-success-threshold", String(healthSuccessThreshold),
            "--health-panic-percent", String(healthPanicPercent),
            "--load-monitor-interval", String(loadMonitorInterval),
        ] + (disableHealthCheck ? ["--disable-health-check"] : [])
    }

    /// The general rule for probes.
    ///
    /// - Parameter pendingIntervalMax: longest time between probes of a worker that was never ready.
    func probeSettings(pendingIntervalMax: Duration) -> ProbeSettings {
        ProbeSettings(
            path: healthCheckEndpoint,
            timeout: .seconds(healthCheckTimeoutSecs),
            readyInterval: .seconds(healthCheckIntervalSecs),
            pendingIntervalMax: pendingIntervalMax,
            successThreshold: healthSuccessThreshold,
            failureThreshold: healthFailureThreshold
        )
    }
}
