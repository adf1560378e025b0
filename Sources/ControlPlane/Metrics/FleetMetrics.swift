import ControlPlaneCore
import SignalboxProtocol
import Telemetry

/// Everything that `/metrics` shows, taken at one moment.
struct FleetMetrics {
    /// The sums of what all data planes have counted (``MetricsLayout``).
    var counts: FleetCounts
    var dataPlanes: [DataPlaneStatus]
    var workers: [Worker]
    var observed: [IncarnationID: ProbeState]
    var traffic: [DataPlaneTraffic]
    var version: SnapshotVersion?
    var observerSuspected: Bool
    var discovery = DiscoveryStatus.State()

    private var totals: [UInt64] { counts.cells }
    private static let bounds = MetricsLayout.boundsMilliseconds.map { Double($0) / 1000 }

    /// The page in the text format of Prometheus.
    func text() -> String {
        var page = PrometheusText()
        original(&page)
        requests(&page)
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
        page.family("sgl_router_requests_total", .counter, "Requests that have ended, by what they asked for.")
        for route in MetricsLayout.RequestRoute.allCases {
            page.sample("sgl_router_requests_total", [("route", route.label)], count(route))
        }
        page.family("sgl_router_request_errors_total", .counter, "Requests that were refused, failed or cut.")
        for route in MetricsLayout.RequestRoute.allCases {
            let errors = [.clientError, .serverError, .cut].reduce(UInt64(0)) { $0 &+ count(route, $1) }
            page.sample("sgl_router_request_errors_total", [("route", route.label)], errors)
        }
        page.family("sgl_router_retries_total", .counter, "Further attempts for requests.")
        for route in MetricsLayout.RequestRoute.allCases where route.isInference {
            page.sample("sgl_router_retries_total", [("route", route.label)], totals[MetricsLayout.retry(route)])
        }
        page.family(
            "sgl_router_request_duration_seconds",
            .histogram,
            "From the head of a request to the end of its answer."
        )
        for route in MetricsLayout.RequestRoute.allCases {
            histogram(
                &page,
                "sgl_router_request_duration_seconds",
                [("route", route.label)],
                MetricsLayout.duration(route)
            )
        }
        page.family("sgl_router_generate_duration_seconds", .histogram, "The same for all inference requests together.")
        let inference = MetricsLayout.RequestRoute.allCases.filter(\.isInference).map { MetricsLayout.duration($0) }
        histogram(&page, "sgl_router_generate_duration_seconds", [], inference)
        let decided = [
            ("sgl_router_cache_hits_total", "Picks of a worker that was thought to have enough of the prompt.", .prefix),
            ("sgl_router_cache_misses_total", "Picks for prompts of which no worker was thought to have enough.", .miss),
            ("sgl_router_load_balancing_events_total", "Picks by load because loads were too far apart.", .balance),
        ] as [(String, String, MetricsLayout.PickReason)]
        for (name, help, reason) in decided {
            page.family(name, .counter, help)
            page.sample(name, [], picks(reason))
        }
        let loads = workers.filter { $0.drain == nil }.map(inFlight)
        page.family("sgl_router_max_load", .gauge, "Requests in flight at the busiest worker.")
        page.sample("sgl_router_max_load", [], loads.max() ?? 0)
        page.family("sgl_router_min_load", .gauge, "Requests in flight at the least busy worker.")
        page.sample("sgl_router_min_load", [], loads.min() ?? 0)
        page.family("sgl_router_running_requests", .gauge, "Requests in flight at a worker.")
        for worker in workers {
            page.sample("sgl_router_running_requests", [("worker", worker.urlGiven)], inFlight(worker))
        }
        page.family("sgl_router_worker_load", .gauge, "Requests in flight at a worker.")
        for worker in workers { page.sample("sgl_router_worker_load", [("worker", worker.urlGiven)], inFlight(worker)) }
        page.family("sgl_router_processed_requests_total", .counter, "Requests that were sent to a worker, every attempt.")
        for worker in workers {
            let sent = counts.worker(worker.incarnation, .requests)
            page.sample("sgl_router_processed_requests_total", [("worker", worker.urlGiven)], sent)
        }
        page.family("sgl_router_worker_health", .gauge, "1 for a worker that is healthy.")
        for worker in workers {
            let isReady = WorkerView.state(of: worker, observed[worker.incarnation]) == "ready"
            page.sample("sgl_router_worker_health", [("worker", worker.urlGiven)], isReady ? 1 : 0)
        }
    }

    /// Picks of the policies that know what workers have, or weigh that against loads.
    private func picks(_ reason: MetricsLayout.PickReason) -> UInt64 {
        PolicyName.allCases.enumerated().reduce(UInt64(0)) { sum, policy in
            let isCounted = MetricsLayout.pickReasons(policy.element).contains(.miss)
            return isCounted ? sum &+ totals[MetricsLayout.pick(policy.offset, reason)] : sum
        }
    }

    // MARK: - Requests

    private func requests(_ page: inout PrometheusText) {
        page.family(
            "signalbox_requests_total",
            .counter,
            "Requests that have ended, by what they asked for and how they ended."
        )
        for route in MetricsLayout.RequestRoute.allCases {
            for outcome in MetricsLayout.RequestOutcome.allCases {
                page.sample(
                    "signalbox_requests_total",
                    [("route", route.label), ("outcome", outcome.label)],
                    count(route, outcome)
                )
            }
        }
        page.family(
            "signalbox_time_to_first_token_seconds",
            .histogram,
            "From the head of a request to the first content of its stream."
        )
        histogram(&page, "signalbox_time_to_first_token_seconds", [], MetricsLayout.firstToken)
        page.family("signalbox_inter_token_seconds", .histogram, "Between two pieces of content of a stream.")
        histogram(&page, "signalbox_inter_token_seconds", [], MetricsLayout.interToken)
        tokens(&page)
        page.family(
            "signalbox_queue_wait_seconds",
            .histogram,
            "How long requests that had to wait for a worker waited."
        )
        histogram(&page, "signalbox_queue_wait_seconds", [], MetricsLayout.queueWait)
        page.family("signalbox_picks_total", .counter, "Picks of a worker, by policy and by what decided them.")
        for (index, policy) in PolicyName.allCases.enumerated() {
            for reason in MetricsLayout.pickReasons(policy) {
                page.sample(
                    "signalbox_picks_total",
                    [("policy", policy.rawValue), ("reason", reason.label)],
                    totals[MetricsLayout.pick(index, reason)]
                )
            }
        }
        page.family(
            "signalbox_client_aborts_total",
            .counter,
            "Clients that left before their answer was whole, by when."
        )
        for phase in MetricsLayout.AbortPhase.allCases {
            page.sample(
                "signalbox_client_aborts_total",
                [("phase", phase.label)],
                totals[MetricsLayout.aborts + phase.rawValue]
            )
        }
        page.family("signalbox_client_connections_total", .counter, "Connections that clients opened.")
        page.sample("signalbox_client_connections_total", [], totals[MetricsLayout.connections])
    }

    private func tokens(_ page: inout PrometheusText) {
        page.family("signalbox_tokens_total", .counter, "Tokens, as the answers that tell their usage say.")
        for kind in [MetricsLayout.Tokens.prompt, .completion, .cached] {
            page.sample("signalbox_tokens_total", [("kind", kind.label)], token(kind))
        }
        page.family(
            "signalbox_predicted_cached_tokens_total",
            .counter,
            "Tokens of prompts that the policy thought to be in the cache of the worker that it picked."
        )
        page.sample("signalbox_predicted_cached_tokens_total", [], token(.predicted))
        page.family(
            "signalbox_predictable_cached_tokens_total",
            .counter,
            "Tokens that were in the cache, of the same requests."
        )
        page.sample("signalbox_predictable_cached_tokens_total", [], token(.predictable))
        page.family("signalbox_access_log_lines_lost_total", .counter, "Lines of the access log that were lost.")
        page.sample("signalbox_access_log_lines_lost_total", [], totals[MetricsLayout.accessLinesLost])
    }

    private func token(_ kind: MetricsLayout.Tokens) -> UInt64 { totals[MetricsLayout.tokens + kind.rawValue] }

    // MARK: - Data planes

    private func dataPlanes(_ page: inout PrometheusText) {
        gauge(&page, "signalbox_data_plane_connected", "1 while the data plane is connected to the control plane.") {
            $0.connected ? 1 : 0
        }
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
        gauge(&page, "signalbox_data_plane_draining", "1 while it takes no new connections.") { $0.draining ? 1 : 0 }
        gauge(&page, "signalbox_data_plane_peers", "Other data planes that it hears.") { $0.peers?.count ?? 0 }
        gauge(&page, "signalbox_data_plane_policies_degraded", "Policies that lack what they pick by.") { plane in
            (plane.policies ?? []).count { $0.state == .degraded }
        }
        page.family(
            "signalbox_data_plane_held_bytes",
            .gauge,
            "Bytes that it holds for its connections, by what they are."
        )
        for plane in dataPlanes {
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
        _ value: (DataPlaneStatus) -> Int
    ) {
        page.family(name, .gauge, help)
        for plane in dataPlanes { page.sample(name, [("data_plane", plane.id)], value(plane)) }
    }

    // MARK: - Workers

    private func workers(_ page: inout PrometheusText) {
        page.family("signalbox_workers", .gauge, "Workers by state.")
        let states = workers.map { WorkerView.state(of: $0, observed[$0.incarnation]) }
        for state in ["pending", "ready", "unhealthy", "draining"] {
            page.sample("signalbox_workers", [("state", state)], states.count { $0 == state })
        }
        page.family("signalbox_worker_failures_total", .counter, "Attempts that failed by the fault of a worker.")
        for worker in workers {
            let failed = counts.worker(worker.incarnation, .failures)
            page.sample("signalbox_worker_failures_total", [("worker", worker.urlGiven)], failed)
        }
        page.family("signalbox_worker_breakers_open", .gauge, "Data planes that send a worker nothing, or only trials.")
        for worker in workers {
            let open = traffic.count { plane in plane.breakers[worker.incarnation].map { $0.state != .closed } ?? false
            }
            page.sample("signalbox_worker_breakers_open", [("worker", worker.urlGiven)], open)
        }
    }

    private func inFlight(_ worker: Worker) -> Int {
        traffic.reduce(0) { $0 + ($1.inFlight(worker.incarnation) ?? 0) }
    }

    // MARK: - Cells

    private func count(_ route: MetricsLayout.RequestRoute, _ outcome: MetricsLayout.RequestOutcome) -> UInt64 {
        totals[MetricsLayout.request(route, outcome)]
    }

    private func count(_ route: MetricsLayout.RequestRoute) -> UInt64 {
        MetricsLayout.RequestOutcome.allCases.reduce(UInt64(0)) { $0 &+ count(route, $1) }
    }

    private func histogram(
        _ page: inout PrometheusText,
        _ name: String,
        _ labels: [(String, String)],
        _ first: Int
    ) {
        histogram(&page, name, labels, [first])
    }

    /// The sum of several histograms.
    private func histogram(
        _ page: inout PrometheusText,
        _ name: String,
        _ labels: [(String, String)],
        _ firsts: [Int]
    ) {
        var counts = [UInt64](repeating: 0, count: FleetMetrics.bounds.count + 1)
        var milliseconds: UInt64 = 0
        for first in firsts {
            for bucket in counts.indices { counts[bucket] &+= totals[first + bucket] }
            milliseconds &+= totals[first + counts.count]
        }
        page.histogram(name, labels, bounds: FleetMetrics.bounds, counts: counts, sum: Double(milliseconds) / 1000)
    }
}
