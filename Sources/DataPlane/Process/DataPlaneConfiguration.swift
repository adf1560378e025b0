public import DataPlaneCore
public import SignalboxProtocol

/// How one data plane process is run.
public struct DataPlaneConfiguration: Sendable {
    /// Its name among the data planes of one control plane.
    public var id: String
    /// The Unix socket on which the control plane publishes snapshots.
    public var controlSocketPath: String
    public var threads: Int
    public var engine: EngineConfiguration
    /// Where bodies that are too large to be held are kept, in files without a name.
    public var spoolDirectory: String
    /// A pipe whose end of file says that the supervisor is gone.
    public var lifeline: Int32?
    /// A pipe that gets a byte when the first snapshot is applied.
    public var readyDescriptor: Int32?
    /// Where the last good snapshot is kept, so that a start needs no control plane; nil: nowhere.
    public var snapshotCachePath: String?
    /// Folder of the metrics files of all data planes of the host; nil: nobody can read what is counted.
    public var metricsDirectory: String?
    /// Folder of the datagram sockets of all data planes of the host; nil: no other is told anything.
    public var peersDirectory: String?
    /// Data planes of other hosts; nil: none is told anything.
    public var remotePeers: RemotePeers?
    /// Folder of the socket on which operators ask; nil: none.
    public var operatorDirectory: String?
    /// Where what is counted is served; nil: nowhere, a control plane does it for the whole host.
    public var metricsListener: MetricsListener?
    /// The buckets of all histograms; those of the control plane that reads them must be the same.
    public var durationBuckets: DurationBuckets
    /// Which requests are logged; nil: none.
    public var accessLog: AccessLogConfiguration?
    /// Memory of the prefix index, in bytes.
    public var prefixIndexBytes: Int
    /// How long the data plane serves on after SIGTERM while it says that it is not ready, in seconds.
    public var shutdownDelaySeconds: Int
    /// How long requests may go on then, in seconds.
    public var shutdownGraceSeconds: Int

    /// Most threads of one data plane.
    public static let threadsMax = 256
    /// How long requests may go on once the supervisor is gone, in milliseconds (architecture section 10).
    static let orphanGraceMilliseconds = 4_000
    /// How long cutting what is still served may take, in milliseconds.
    static let cutMilliseconds = 1_000
    /// How long the process waits for its first snapshot before it takes connections without one.
    static let firstSnapshotMilliseconds = 3_000
    /// Workers that one data plane can count requests for, present and past ones that still have requests.
    static let workerSlotsMax = 131_072

    public init(
        id: String,
        controlSocketPath: String,
        threads: Int,
        engine: EngineConfiguration,
        spoolDirectory: String,
        lifeline: Int32?,
        readyDescriptor: Int32? = nil,
        snapshotCachePath: String? = nil,
        peersDirectory: String? = nil,
        remotePeers: RemotePeers? = nil,
        metricsDirectory: String? = nil,
        operatorDirectory: String? = nil,
        metricsListener: MetricsListener? = nil,
        durationBuckets: DurationBuckets = .standard,
        accessLog: AccessLogConfiguration? = nil,
        prefixIndexBytes: Int = 64 << 20,
        shutdownDelaySeconds: Int = 0,
        shutdownGraceSeconds: Int
    ) {
        self.id = id
        self.controlSocketPath = controlSocketPath
        self.threads = threads
        self.engine = engine
        self.spoolDirectory = spoolDirectory
        self.lifeline = lifeline
        self.readyDescriptor = readyDescriptor
        self.snapshotCachePath = snapshotCachePath
        self.peersDirectory = peersDirectory
        self.remotePeers = remotePeers
        self.metricsDirectory = metricsDirectory
        self.operatorDirectory = operatorDirectory
        self.metricsListener = metricsListener
        self.durationBuckets = durationBuckets
        self.accessLog = accessLog
        self.prefixIndexBytes = prefixIndexBytes
        self.shutdownDelaySeconds = shutdownDelaySeconds
        self.shutdownGraceSeconds = shutdownGraceSeconds
    }
}
