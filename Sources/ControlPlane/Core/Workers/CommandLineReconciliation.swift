import SignalboxProtocol

/// What must happen so that the workers of source `cli` are those that `--worker-urls` lists now.
///
/// Workers that are registered already stay as they are, with their incarnation; workers added through the API are
/// never touched.
public struct CommandLineReconciliation: Hashable, Sendable {
    /// In the order of the flag.
    public var added: [WorkerRegistration]
    public var removed: [Worker]

    public init(listed: [WorkerRegistration], registered: [Worker]) {
        let listedURLs = Set(listed.map(\.url))
        let active = registered.filter { $0.intent == .active }
        let registeredURLs = Set(active.map(\.url))
        var seen: Set<WorkerURL> = []
        added = listed.filter { !registeredURLs.contains($0.url) && seen.insert($0.url).inserted }
        removed = active.filter { $0.source == .cli && !listedURLs.contains($0.url) }
    }
}
