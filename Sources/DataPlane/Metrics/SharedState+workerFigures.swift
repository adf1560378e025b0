import DataPlaneCore
import SignalboxProtocol
import Telemetry

extension SharedState {
    /// What this data plane knows of its workers. A URL that is registered anew while its former registration drains is one
    /// series.
    func workerFigures(at now: MonotonicTime) -> [WorkerMetrics.Figures] {
        let workers = workers
        let reports = breakers.reports(at: now)
        let byURL = Dictionary(grouping: workers, by: \.endpoint.url)
        var seen: Set<String> = []
        return workers.map(\.endpoint.url).filter { seen.insert($0).inserted }.map { url in
            figures(url, byURL[url] ?? [], reports)
        }
    }

    private func figures(
        _ url: String,
        _ workers: [RoutedWorker],
        _ reports: [Int: BreakerReport]
    ) -> WorkerMetrics.Figures {
        let worst = BreakerState.worst(of: workers.compactMap { reports[$0.lease.slot]?.state })
        var cells = [UInt64](repeating: 0, count: MetricsLayout.WorkerCell.count)
        for worker in workers {
            for (index, count) in counted(of: worker).enumerated() { cells[index] &+= count }
        }
        return WorkerMetrics.Figures(
            url: url,
            isReady: workers.contains { $0.availability == .ready },
            inFlight: workers.reduce(0) { $0 + loads.inFlight(slot: $1.lease.slot) },
            cells: cells,
            breakers: [worst: 1],
            learnedLimit: workers.map(learnedLimit).filter { $0 > 0 }.min() ?? 0
        )
    }
}
