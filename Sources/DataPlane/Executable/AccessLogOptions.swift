import ArgumentParser
import DataPlane
import Telemetry

/// The flags about which requests are logged.
struct AccessLogOptions: ParsableArguments {
    @Option(
        help:
            "One line for every request (full), for one in --access-log-sample and every failed one (sampled), or for none (off)."
    )
    var accessLog = AccessLogMode.off

    @Option(help: ArgumentHelp("Of how many requests --access-log sampled logs one.", valueName: "number"))
    var accessLogSample = 100

    func validate() throws {
        guard (1...1_000_000).contains(accessLogSample) else {
            throw ValidationError("--access-log-sample must be from 1 to 1000000, not \(accessLogSample).")
        }
    }

    /// Nil: no request is logged.
    func configuration(_ output: LogSettings) -> AccessLogConfiguration? {
        switch accessLog {
        case .off: nil
        case .sampled: AccessLogConfiguration(sampleEvery: accessLogSample, output: output)
        case .full: AccessLogConfiguration(sampleEvery: 1, output: output)
        }
    }
}

/// Which requests are logged.
enum AccessLogMode: String, ExpressibleByArgument, CaseIterable {
    case off
    case sampled
    case full
}
