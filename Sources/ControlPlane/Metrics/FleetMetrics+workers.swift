import ControlPlaneCore
import SignalboxProtocol
import Telemetry

/// What is known of workers, by the URLs that they were given; the series of a removed one are gone.
extension FleetMetrics {
    func workers(_ page: inout PrometheusText) {
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
        page.family("signalbox_worker_breakers", .gauge, "Data planes by the state of their breaker for a worker.")
        for (url, workers) in byURL {
            for (state, count) in breakers(of: workers) {
                page.sample("signalbox_worker_breakers", [("worker", url), ("state", state.rawValue)], count)
            }
        }
        page.family(
            "signalbox_worker_learned_limit",
            .gauge,
            "The least of the limits that data planes have learned for a worker that says none; 0: no limit."
        )
        for (url, workers) in byURL {
            let limits = traffic.flatMap { plane in workers.compactMap { plane.learnedLimits[$0.incarnation] } }
            page.sample("signalbox_worker_learned_limit", [("worker", url)], limits.min() ?? 0)
        }
        page.family("signalbox_probes_total", .counter, "Probes of a worker, by how they ended.")
        for (url, workers) in byURL {
            let counts = workers.reduce(ProbeCounts()) { $0 + (probes[$1.incarnation] ?? ProbeCounts()) }
            for (result, count) in [
                ("success", counts.successes), ("failure", counts.failures), ("silence", counts.silences),
            ] {
                page.sample("signalbox_probes_total", [("worker", url), ("result", result)], count)
            }
        }
    }

    /// How many data planes have their breaker for any of these registrations in which state; the worst one counts.
    private func breakers(of workers: [Worker]) -> [(state: BreakerState, count: Int)] {
        let states = traffic.map { plane in
            let states = workers.compactMap { plane.breakers[$0.incarnation]?.state }
            return [BreakerState.open, .halfOpen].first { states.contains($0) } ?? .closed
        }
        return BreakerState.allCases.map { state in (state, states.count { $0 == state }) }
    }
}
