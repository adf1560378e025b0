import SignalboxProtocol
import Telemetry

/// What data planes have said of themselves with their last heartbeats.
extension FleetMetrics {
    func dataPlanes(_ page: inout PrometheusText) {
        gauge(
            &page,
            "signalbox_data_plane_connected",
            "1 while the data plane is connected to the control plane.",
            includesLost: true
        ) { $0.connected ? 1 : 0 }
        gauge(&page, "signalbox_data_plane_requests_in_flight", "Requests that are being served.", \.inFlight)
        gauge(&page, "signalbox_data_plane_requests_waiting", "Requests that wait for a worker.") { $0.waiting ?? 0 }
        gauge(&page, "signalbox_data_plane_client_connections", "Open client connections.", \.connections)
        gauge(&page, "signalbox_data_plane_snapshot_sequence", "Sequence of the snapshot that all threads serve.") {
            $0.applied.map { Int(clamping: $0.sequence) } ?? 0
        }
        gauge(&page, "signalbox_data_plane_draining", "1 while it takes no new connections.", includesLost: true) {
            $0.draining ? 1 : 0
        }
        gauge(&page, "signalbox_data_plane_peers", "Other data planes that it hears.") { $0.peers?.count ?? 0 }
        page.family(
            "signalbox_data_plane_untold_placements_total",
            .counter,
            "Prompts that it routed and told no other data plane of, because there were too many at once."
        )
        for plane in dataPlanes where plane.connected {
            let labels = [("data_plane", plane.id)]
            page.sample("signalbox_data_plane_untold_placements_total", labels, plane.untoldPlacements ?? 0)
        }
        gauge(&page, "signalbox_data_plane_policies_degraded", "Policies that lack what they pick by.") { plane in
            (plane.policies ?? []).count { $0.state == .degraded }
        }
        snapshots(&page)
        held(&page)
        processes(&page)
    }

    private func snapshots(_ page: inout PrometheusText) {
        page.family(
            "signalbox_data_plane_info",
            .gauge,
            "The software of a data plane and the epoch of the snapshot that it serves; always 1."
        )
        for plane in dataPlanes {
            let epoch = plane.applied.map { "\($0.epoch)" } ?? ""
            let labels = [("data_plane", plane.id), ("version", plane.software), ("epoch", epoch)]
            page.sample("signalbox_data_plane_info", labels, 1)
        }
        page.family(
            "signalbox_data_plane_snapshot_lag_seconds",
            .gauge,
            "How long a newer version has been waiting to be applied."
        )
        for plane in dataPlanes {
            page.sample("signalbox_data_plane_snapshot_lag_seconds", [("data_plane", plane.id)], plane.lagSeconds)
        }
        page.family(
            "signalbox_data_plane_snapshot_age_seconds",
            .gauge,
            "How long ago the version that it serves was committed."
        )
        for plane in dataPlanes {
            guard let age = plane.snapshotAgeSeconds else { continue }
            page.sample("signalbox_data_plane_snapshot_age_seconds", [("data_plane", plane.id)], age)
        }
        page.family("signalbox_data_plane_nacks_total", .counter, "Snapshots that it refused.")
        for plane in dataPlanes {
            page.sample("signalbox_data_plane_nacks_total", [("data_plane", plane.id)], plane.nacks)
        }
    }

    private func held(_ page: inout PrometheusText) {
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
        page.family("signalbox_data_plane_budget_used_bytes", .gauge, "What is used of a budget of bytes.")
        budgets(&page, "signalbox_data_plane_budget_used_bytes") { held, _ in
            [held.inputBytes + held.bodyBytes + held.unsentBytes, held.spooledBytes, held.prefixIndexBytes ?? 0]
        }
        page.family("signalbox_data_plane_budget_limit_bytes", .gauge, "The budget.")
        budgets(&page, "signalbox_data_plane_budget_limit_bytes") { _, budgets in
            [budgets.bufferBytes, budgets.spoolBytes, budgets.prefixIndexBytes]
        }
        page.family(
            "signalbox_data_plane_upstream_connections",
            .gauge,
            "Open connections to workers and to the control plane, by whether a request has them."
        )
        for plane in dataPlanes where plane.connected {
            guard let held = plane.held else { continue }
            let busy = max(0, held.upstreamConnections - held.idleUpstreamConnections)
            for (state, count) in [("busy", busy), ("idle", held.idleUpstreamConnections)] {
                let labels = [("data_plane", plane.id), ("state", state)]
                page.sample("signalbox_data_plane_upstream_connections", labels, count)
            }
        }
    }

    private func budgets(
        _ page: inout PrometheusText,
        _ name: String,
        _ values: (HeldResources, ResourceBudgets) -> [Int]
    ) {
        for plane in dataPlanes where plane.connected {
            guard let held = plane.held, let budgets = plane.budgets else { continue }
            for (budget, bytes) in zip(["buffers", "spool", "prefix_index"], values(held, budgets)) {
                page.sample(name, [("data_plane", plane.id), ("budget", budget)], bytes)
            }
        }
    }

    private func processes(_ page: inout PrometheusText) {
        func figure(
            _ name: String,
            _ kind: PrometheusText.Kind,
            _ help: String,
            _ value: (ProcessUsage) -> Double
        ) {
            page.family("signalbox_data_plane_\(name)", kind, help)
            for plane in dataPlanes where plane.connected {
                guard let process = plane.process else { continue }
                page.sample("signalbox_data_plane_\(name)", [("data_plane", plane.id)], value(process))
            }
        }
        figure("open_descriptors", .gauge, "Open descriptors of its process.") { Double($0.openDescriptors) }
        figure("descriptors_limit", .gauge, "How many it may open.") { Double($0.descriptorsMax) }
        figure("resident_memory_bytes", .gauge, "Memory that its process has in use.") { Double($0.residentBytes) }
        figure("cpu_seconds_total", .counter, "Processor time that its process has used.") {
            Double($0.cpuMilliseconds) / 1000
        }
        figure("start_time_seconds", .gauge, "When its process began, in seconds since 1970.") {
            Double($0.startedAtMilliseconds) / 1000
        }
        figure("log_lines_lost_total", .counter, "Lines of its log that were lost.") { Double($0.logLinesLost ?? 0) }
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
}
