/// Everything that is settable about a simulated worker.
public struct WorkerConfiguration: Sendable {
    /// Shape of the answer of `/get_load`.
    public enum LoadFormat: String, Sendable, CaseIterable {
        /// `[{"dp_rank": 0, "num_reqs": 1, ...}]`, as current SGLang answers.
        case array
        /// `{"load": 1}`, as early SGLang answered.
        case object
    }

    /// Name or address to listen on.
    public var host = "127.0.0.1"
    /// Port to listen on; 0 takes any free one.
    public var port = 8000
    /// Port of a second listener that no fault closes, for `/faults` and `/stats`; nil means none, 0 any free one.
    public var controlPort: Int?
    /// Threads that serve connections; at least 1.
    public var threads = 1
    /// The name of the model in the model card.
    public var model = "simulated-model"
    /// The path of the model in `/model_info`.
    public var modelPath = "/models/simulated-model"
    /// The context length in the model card; it is shown, not enforced.
    public var modelTokensMax = 131_072
    /// When set, requests need `Authorization: Bearer KEY`, except for health, metrics, statistics and faults.
    public var apiKey: String?
    /// Shape of the answer of `/get_load`.
    public var loadFormat = LoadFormat.array
    /// Whether `/server_info` tells how many requests run at one time; other engines do not.
    public var tellsRunningRequestsMax = true
    /// Speed and size of the engine.
    public var engine = EngineConfiguration()
    /// Faults in force from the start.
    public var faults: [Fault] = []
    /// `/health` answers 503 for so long after the start; not changed by the engine's speedup.
    public var startUnhealthy: Duration = .zero
    /// An idle connection is closed after this; zero means never.
    public var keepAlive: Duration = .zero
    /// Largest body of a request that must be read as a whole, in bytes.
    public var requestBodyBytesMax = 64 << 20

    /// A worker with the standard settings: port 8000 of this host, real-time speed, no faults.
    public init() {}
}
