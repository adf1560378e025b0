public import SignalboxProtocol

/// What a transaction left behind and the version that shows it.
public struct Committed<Value: Sendable>: Sendable {
    public var value: Value
    public var version: SnapshotVersion
    /// False: everything was as wanted already, so no version was made.
    public var isChange: Bool

    public init(_ value: Value, version: SnapshotVersion, isChange: Bool = true) {
        self.value = value
        self.version = version
        self.isChange = isChange
    }
}
