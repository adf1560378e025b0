public import ArgumentParser
import DataPlane
public import DataPlaneCore
import Glibc
import Logging
import SignalboxProtocol
public import Telemetry

/// The command line of one data plane.
@main
struct SignalboxProxy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signalbox-proxy",
        abstract: "One data plane of Signalbox: proxies client requests to the workers of the newest snapshot.",
        discussion: """
            It gets snapshots from a control plane over --control-socket and serves the last one for ever when the \
            control plane is away. Start as many as you like; with --reuse-port they share one port.
            """,
        version: "signalbox-proxy \(softwareVersion)"
    )

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 lets the system choose.")
    var port: UInt16 = 30000

    @Option(help: "The control plane's Unix socket for snapshots (RUNTIME_DIR/control.sock).")
    var controlSocket: String

    @Option(help: "Threads that serve; by default one per core.")
    var threads: Int?

    @Option(help: "The name of this data plane, unique at its control plane; by default proxy-PID.")
    var id: String?

    @Flag(help: "Share the port with other processes that say the same (SO_REUSEPORT).")
    var reusePort = false

    @Option(help: "Who may use the admin paths on this port: loopback, all or off.")
    var forwardAdmin = EngineConfiguration.AdminForwarding.off

    @Option(help: "The control plane's Unix socket for the admin API (RUNTIME_DIR/admin.sock).")
    var adminSocket: String?

    @Option(
        help: "Folder for request bodies that are too large to be held in memory (default: $TMPDIR, else /var/tmp)."
    )
    var spoolDirectory: String?

    @Option(
        help: ArgumentHelp(
            "File that keeps the last good snapshot, so that a start needs no control plane.",
            valueName: "file"
        )
    )
    var snapshotCache: String?

    @Option(
        help: ArgumentHelp(
            "Folder where the data planes of a host find one another; empty: none (default: peers beside the control socket).",
            valueName: "folder"
        )
    )
    var peersDirectory: String?

    @OptionGroup var peerOptions: PeerOptions

    @Option(
        help: ArgumentHelp(
            "Folder of what the data planes of a host count; empty: none (default: metrics beside the control socket).",
            valueName: "folder"
        )
    )
    var metricsDirectory: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the Unix socket ID.sock on which operators ask; empty: none (default: data-planes beside the control socket).",
            valueName: "folder"
        )
    )
    var operatorDirectory: String?

    @Option(
        help:
            "Port on which this data plane serves its own metrics; 0: none, the control plane does (RUNTIME_DIR/metrics)."
    )
    var prometheusPort: UInt16 = 0

    @Option(help: "Address on which it does.")
    var prometheusHost = "127.0.0.1"

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Upper bounds of the buckets of durations, in seconds; the same as the control plane's (default: 23 from 0.001 to 1800).",
            valueName: "seconds"
        )
    )
    var prometheusDurationBuckets: [Double] = []

    @Option(help: "Memory of the prefix index of the policy kv_cost, in bytes; taken when that policy is first used.")
    var prefixIndexBytes = 64 << 20

    @Option(help: "Seconds to serve on after SIGTERM while /readiness says no, so that balancers look elsewhere.")
    var shutdownDelaySecs = 0

    @Option(help: "Seconds that requests may go on then; a second signal ends them at once.")
    var shutdownGracePeriodSecs = 180

    @Option(help: "Least severe messages that are logged: debug, info, warning, error or critical.")
    var logLevel = LogLevelArgument(.info)

    @Flag(help: "The same as --log-level debug.")
    var verbose = false

    @Option(help: "How log events are written: text or json.")
    var logFormat = LogFormat.text

    @Option(
        help: ArgumentHelp(
            "Folder for log files by day (sgl-router.YYYY-MM-DD, UTC), besides standard error.",
            valueName: "folder"
        )
    )
    var logDir: String?

    @Option(help: "Days whose log files are kept, today included; 0: all.")
    var logRetentionDays = 0

    @OptionGroup var accessLog: AccessLogOptions

    @Option(help: ArgumentHelp("An inherited listening socket, instead of --host and --port.", visibility: .hidden))
    var listenFd: Int32?

    @Option(help: ArgumentHelp("A pipe whose end says that the supervisor is gone.", visibility: .hidden))
    var lifelineFd: Int32?

    @Option(help: ArgumentHelp("A pipe that gets a byte when the first snapshot is applied.", visibility: .hidden))
    var readyFd: Int32?

    func validate() throws {
        _ = try durationBuckets()
        if let threads, !(1...DataPlaneConfiguration.threadsMax).contains(threads) {
            throw ValidationError("--threads must be from 1 to \(DataPlaneConfiguration.threadsMax), not \(threads).")
        }
        if let id, id.isEmpty || id.utf8.count > 64 || !id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F }) {
            throw ValidationError("--id must be 1 to 64 visible ASCII characters without '/'.")
        }
        if forwardAdmin != .off && adminSocket == nil {
            throw ValidationError("--forward-admin \(forwardAdmin.rawValue) needs --admin-socket.")
        }
        for (flag, path) in [("--control-socket", controlSocket), ("--admin-socket", adminSocket ?? "-")] {
            guard (1...107).contains(path.utf8.count) else {
                throw ValidationError("\(flag) has \(path.utf8.count) bytes; a Unix socket's path has 1 to 107.")
            }
        }
        if let spoolDirectory, access(spoolDirectory, W_OK | X_OK) != 0 {
            throw ValidationError("--spool-directory '\(spoolDirectory)' is no folder that can be written to.")
        }
        guard (0...86_400).contains(shutdownGracePeriodSecs) else {
            throw ValidationError("--shutdown-grace-period-secs must be from 0 to 86400.")
        }
        guard (1 << 20...1 << 36).contains(prefixIndexBytes) else {
            throw ValidationError("--prefix-index-bytes must be from 1048576 to 68719476736, not \(prefixIndexBytes).")
        }
        guard (0...36_500).contains(logRetentionDays) else {
            throw ValidationError("--log-retention-days must be from 0 to 36500.")
        }
        guard (0...3_600).contains(shutdownDelaySecs) else {
            throw ValidationError("--shutdown-delay-secs must be from 0 to 3600.")
        }
        if let snapshotCache, snapshotCache.isEmpty || snapshotCache.hasSuffix("/") {
            throw ValidationError("--snapshot-cache must name a file.")
        }
    }

    func run() throws {
        let output = try logSettings()
        let logger = makeLogger(label: "signalbox-proxy", output)
        do {
            let listener = try listener()
            var engine = EngineConfiguration()
            engine.adminForwarding = forwardAdmin
            engine.adminSocketPath = adminSocket
            let configuration = DataPlaneConfiguration(
                id: id ?? "proxy-\(getpid())",
                controlSocketPath: controlSocket,
                threads: threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
                engine: engine,
                spoolDirectory: spoolDirectory ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp",
                lifeline: lifelineFd,
                readyDescriptor: readyFd,
                snapshotCachePath: snapshotCache,
                peersDirectory: folder(peersDirectory, standard: "peers"),
                remotePeers: try peerOptions.remotePeers(),
                metricsDirectory: folder(metricsDirectory, standard: "metrics"),
                operatorDirectory: folder(operatorDirectory, standard: "data-planes"),
                metricsListener: try metricsListener(),
                durationBuckets: try durationBuckets(),
                accessLog: accessLog.configuration(output),
                prefixIndexBytes: prefixIndexBytes,
                shutdownDelaySeconds: shutdownDelaySecs,
                shutdownGraceSeconds: shutdownGracePeriodSecs
            )
            if listenFd == nil { announce(listener) }
            try DataPlaneProcess(configuration: configuration, listener: listener, logger: logger).run()
        } catch let error as ListenerError {
            fail(error.description, status: error.isInUse ? 75 : 73)
        } catch let error as SystemError {
            fail("The data plane cannot start: \(error).", status: 71)
        }
    }

    /// A folder that was given, or the one beside the control socket; nil when an empty one was given.
    private func folder(_ given: String?, standard: String) -> String? {
        if let given { return given.isEmpty ? nil : given }
        guard let slash = controlSocket.utf8.lastIndex(of: UInt8(ascii: "/")) else { return standard }
        return controlSocket[..<slash] + "/" + standard
    }

    private func logSettings() throws -> LogSettings {
        let level = verbose ? .debug : logLevel.level
        guard let logDir else { return LogSettings(level: level, format: logFormat) }
        guard let directory = LogDirectory(path: logDir, daysMax: logRetentionDays) else {
            throw ValidationError("--log-dir '\(logDir)' is no folder that can be made or written to.")
        }
        return LogSettings(level: level, format: logFormat, directory: directory)
    }

    private func listener() throws(ListenerError) -> Listener {
        if let listenFd { return try Listener(inherited: listenFd) }
        return try Listener(host: host, port: port, sharesPort: reusePort)
    }

    private func durationBuckets() throws -> DurationBuckets {
        guard !prometheusDurationBuckets.isEmpty else { return .standard }
        do {
            return try DurationBuckets(seconds: prometheusDurationBuckets)
        } catch {
            throw ValidationError("--prometheus-duration-buckets \(error).")
        }
    }

    private func metricsListener() throws(ListenerError) -> MetricsListener? {
        guard prometheusPort > 0 else { return nil }
        do throws(ListenerError) {
            return try MetricsListener(host: prometheusHost, port: prometheusPort)
        } catch {
            let reason = "Metrics cannot be served (--prometheus-host, --prometheus-port): \(error.description)"
            throw ListenerError(reason, isInUse: error.isInUse)
        }
    }

    /// One line for people and scripts that start a data plane by hand.
    private func announce(_ listener: Listener) {
        let greeting = Greeting(program: "signalbox-proxy", address: "\(listener.address)")
        print(greeting.lines(logFormat, millisecondsSinceEpoch: Timestamp.nowMilliseconds()), terminator: "")
        fflush(nil)
    }

    private func fail(_ message: String, status: Int32) -> Never {
        let line = Array("signalbox-proxy: \(message)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
        Glibc.exit(status)
    }
}

extension EngineConfiguration.AdminForwarding: ExpressibleByArgument {}

extension LogFormat: ExpressibleByArgument {}

extension LogLevelArgument: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }

    public static var allValueStrings: [String] { choices }
}
