import ArgumentParser
import ControlPlane
import Glibc
import Logging
import Supervisor
import Telemetry

/// `signalbox launch`: one control plane and its data planes on this host, under one supervisor.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch",
        abstract: "Run a whole router on this host: one control plane and its data planes.",
        discussion: """
            Example: signalbox launch --worker-urls http://gpu1:8000 http://gpu2:8000
            Then send requests to http://127.0.0.1:30000 and change the fleet through http://127.0.0.1:30001.
            """
    )

    @Option(name: .long, help: "Address on which clients are served.")
    var host = "127.0.0.1"

    @Option(name: .long, help: "Port on which clients are served; 0 takes a free one.")
    var port: UInt16 = 30000

    @Option(name: .long, help: "Number of data plane processes that share the port, 1 to 64.")
    var dataPlanes = 1

    @Option(name: .long, help: "Threads of each data plane, 1 to 256 (default: cores divided by data planes).")
    var threads: Int?

    @Option(name: .long, help: "Whose admin requests the data port forwards: loopback, all or off.")
    var forwardAdmin = AdminForwarding.loopback

    @Option(name: .long, help: "Folder for bodies that are too large for memory (default: $TMPDIR, else /var/tmp).")
    var spoolDirectory: String?

    @Option(name: .long, help: "Memory of the prefix index of the policy kv_cost, in bytes, for each data plane.")
    var prefixIndexBytes = 64 << 20

    @Option(
        name: .long,
        help: "Log every request (full), one in --access-log-sample and every failed one (sampled), or none (off)."
    )
    var accessLog = AccessLogMode.off

    @Option(name: .long, help: ArgumentHelp("Of how many requests --access-log sampled logs one.", valueName: "number"))
    var accessLogSample = 100

    @Option(
        name: .long,
        help: "Serve on so long after SIGTERM while /readiness says no, in seconds, so that balancers look elsewhere."
    )
    var shutdownDelaySecs = 0

    @Option(name: .long, help: "How long open requests may go on then, in seconds; a second signal ends them at once.")
    var shutdownGracePeriodSecs = 180

    @Option(
        name: .long,
        help: ArgumentHelp(
            "File that keeps the last good snapshot for data planes (default: snapshot-cache beside the database).",
            valueName: "file"
        )
    )
    var snapshotCache: String?

    @OptionGroup
    var peerOptions: PeerOptions

    @OptionGroup
    var options: ControlPlaneOptions

    func validate() throws {
        guard (1...64).contains(dataPlanes) else {
            throw ValidationError("--data-planes must be from 1 to 64.")
        }
        guard (1...256).contains(threads ?? 1) else {
            throw ValidationError("--threads must be from 1 to 256.")
        }
        guard (0...86_400).contains(shutdownGracePeriodSecs) else {
            throw ValidationError("--shutdown-grace-period-secs must be from 0 to 86400.")
        }
        guard (1 << 20...1 << 36).contains(prefixIndexBytes) else {
            throw ValidationError("--prefix-index-bytes must be from 1048576 to 68719476736, not \(prefixIndexBytes).")
        }
        guard (1...1_000_000).contains(accessLogSample) else {
            throw ValidationError("--access-log-sample must be from 1 to 1000000, not \(accessLogSample).")
        }
        guard (0...3_600).contains(shutdownDelaySecs) else {
            throw ValidationError("--shutdown-delay-secs must be from 0 to 3600.")
        }
        if let snapshotCache, snapshotCache.isEmpty || snapshotCache.hasSuffix("/") {
            throw ValidationError("--snapshot-cache must name a file.")
        }
        try peerOptions.validate(dataPlanes: dataPlanes, keyFile: options.peersKeyFile)
        guard !host.isEmpty else {
            throw ValidationError("--host must not be empty; 0.0.0.0 serves on all addresses.")
        }
        // The final dot makes a path that is no folder fail.
        if let spoolDirectory, access("\(spoolDirectory)/.", W_OK | X_OK) != 0 {
            throw ValidationError("--spool-directory '\(spoolDirectory)' is no folder that can be written to.")
        }
    }

    func run() throws {
        do {
            throw ExitCode(try launch())
        } catch let error as StartupError {
            StandardStream.error.write("Error: \(error.description)\n")
            throw ExitCode(error.status.rawValue)
        } catch let error as LaunchError {
            StandardStream.error.write("Error: \(error.message)\n")
            throw ExitCode(error.exitStatus)
        }
    }

    /// Runs until everything has ended; returns the exit status of the whole.
    private func launch() throws -> Int32 {
        let programs = try LaunchPrograms(command: self)
        let lock = try RuntimeDirectoryLock(directory: programs.runtimeDirectory)
        let databasePath = try DatabasePath.prepare(programs.database)
        let databaseLock = try LockFile(
            path: "\(databasePath).launch.lock",
            guarded: "the database '\(databasePath)'",
            flag: "--database"
        )
        let listener = try SharedListener(host: host, port: port)
        programs.servedPort = listener.port
        let report = LaunchReport(
            address: listener.address,
            programs: programs,
            try options.logSettings()
        )
        let supervisor = try Supervisor(
            programs: Supervisor.Programs(
                controlPlane: { isRestart in programs.controlPlane(isRestart: isRestart) },
                dataPlane: { index in programs.dataPlane(index) }
            ),
            dataPlanes: dataPlanes,
            listener: listener,
            readyTimeout: .seconds(max(options.workerStartupTimeoutSecs, 30)),
            // Data planes end their requests themselves; a second more shows which one cannot.
            gracePeriod: .seconds(shutdownDelaySecs + shutdownGracePeriodSecs + 2),
            report: report.tell
        )
        let status = supervisor.run()
        _ = consume lock
        _ = consume databaseLock
        return status
    }
}

/// From which peers the data port forwards admin requests.
enum AdminForwarding: String, ExpressibleByArgument, CaseIterable {
    case loopback
    case all
    case off
}

/// Which requests data planes log.
enum AccessLogMode: String, ExpressibleByArgument, CaseIterable {
    case off
    case sampled
    case full
}
