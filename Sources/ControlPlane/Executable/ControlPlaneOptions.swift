public import ArgumentParser
import Logging
import SignalboxProtocol
public import Telemetry

/// The flags that `control-plane` and `launch` share; `launch` hands them on to its control plane unchanged.
struct ControlPlaneOptions: ParsableArguments {
    @Option(name: .long, help: "Address of the admin API.")
    var adminHost = "127.0.0.1"

    @Option(name: .long, help: "Port of the admin API; 0 takes a free one.")
    var adminPort: UInt16 = 30001

    @Option(name: .long, help: "Address on which metrics are served for Prometheus.")
    var prometheusHost = "127.0.0.1"

    @Option(name: .long, help: "Port of the metrics; 0: they are not served.")
    var prometheusPort: UInt16 = 29000

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Upper bounds of the buckets of durations, in seconds (default: 23 from 0.001 to 1800).",
            valueName: "seconds"
        )
    )
    var prometheusDurationBuckets: [Double] = []

    @Option(
        name: .long,
        help:
            "SQLite database file (default: signalbox.db in $XDG_STATE_HOME/signalbox, /var/lib/signalbox or ~/.local/state)."
    )
    var database: String?

    @Option(
        name: .long,
        help:
            "Folder of the sockets and the lock (default: $XDG_RUNTIME_DIR/signalbox, else below the temporary folder)."
    )
    var runtimeDir: String?

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: "Workers to begin with, as URLs; workers of an earlier list that are missing here are removed."
    )
    var workerUrls: [String] = []

    @Option(name: .long, help: "How long add_worker waits for a worker to become healthy, in seconds.")
    var workerStartupTimeoutSecs = 300

    @Option(name: .long, help: "Longest time between two probes of a worker that is not ready yet, in seconds.")
    var workerStartupCheckInterval = 10

    @Option(
        name: .long,
        help: ArgumentHelp(
            "File with the key of data planes on several hosts, which are told it: a line of at least 32 characters, and one more while keys change.",
            valueName: "file"
        )
    )
    var peersKeyFile: String?

    @Option(name: .long, help: "Lowest level that is logged: debug, info, warn, warning, error or critical.")
    var logLevel: LogLevelArgument?

    @Flag(name: .long, help: "Log debug messages too.")
    var verbose = false

    @Option(name: .long, help: "How log events are written: text or json.")
    var logFormat = LogFormat.text

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Folder for log files by day (sgl-router.YYYY-MM-DD, UTC), besides standard error.",
            valueName: "folder"
        )
    )
    var logDir: String?

    @Option(name: .long, help: "Days whose log files are kept, today included; 0: all.")
    var logRetentionDays = 0

    @OptionGroup
    var routing: PolicyOptions

    @OptionGroup
    var health: HealthOptions

    @OptionGroup(title: "Kubernetes")
    var discovery: DiscoveryOptions

    @OptionGroup
    var settings: SettingOptions

    /// The level to log at: `--log-level` when given, else debug with `--verbose`, else info.
    var level: Logger.Level {
        logLevel?.level ?? (verbose ? .debug : .info)
    }

    /// How everything below this command logs.
    func logSettings() throws -> LogSettings {
        guard let logDir else { return LogSettings(level: level, format: logFormat) }
        guard let directory = LogDirectory(path: logDir, daysMax: logRetentionDays) else {
            throw ValidationError("--log-dir '\(logDir)' is no folder that can be made or written to.")
        }
        return LogSettings(level: level, format: logFormat, directory: directory)
    }

    /// The flags of the log as arguments of any of the programs.
    var logArguments: [String] {
        var arguments: [String] = []
        if let logLevel { arguments += ["--log-level", logLevel.description] }
        if verbose { arguments.append("--verbose") }
        if logFormat != .text { arguments += ["--log-format", logFormat.rawValue] }
        if let logDir { arguments += ["--log-dir", logDir, "--log-retention-days", String(logRetentionDays)] }
        return arguments
    }

    /// The buckets of all histograms.
    func durationBuckets() throws -> DurationBuckets {
        guard !prometheusDurationBuckets.isEmpty else { return .standard }
        do {
            return try DurationBuckets(seconds: prometheusDurationBuckets)
        } catch {
            throw ValidationError("--prometheus-duration-buckets \(error).")
        }
    }

    /// The flag of the buckets, as control planes and data planes take it.
    var durationBucketsArguments: [String] {
        guard !prometheusDurationBuckets.isEmpty else { return [] }
        return ["--prometheus-duration-buckets"] + prometheusDurationBuckets.map { String($0) }
    }

    func validate() throws {
        _ = try durationBuckets()
        guard (0...36_500).contains(logRetentionDays) else {
            throw ValidationError("--log-retention-days must be from 0 to 36500.")
        }
        guard (1...86_400).contains(workerStartupTimeoutSecs) else {
            throw ValidationError("--worker-startup-timeout-secs must be from 1 to 86400.")
        }
        guard (1...86_400).contains(workerStartupCheckInterval) else {
            throw ValidationError("--worker-startup-check-interval must be from 1 to 86400.")
        }
    }

    /// The flags as arguments of `signalbox control-plane`, in a form that reads back to equal options.
    ///
    /// - Parameter includesIntent: false leaves out what is stored (workers, policy, settings), so that a restarted
    ///   control plane goes on with its database alone.
    func arguments(includesIntent: Bool = true) -> [String] {
        var arguments = ["--admin-host", adminHost, "--admin-port", String(adminPort)]
        arguments += ["--prometheus-host", prometheusHost, "--prometheus-port", String(prometheusPort)]
        arguments += durationBucketsArguments
        if let database { arguments += ["--database", database] }
        if let runtimeDir { arguments += ["--runtime-dir", runtimeDir] }
        arguments += ["--worker-startup-timeout-secs", String(workerStartupTimeoutSecs)]
        arguments += ["--worker-startup-check-interval", String(workerStartupCheckInterval)]
        if let peersKeyFile { arguments += ["--peers-key-file", peersKeyFile] }
        arguments += health.arguments
        arguments += discovery.arguments
        arguments += logArguments
        guard includesIntent else { return arguments }
        arguments += routing.arguments
        arguments += settings.arguments
        if !workerUrls.isEmpty { arguments += ["--worker-urls"] + workerUrls }
        return arguments
    }
}

extension LogFormat: ExpressibleByArgument {}

extension LogLevelArgument: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }

    public static var allValueStrings: [String] { choices }
}
