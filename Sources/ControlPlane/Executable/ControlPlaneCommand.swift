import ArgumentParser
import ControlPlane
import ControlPlaneCore
import Foundation
import Logging
import SignalboxProtocol
import Telemetry

/// Runs one control plane by itself.
struct ControlPlaneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control-plane",
        abstract: "Run one control plane: the admin API, the database and the publisher of snapshots."
    )

    /// Fewer descriptors than this are worth a warning.
    static let descriptorsMin = 1024

    @OptionGroup var options: ControlPlaneOptions

    @Option(name: .long, help: "Read end of a pipe; its end of file stops the control plane (used by launch).")
    var lifelineFd: Int32?

    @Option(
        name: .long,
        help: "Write end of a pipe that gets one line when the control plane is ready (used by launch)."
    )
    var readyFd: Int32?

    @Option(name: .long, help: "Write end of a pipe; a byte on it asks for new data planes (used by launch).")
    var restartFd: Int32?

    func run() async throws {
        // Everything that is created is for this user alone, from the moment of its creation.
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is an error of the write, not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        let logger = makeLogger(label: "control-plane", try options.logSettings())
        // Before the client of workers is made: its share depends on the limit.
        let descriptors = DescriptorLimit.raise()
        if descriptors < ControlPlaneCommand.descriptorsMin {
            logger.warning(
                "Few descriptors are allowed; raise the limit (ulimit -n) to watch many workers and serve many clients.",
                metadata: ["limit": "\(descriptors)"]
            )
        }
        let readyPipe = ReadyPipe(descriptor: readyFd)
        let http = CurlClient()
        do {
            try await ControlPlane.run(
                options.configuration(lifelineDescriptor: lifelineFd, restartDescriptor: restartFd),
                http: http,
                kubernetes: CurlClient(runningMax: 8),
                logger: logger,
                onReady: { readyPipe.announce(adminAddress: $0) },
                onStopping: { ShutdownLimit.begin() }
            )
        } catch {
            let status = (error as? StartupError)?.status ?? (error is StoreOpenError ? .cannotCreate : .software)
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            ProcessEnd.now(status: status.rawValue)
        }
        ProcessEnd.now(status: 0)
    }
}

/// Tells whoever started the process that it is ready: one line, then the end of the file.
private struct ReadyPipe: Sendable {
    let descriptor: Int32?

    func announce(adminAddress: String) {
        guard let descriptor else { return }
        var line = "ready {\"admin_address\":\"\(adminAddress)\"}\n"
        _ = line.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }
}

/// Ends the process when stopping takes too long.
private enum ShutdownLimit {
    /// Open requests have 1.5 s (``ControlPlane``), and a little is left for closing files.
    static let seconds = 2.0

    static func begin() {
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: seconds)
            ProcessEnd.now(status: 0)
        }
    }
}

/// The end of the process.
private enum ProcessEnd {
    /// Ends it without the clean-up of libraries, which would run under the feet of threads that still use them.
    /// Nothing is lost: every commit is on disk, and standard error has no buffer.
    static func now(status: Int32) -> Never {
        _exit(status)
    }
}
