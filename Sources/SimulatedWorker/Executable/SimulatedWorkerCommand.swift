import ArgumentParser
import SimulatedWorker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The command line of the simulated worker.
@main
struct SimulatedWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulated-worker",
        abstract: "An SGLang and OpenAI compatible inference worker without a GPU.",
        discussion: """
            It answers with invented text, but with a true prefix cache, queue, prefill and decode timing, and with \
            faults on demand. Statistics are at GET /stats, faults at GET, POST and DELETE /faults, POST /v1/echo \
            shows a request as it arrived and POST /v1/blob?bytes=N answers N bytes. A request may set the events of \
            its stream itself: "simulated": {"events": 10, "interval_ms": 5, "bytes": 100}.
            """
    )

    @OptionGroup(title: "Server")
    var server: ServerOptions

    @OptionGroup(title: "Engine")
    var engine: EngineOptions

    @OptionGroup(title: "Faults")
    var faults: FaultOptions

    func run() async throws {
        WorkerProcess.raiseOpenFilesLimit()
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
        var configuration = server.configuration
        configuration.engine = engine.configuration
        configuration.faults = try faults.parsed()
        configuration.startUnhealthy = .milliseconds(faults.startUnhealthy)
        do {
            let server = try await SimulatedWorkerServer.start(configuration)
            print("simulated-worker listening on \(server.url)")
            fflush(nil)
            if let port = server.controlPort, configuration.controlPort == 0 {
                writeError("simulated-worker control port is \(port)")
            }
            while true { try await Task.sleep(for: .seconds(86_400)) }
        } catch let error as StartError {
            writeError("simulated-worker: \(error)")
            throw ExitCode(1)
        }
    }

    private func writeError(_ sentence: String) {
        let line = Array((sentence + "\n").utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
