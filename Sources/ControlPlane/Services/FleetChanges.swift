/// Who is told when there is something new for the data planes. Both calls return at once.
struct FleetChanges: Sendable {
    /// A new version was committed.
    var versionCommitted: @Sendable () -> Void
    /// What is observed of the workers has changed.
    var healthChanged: @Sendable () -> Void
}
