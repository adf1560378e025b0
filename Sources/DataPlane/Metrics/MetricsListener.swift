import DataPlaneCore
import Glibc
import SignalboxProtocol
import Synchronization
import Telemetry

/// Serves what one data plane counts, for one that runs where no control plane does it; whatever the path.
public struct MetricsListener: Sendable {
    private let listener: Listener

    public init(host: String, port: UInt16) throws(ListenerError) {
        listener = try Listener(host: host, port: port, sharesPort: false)
    }

    /// Answers for as long as the process lives; to be called on a thread of its own.
    func run(id: String, _ counters: [ThreadCounters], _ buckets: DurationBuckets, _ shared: SharedState) -> Never {
        SerialServer(descriptor: listener.descriptor).run { head in
            guard head.starts(with: Array("GET ".utf8)) else {
                return MetricsListener.response("405 Method Not Allowed", "Use GET.\n", more: "Allow: GET\r\n")
            }
            return MetricsListener.response("200 OK", MetricsListener.page(id: id, counters, buckets, shared))
        }
    }

    private static func page(
        id: String,
        _ counters: [ThreadCounters],
        _ buckets: DurationBuckets,
        _ shared: SharedState
    ) -> String {
        var cells = [UInt64](repeating: 0, count: MetricsLayout.cellCount)
        for thread in counters {
            for cell in cells.indices { cells[cell] &+= thread.metrics[cell] }
        }
        var page = PrometheusText()
        CountedMetrics(cells: cells, buckets).write(&page)
        WorkerMetrics(shared.workerFigures(at: EpollReactor.clock())).write(&page)
        func gauge(_ name: String, _ help: String, _ value: (ThreadCounters) -> Int) {
            page.family(name, .gauge, help)
            page.sample(name, [("data_plane", id)], counters.reduce(0) { $0 + value($1) })
        }
        gauge("signalbox_data_plane_requests_in_flight", "Requests that are being served.") {
            $0.inFlight.load(ordering: .relaxed)
        }
        gauge("signalbox_data_plane_requests_waiting", "Requests that wait for a worker.") {
            $0.waiting.load(ordering: .relaxed)
        }
        gauge("signalbox_data_plane_client_connections", "Open client connections.") {
            $0.connections.load(ordering: .relaxed)
        }
        page.family(
            "signalbox_data_plane_control_plane_silent_seconds",
            .gauge,
            "How long the control plane has not been heard; 0 while it is."
        )
        let silent = shared.origin.silentMilliseconds(at: EpollReactor.clock()) ?? 0
        page.sample("signalbox_data_plane_control_plane_silent_seconds", [("data_plane", id)], Double(silent) / 1000)
        page.process(ProcessUsage.current())
        page.family("signalbox_build_info", .gauge, "The software that runs; always 1.")
        page.sample("signalbox_build_info", [("version", softwareVersion)], 1)
        return page.text
    }

    private static func response(_ status: String, _ body: String, more: String = "") -> [UInt8] {
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: \(PrometheusText.contentType)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "\(more)Connection: close\r\n\r\n"
        return Array((head + body).utf8)
    }
}
