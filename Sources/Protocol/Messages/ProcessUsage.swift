/// What a process takes of its host at one moment.
public struct ProcessUsage: Hashable, Sendable, Codable {
    public var openDescriptors: Int
    /// How many descriptors it may open.
    public var descriptorsMax: Int
    /// Memory that is in use, in bytes.
    public var residentBytes: Int
    /// Time of all processors since it began, in milliseconds.
    public var cpuMilliseconds: Int
    /// When it began, in milliseconds since 1970.
    public var startedAtMilliseconds: Int
    /// Lines of its log that were lost since then, counted once for each place that did not take them; nil: it does not say.
    public var logLinesLost: Int?

    public init(
        openDescriptors: Int = 0,
        descriptorsMax: Int = 0,
        residentBytes: Int = 0,
        cpuMilliseconds: Int = 0,
        startedAtMilliseconds: Int = 0,
        logLinesLost: Int? = nil
    ) {
        self.openDescriptors = openDescriptors
        self.descriptorsMax = descriptorsMax
        self.residentBytes = residentBytes
        self.cpuMilliseconds = cpuMilliseconds
        self.startedAtMilliseconds = startedAtMilliseconds
        self.logLinesLost = logLinesLost
    }

    enum CodingKeys: String, CodingKey {
        case openDescriptors = "open_descriptors"
        case descriptorsMax = "descriptors_max"
        case residentBytes = "resident_bytes"
        case cpuMilliseconds = "cpu_milliseconds"
        case startedAtMilliseconds = "started_at_milliseconds"
        case logLinesLost = "log_lines_lost"
    }
}
