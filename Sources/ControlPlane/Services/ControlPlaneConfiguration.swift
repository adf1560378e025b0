public import ControlPlaneCore
public import SignalboxProtocol

/// Everything that a control plane is told when it starts.
public struct ControlPlaneConfiguration: Sendable {
    /// Address and port of the admin API; port 0 takes a free one.
    public var adminHost: String
    public var adminPort: Int
    public var databasePath: String
    public var runtimePath: String
    /// nil: the flag was not given, so the workers are those of the database.
    public var workerURLs: [String]?
    /// nil: as stored.
    public var policy: PolicyName?
    /// Those that are missing: as stored.
    public var settings: [RoutingSettings.CodingKeys: SettingValue]
    /// How long `add_worker` waits, in seconds.
    public var workerStartupTimeoutSeconds: Int
    public var probeSettings: ProbeSettings
    /// True: workers count as ready without being probed.
    public var isHealthCheckDisabled: Bool
    /// Read end of a pipe whose end of file means that the supervisor died.
    public var lifelineDescriptor: Int32?

    public init(
        adminHost: String = "127.0.0.1",
        adminPort: Int = 30001,
        databasePath: String,
        runtimePath: String,
        workerURLs: [String]? = nil,
        policy: PolicyName? = nil,
        settings: [RoutingSettings.CodingKeys: SettingValue] = [:],
        workerStartupTimeoutSeconds: Int = 300,
        probeSettings: ProbeSettings = ProbeSettings(),
        isHealthCheckDisabled: Bool = false,
        lifelineDescriptor: Int32? = nil
    ) {
        self.adminHost = adminHost
        self.adminPort = adminPort
        self.databasePath = databasePath
        self.runtimePath = runtimePath
        self.workerURLs = workerURLs
        self.policy = policy
        self.settings = settings
        self.workerStartupTimeoutSeconds = workerStartupTimeoutSeconds
        self.probeSettings = probeSettings
        self.isHealthCheckDisabled = isHealthCheckDisabled
        self.lifelineDescriptor = lifelineDescriptor
    }
}
