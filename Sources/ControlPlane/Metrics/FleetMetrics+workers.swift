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
        WorkerMetrics(byURL.map(figures)).write(&page)
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

    private func figures(_ url: String, _ workers: [Worker]) -> WorkerMetrics.Figures {
        let limits = traffic.flatMap { plane in workers.compactMap { plane.learnedLimits[$0.incarnation] } }
        return WorkerMetrics.Figures(
            url: url,
            isReady: workers.contains { WorkerView.state(of: $0, observed[$0.incarnation]) == "ready" },
            inFlight: traffic.reduce(0) { sum, plane in
                workers.reduce(sum) { $0 + (plane.inFlight($1.incarnation) ?? 0) }
            },
            cells: workers.reduce(into: [UInt64](repeating: 0, count: MetricsLayout.WorkerCell.count)) { sums, worker in
                for (index, cell) in (counts.workers[worker.incarnation] ?? []).enumerated() { sums[index] &+= cell }
            },
            breakers: breakers(of: workers),
            learnedLimit: limits.min() ?? 0
        )
    }

    /// How many data planes have their breaker for any of these registrations in which state; the worst one counts.
    private func breakers(of workers: [Worker]) -> [BreakerState: Int] {
        traffic.reduce(into: [:]) { counts, plane in
            let states = workers.compactMap { plane.breakers[$0.incarnation]?.state }
            counts[BreakerState.worst(of: states), default: 0] += 1
        }
    }
}
