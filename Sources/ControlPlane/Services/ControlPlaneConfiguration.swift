public import ControlPlaneCore
public import SignalboxProtocol
public import Telemetry

/// Everything that a control plane is told when it starts.
public struct ControlPlaneConfiguration: Sendable {
    /// Address and port of the admin API; port 0 takes a free one.
    public var adminHost: String
    public var adminPort: Int
    /// Address and port of the metrics; port 0: they are not served.
    public var prometheusHost: String
    public var prometheusPort: Int
    /// The buckets of all histograms, those of the data planes too.
    public var durationBuckets: DurationBuckets
    public var databasePath: String
    public var runtimePath: String
    /// nil: the flag was not given, so the workers are those of the database.
    public var workerURLs: [String]?
    /// nil: as stored.
    public var policy: PolicyName?
    /// Those that are missing have the policy's defaults when a policy is named, else are as stored.
    public var policyParameters: [PolicyParameter: Double]
    /// Those that are missing: as stored.
    public var settings: [RoutingSettings.CodingKeys: SettingValue]
    /// How long `add_worker` waits, in seconds.
    public var workerStartupTimeoutSeconds: Int
    public var probeSettings: ProbeSettings
    /// More than this share of the workers falling silent at once makes the observer suspect; 0: never.
    public var healthPanicPercent: Int
    /// Time between two questions to a worker about its load, in seconds.
    public var loadMonitorIntervalSeconds: Int
    /// True: workers count as ready without being probed.
    public var isHealthCheckDisabled: Bool
    /// Nil: no service discovery.
    public var discovery: DiscoverySettings?
    /// The keys of data planes on several hosts; nil: none.
    public var peerKeyFile: PeerKeyFile?
    /// Read end of a pipe whose end of file means that the supervisor died.
    public var lifelineDescriptor: Int32?
    /// Write end of a pipe on which a byte asks the supervisor for new data planes; nil without a supervisor.
    public var restartDescriptor: Int32?

    public init(
        adminHost: String = "127.0.0.1",
        adminPort: Int = 30001,
        prometheusHost: String = "127.0.0.1",
        prometheusPort: Int = 29000,
        durationBuckets: DurationBuckets = .standard,
        databasePath: String,
        runtimePath: String,
        workerURLs: [String]? = nil,
        policy: PolicyName? = nil,
        policyParameters: [PolicyParameter: Double] = [:],
        settings: [RoutingSettings.CodingKeys: SettingValue] = [:],
        workerStartupTimeoutSeconds: Int = 300,
        probeSettings: ProbeSettings = ProbeSettings(),
        healthPanicPercent: Int = 50,
        loadMonitorIntervalSeconds: Int = 1,
        isHealthCheckDisabled: Bool = false,
        discovery: DiscoverySettings? = nil,
        peerKeyFile: PeerKeyFile? = nil,
        lifelineDescriptor: Int32? = nil,
        restartDescriptor: Int32? = nil
    ) {
        self.adminHost = adminHost
        self.adminPort = adminPort
        self.prometheusHost = prometheusHost
        self.prometheusPort = prometheusPort
        self.durationBuckets = durationBuckets
        self.databasePath = databasePath
        self.runtimePath = runtimePath
        self.workerURLs = workerURLs
        self.policy = policy
        self.policyParameters = policyParameters
        self.settings = settings
        self.workerStartupTimeoutSeconds = workerStartupTimeoutSeconds
        self.probeSettings = probeSettings
        self.healthPanicPercent = healthPanicPercent
        self.loadMonitorIntervalSeconds = loadMonitorIntervalSeconds
        self.isHealthCheckDisabled = isHealthCheckDisabled
        self.discovery = discovery
        self.peerKeyFile = peerKeyFile
        self.lifelineDescriptor = lifelineDescriptor
        self.restartDescriptor = restartDescriptor
    }
}
