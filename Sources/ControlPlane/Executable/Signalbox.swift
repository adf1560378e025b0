import ArgumentParser
import Dispatch
import SignalboxProtocol

/// The command `signalbox`.
struct Signalbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signalbox",
        abstract: "Routes requests to a fleet of LLM inference workers.",
        discussion: "Start with: signalbox launch --worker-urls http://gpu1:8000 http://gpu2:8000",
        version: "signalbox \(softwareVersion)",
        subcommands: [LaunchCommand.self, ControlPlaneCommand.self]
    )
}

/// Where the process begins.
///
/// `launch` runs on this very thread with no other beside it, because it blocks the signals that it reads and a thread
/// that existed before would still receive them. So no `async` entry point, which would bring a thread pool.
@main
enum Main {
    static func main() {
        do {
            var command = try Signalbox.parseAsRoot()
            guard command is any AsyncParsableCommand else {
                try command.run()
                return
            }
        } catch {
            Signalbox.exit(withError: error)
        }
        // Ends with the process: the command exits it.
        Task { await runAsynchronousCommand() }
        dispatchMain()
    }

    private static func runAsynchronousCommand() async {
        do {
            var command = try Signalbox.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Signalbox.exit()
        } catch {
            Signalbox.exit(withError: error)
        }
    }
}
