import Glibc
import Supervisor
import Telemetry

/// The command lines of the children of `launch`.
final class LaunchPrograms {
    let runtimeDirectory: String
    let database: String

    /// The port that clients use, once it is bound.
    var servedPort: UInt16 = 0

    private let command: LaunchCommand
    private let ownExecutable: String
    private let dataPlaneExecutable: String
    private let threads: Int
    /// Learned from the control plane's first ready line, so that a restarted one keeps its address.
    private var adminPort: UInt16?

    /// - Throws: ``LaunchError`` when the programs are not installed.
    init(command: LaunchCommand) throws {
        self.command = command
        runtimeDirectory = command.options.runtimePath
        database = command.options.databasePath
        ownExecutable = try Executables.own()
        dataPlaneExecutable = try Executables.find("signalbox-proxy", beside: ownExecutable)
        let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        threads = command.threads ?? max(1, cores / command.dataPlanes)
    }

    /// Notes where the admin API listens, as `host:port`.
    func learnAdminAddress(_ address: String) {
        adminPort = address.split(separator: ":").last.flatMap { UInt16($0) }
    }

    /// A restarted control plane goes on with its database: what the command line says of the fleet was recorded at the
    /// first start, and what operators changed since must not come back.
    func controlPlane(isRestart: Bool) -> ChildProgram {
        var options = command.options
        options.runtimeDir = runtimeDirectory
        options.database = database
        if isRestart {
            options.adminPort = adminPort ?? options.adminPort
        }
        return ChildProgram(
            executable: ownExecutable,
            arguments: ["control-plane"] + options.arguments(includesIntent: !isRestart)
        )
    }

    func dataPlane(_ index: Int) -> ChildProgram {
        var arguments = [
            "--host", command.host,
            "--port", String(servedPort),
            "--control-socket", "\(runtimeDirectory)/control.sock",
            "--admin-socket", "\(runtimeDirectory)/admin.sock",
            "--forward-admin", command.forwardAdmin.rawValue,
            "--threads", String(threads),
            "--id", "dp-\(index)",
            "--prefix-index-bytes", String(command.prefixIndexBytes),
            "--access-log", command.accessLog.rawValue,
            "--access-log-sample", String(command.accessLogSample),
            "--shutdown-delay-secs", String(command.shutdownDelaySecs),
            "--shutdown-grace-period-secs", String(command.shutdownGracePeriodSecs),
            "--snapshot-cache", command.snapshotCache ?? "\(database).snapshot-cache",
        ]
        if let folder = command.spoolDirectory { arguments += ["--spool-directory", folder] }
        arguments += command.peerOptions.arguments(
            dataPlane: index,
            of: command.dataPlanes,
            keyFile: command.options.peersKeyFile
        )
        arguments += command.options.durationBucketsArguments
        arguments += command.options.logArguments
        return ChildProgram(executable: dataPlaneExecutable, arguments: arguments)
    }
}
