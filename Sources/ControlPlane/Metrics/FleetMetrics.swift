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

    /// The page in the text format of Prometheus.
    func text() -> String {
        var page = PrometheusText()
        CountedMetrics(cells: counts.cells, buckets).write(&page)
        original(&page)
        dataPlanes(&page)
        workers(&page)
        pods(&page)
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
        let active = workers.count { WorkerView.state(of: $0, observed[$0.incarnation]) == "ready" }
        page.family("sgl_router_active_workers", .gauge, "Workers that may get requests.")
        page.sample("sgl_router_active_workers", [], active)
        let loads = workers.filter { $0.drain == nil }.map(inFlight)
        page.family("sgl_router_max_load", .gauge, "Requests in flight at the busiest worker.")
        page.sample("sgl_router_max_load", [], loads.max() ?? 0)
        page.family("sgl_router_min_load", .gauge, "Requests in flight at the least busy worker.")
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
            page.sample("sgl_router_processed_requests_total", [("worker", url)], counted(.requests, workers))
        }
        page.family("sgl_router_worker_health", .gauge, "1 for a worker that is healthy.")
        for (url, workers) in byURL {
            let isReady = workers.contains { WorkerView.state(of: $0, observed[$0.incarnation]) == "ready" }
            page.sample("sgl_router_worker_health", [("worker", url)], isReady ? 1 : 0)
        }
    }

    // MARK: - Data planes

    private func dataPlanes(_ page: inout PrometheusText) {
        gauge(
            &page,
            "signalbox_data_plane_connected",
            "1 while the data plane is connected to the control plane.",
            includesLost: true
        ) { $0.connected ? 1 : 0 }
        gauge(&page, "signalbox_data_plane_requests_in_flight", "Requests that are being served.", \.inFlight)
        gauge(&page, "signalbox_data_plane_client_connections", "Open client connections.", \.connections)
        gauge(&page, "signalbox_data_plane_snapshot_sequence", "Sequence of the snapshot that all threads serve.") {
            $0.applied.map { Int(clamping: $0.sequence) } ?? 0
        }
        page.family(
            "signalbox_data_plane_snapshot_lag_seconds",
            .gauge,
            "How long a newer version has been waiting to be applied."
        )
        for plane in dataPlanes {
            page.sample("signalbox_data_plane_snapshot_lag_seconds", [("data_plane", plane.id)], plane.lagSeconds)
        }
        gauge(&page, "signalbox_data_plane_draining", "1 while it takes no new connections.", includesLost: true) {
            $0.draining ? 1 : 0
        }
        gauge(&page, "signalbox_data_plane_peers", "Other data planes that it hears.") { $0.peers?.count ?? 0 }
        gauge(&page, "signalbox_data_plane_policies_degraded", "Policies that lack what they pick by.") { plane in
            (plane.policies ?? []).count { $0.state == .degraded }
        }
        page.family(
            "signalbox_data_plane_held_bytes",
            .gauge,
            "Bytes that it holds for its connections, by what they are."
        )
        for plane in dataPlanes where plane.connected {
            guard let held = plane.held else { continue }
            let kinds = [
                ("input", held.inputBytes), ("bodies", held.bodyBytes), ("unsent", held.unsentBytes),
                ("spooled", held.spooledBytes),
            ]
            for (kind, bytes) in kinds {
                page.sample("signalbox_data_plane_held_bytes", [("data_plane", plane.id), ("kind", kind)], bytes)
            }
        }
    }

    private func gauge(
        _ page: inout PrometheusText,
        _ name: String,
        _ help: String,
        includesLost: Bool = false,
        _ value: (DataPlaneStatus) -> Int
    ) {
        page.family(name, .gauge, help)
        for plane in dataPlanes where includesLost || plane.connected {
            page.sample(name, [("data_plane", plane.id)], value(plane))
        }
    }

    // MARK: - Workers

    private func workers(_ page: inout PrometheusText) {
        page.family("signalbox_workers", .gauge, "Workers by state.")
        let states = workers.map { WorkerView.state(of: $0, observed[$0.incarnation]) }
        for state in ["pending", "ready", "unhealthy", "draining"] {
            page.sample("signalbox_workers", [("state", state)], states.count { $0 == state })
        }
        page.family("signalbox_worker_failures_total", .counter, "Attempts that failed by the fault of a worker.")
        for (url, workers) in byURL {
            page.sample("signalbox_worker_failures_total", [("worker", url)], counted(.failures, workers))
        }
        page.family("signalbox_worker_breakers_open", .gauge, "Data planes that send a worker nothing, or only trials.")
        for (url, workers) in byURL {
            let incarnations = workers.map(\.incarnation)
            let open = traffic.count { plane in
                incarnations.contains { plane.breakers[$0].map { $0.state != .closed } ?? false }
            }
            page.sample("signalbox_worker_breakers_open", [("worker", url)], open)
        }
    }

    /// A URL that is registered anew while its former registration drains is one series.
    private var byURL: [(url: String, workers: [Worker])] {
        let grouped = Dictionary(grouping: workers, by: \.urlGiven)
        var seen: Set<String> = []
        return workers.filter { seen.insert($0.urlGiven).inserted }.map { ($0.urlGiven, grouped[$0.urlGiven] ?? []) }
    }

    private func inFlight(_ workers: [Worker]) -> Int { workers.reduce(0) { $0 + inFlight($1) } }

    private func counted(_ cell: MetricsLayout.WorkerCell, _ workers: [Worker]) -> UInt64 {
        workers.reduce(UInt64(0)) { $0 &+ counts.worker($1.incarnation, cell) }
    }

    private func inFlight(_ worker: Worker) -> Int {
        traffic.reduce(0) { $0 + ($1.inFlight(worker.incarnation) ?? 0) }
    }
}
