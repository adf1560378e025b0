import ArgumentParser
import SimulatedWorker

/// The flags about addresses and about what the worker says of itself.
struct ServerOptions: ParsableArguments {
    @Option(help: "Name or address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 takes any free one.")
    var port = 8000

    @Option(help: "Second port that no fault closes, for /faults and /stats; 0 takes any free one.")
    var controlPort: Int?

    @Option(help: "Threads that serve connections.")
    var threads = 1

    @Option(help: "Name of the model.")
    var model = "simulated-model"

    @Option(help: "Path of the model in /model_info; by default made of --model.")
    var modelPath: String?

    @Option(help: "Context length in the model card; shown, not enforced.")
    var maxModelLen = 131_072

    @Option(help: "Key that requests must send as a Bearer token.")
    var apiKey: String?

    @Option(
        help: "Shape of the answer of /get_load: array as current SGLang, object as early SGLang.",
        transform: { text in
            guard let format = WorkerConfiguration.LoadFormat(rawValue: text) else {
                throw ValidationError("--load-format must be array or object, not '\(text)'.")
            }
            return format
        }
    )
    var loadFormat = WorkerConfiguration.LoadFormat.array

    @Flag(help: "Say nothing of --max-running-requests in /server_info, as engines other than SGLang.")
    var hideMaxRunningRequests = false

    @Option(help: "Close a connection that is idle for so many milliseconds; 0 means never.")
    var keepAliveMs = 0

    /// The flags as a configuration, without engine and faults.
    var configuration: WorkerConfiguration {
        var configuration = WorkerConfiguration()
        configuration.host = host
        configuration.port = port
        configuration.controlPort = controlPort
        configuration.threads = threads
        configuration.model = model
        configuration.modelPath = modelPath ?? "/models/\(model)"
        configuration.modelTokensMax = maxModelLen
        configuration.apiKey = apiKey
        configuration.loadFormat = loadFormat
        configuration.tellsRunningRequestsMax = !hideMaxRunningRequests
        configuration.keepAlive = .milliseconds(keepAliveMs)
        return configuration
    }

    func validate() throws {
        try require((0...65_535).contains(port), "--port must be from 0 to 65535, not \(port).")
        if let controlPort {
            try require(
                (0...65_535).contains(controlPort),
                "--control-port must be from 0 to 65535, not \(controlPort)."
            )
            let differs = controlPort == 0 || controlPort != port
            try require(differs, "--control-port must differ from --port.")
        }
        try require((1...256).contains(threads), "--threads must be from 1 to 256, not \(threads).")
        try require(!model.isEmpty, "--model must not be empty.")
        try require(maxModelLen > 0, "--max-model-len must be at least 1, not \(maxModelLen).")
        try require(keepAliveMs >= 0, "--keep-alive-ms must not be negative, not \(keepAliveMs).")
    }
}

/// Fails with a sentence that names the flag.
func require(_ condition: Bool, _ sentence: String) throws {
    if !condition { throw ValidationError(sentence) }
}
