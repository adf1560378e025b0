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
        original(&page)
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

    // MARK: - The names of the original

    private func original(_ page: inout PrometheusText) {
        let active = workers.filter { WorkerView.state(of: $0, observed[$0.incarnation]) == "ready" }
        page.family("sgl_router_active_workers", .gauge, "Workers that may get requests.")
        page.sample("sgl_router_active_workers", [], active.count)
        let loads = active.map(inFlight)
        page.family("sgl_router_max_load", .gauge, "Requests in flight at the busiest of them.")
        page.sample("sgl_router_max_load", [], loads.max() ?? 0)
        page.family("sgl_router_min_load", .gauge, "Requests in flight at the least busy of them.")
        page.sample("sgl_router_min_load", [], loads.min() ?? 0)
        page.family("sgl_router_running_requests", .gauge, "Requests in flight at a worker.")
        for (url, workers) in byURL { page.sample("sgl_router_running_requests", [("worker", url)], inFlight(workers)) }
        page.family("sgl_router_worker_load", .gauge, "Requests in flight at a worker.")
        for (url, workers) in byURL { page.sample("sgl_router_worker_load", [("worker", url)], inFlight(workers)) }
        page.family(
            "sgl_router_processed_requests_total",
            .counter,
            "Requests that were sent to a worker, every attempt."
        )
        for (url, workers) in byURL {
            let sent = PolicyName.allCases.indices.reduce(counted(.questions, workers)) {
                $0 &+ counted(.picks($1), workers)
            }
            page.sample("sgl_router_processed_requests_total", [("worker", url)], sent)
        }
        page.family("sgl_router_policy_decisions_total", .counter, "Those that a policy sent to a worker, by policy.")
        for (url, workers) in byURL {
            for (number, policy) in PolicyName.allCases.enumerated() {
                let picks = counted(.picks(number), workers)
                // A worker has rarely met more than one policy.
                guard picks > 0 else { continue }
                let labels = [("policy", policy.rawValue), ("worker", url)]
                page.sample("sgl_router_policy_decisions_total", labels, picks)
            }
        }
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
        page.family("sgl_router_worker_health", .gauge, "1 for a worker that is healthy.")
        for (url, workers) in byURL {
            let isReady = workers.contains { WorkerView.state(of: $0, observed[$0.incarnation]) == "ready" }
            page.sample("sgl_router_worker_health", [("worker", url)], isReady ? 1 : 0)
        }
    }

    /// A URL that is registered anew while its former registration drains is one series.
    var byURL: [(url: String, workers: [Worker])] {
        let grouped = Dictionary(grouping: workers, by: \.urlGiven)
        var seen: Set<String> = []
        return workers.filter { seen.insert($0.urlGiven).inserted }.map { ($0.urlGiven, grouped[$0.urlGiven] ?? []) }
    }

    func inFlight(_ workers: [Worker]) -> Int { workers.reduce(0) { $0 + inFlight($1) } }

    func counted(_ cell: MetricsLayout.WorkerCell, _ workers: [Worker]) -> UInt64 {
        workers.reduce(UInt64(0)) { $0 &+ counts.worker($1.incarnation, cell) }
    }

    private func inFlight(_ worker: Worker) -> Int {
        traffic.reduce(0) { $0 + ($1.inFlight(worker.incarnation) ?? 0) }
    }
}
