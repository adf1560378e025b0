import Logging
import SignalboxProtocol
import Supervisor
import Telemetry

/// Tells the person who started `launch` what goes on: addresses on standard output, the rest in the log.
final class LaunchReport {
    private let address: String
    private let programs: LaunchPrograms
    private let format: LogFormat
    private let logger: Logger

    init(address: String, programs: LaunchPrograms, _ settings: LogSettings) {
        self.address = address
        self.programs = programs
        format = settings.format
        logger = makeLogger(label: "launch", settings)
    }

    func tell(_ notice: SupervisorNotice) {
        switch notice {
        case .ready(let line):
            ready(line)
        case .restarting(let name, let status, let delay):
            logger.warning(
                "A process ended and will be started again.",
                metadata: ["process": "\(name)", "status": "\(status)", "after": "\(delay)"]
            )
        case .notReady(let limit):
            logger.error("The control plane was not ready in time.", metadata: ["limit": "\(limit)"])
        case .stopping(let signal):
            logger.notice(
                "Stopping; a second signal cuts what is still served, a third one kills.",
                metadata: ["signal": "\(signal)"]
            )
        case .graceOver(let names):
            logger.warning("Processes did not stop in time and are killed.", metadata: ["processes": "\(list(names))"])
        case .replacing(let names):
            logger.notice("The data planes are being replaced.", metadata: ["processes": "\(list(names))"])
        case .replaced(let old, let new):
            logger.notice("A data plane was replaced.", metadata: ["process": "\(old)", "by": "\(new)"])
        case .replacementDone:
            logger.notice("All data planes were replaced.")
        case .replacementFailed(let name):
            logger.error(
                "A new data plane did not serve in time; what was not replaced goes on.",
                metadata: ["process": "\(name)"]
            )
        case .cannotStart(let name, let reason):
            logger.error("A process cannot be started.", metadata: ["process": "\(name)", "reason": "\(reason)"])
        }
    }

    private func list(_ names: [ChildName]) -> String {
        names.map(\.description).joined(separator: ", ")
    }

    /// Scripts wait for these lines and read the ports from them.
    private func ready(_ line: String) {
        let admin = ReadyLine(line)?.adminAddress
        if let admin { programs.learnAdminAddress(admin) }
        let greeting = Greeting(program: "signalbox", address: address, adminAddress: admin ?? "unknown")
        StandardStream.output.write(greeting.lines(format, millisecondsSinceEpoch: Timestamp.nowMilliseconds()))
        logger.info(
            "Everything is up.",
            metadata: [
                "address": "\(address)",
                "admin_address": "\(admin ?? "unknown")",
                "database": "\(programs.database)",
                "runtime_dir": "\(programs.runtimeDirectory)",
            ]
        )
    }
}

/// What the control plane writes when it is ready: `ready {"admin_address":"127.0.0.1:30001"}`.
private struct ReadyLine: Decodable {
    var adminAddress: String

    enum CodingKeys: String, CodingKey {
        case adminAddress = "admin_address"
    }

    init?(_ line: String) {
        guard line.hasPrefix("ready ") else { return nil }
        let document = Array(line.utf8.dropFirst("ready ".utf8.count))
        guard let value = try? LineCoding.decode(ReadyLine.self, from: document) else { return nil }
        self = value
    }
}
