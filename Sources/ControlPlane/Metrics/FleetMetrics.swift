import ControlPlaneCore
import SignalboxProtocol
import Telemetry

/// Everything that `/metrics` shows, taken at one moment.
struct FleetMetrics {
    /// The sums of what all data planes have counted (``MetricsLayout``).
    var counts: FleetCounts
    var buckets: DurationBuckets
    var dataPlanes: [DataPlaneStatus]
    var workers: [Worker]
    var observed: [IncarnationID: ProbeState]
    var traffic: [DataPlaneTraffic]
    var version: SnapshotVersion?
    var observerSuspected: Bool
    var discovery = DiscoveryStatus.State()
    /// How many probes of each worker ended how.
    var probes: [IncarnationID: ProbeCounts] = [:]
    /// What the control plane's own process takes.
    var process = ProcessUsage()

    /// The page in the text format of Prometheus.
    func text() -> String {
        var page = PrometheusText()
        CountedMetrics(cells: counts.cells, buckets).write(&page)
        treeSizes(&page)
        dataPlanes(&page)
        workers(&page)
        pods(&page)
        page.process(process)
        page.family("signalbox_build_info", .gauge, "The software that runs; always 1.")
        page.sample("signalbox_build_info", [("version", softwareVersion)], 1)
        page.family("signalbox_snapshot_sequence", .gauge, "Sequence of the newest version of the fleet.")
        page.sample("signalbox_snapshot_sequence", [], version.map { Int(clamping: $0.sequence) } ?? 0)
        page.family(
            "signalbox_observer_suspected",
            .gauge,
            "1 while so many workers are silent at once that the observer is suspected, and they are routed to."
        )
        page.sample("signalbox_observer_suspected", [], observerSuspected ? 1 : 0)
        return page.text
    }

    private func treeSizes(_ page: inout PrometheusText) {
        page.family(
            "sgl_router_tree_size",
            .gauge,
            "Prompts that a worker is thought to have in its cache (cache_aware: characters, kv_cost: bytes)."
        )
        for (url, workers) in byURL {
            // What they tell one another would count twice in a sum.
            let bytes = traffic.map { plane in workers.reduce(0) { $0 + (plane.prefixBytes[$1.incarnation] ?? 0) } }
            page.sample("sgl_router_tree_size", [("worker", url)], bytes.max() ?? 0)
        }
    }

    /// A URL that is registered anew while its former registration drains is one series.
    var byURL: [(url: String, workers: [Worker])] {
        let grouped = Dictionary(grouping: workers, by: \.urlGiven)
        var seen: Set<String> = []
        return workers.filter { seen.insert($0.urlGiven).inserted }.map { ($0.urlGiven, grouped[$0.urlGiven] ?? []) }
    }
}
