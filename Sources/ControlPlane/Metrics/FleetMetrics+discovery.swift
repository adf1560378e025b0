import ControlPlaneCore
import SignalboxProtocol
import Telemetry

extension FleetMetrics {
    /// What service discovery sees; without it there are no such series.
    func pods(_ page: inout PrometheusText) {
        guard discovery.isEnabled else { return }
        page.family("signalbox_discovery_pods", .gauge, "Pods that the selectors select, by what they are.")
        let states = (discovery.discovery?.views ?? []).map(\.state)
        for state in PodDiscovery.State.allCases {
            page.sample("signalbox_discovery_pods", [("state", state.rawValue)], states.count { $0 == state })
        }
        page.family("signalbox_discovery_up", .gauge, "1 while the watch of a selector works.")
        watches(&page, "signalbox_discovery_up") { $0.phase == .failing || $0.lastList == nil ? 0 : 1 }
        page.family(
            "signalbox_discovery_last_list_timestamp_seconds",
            .gauge,
            "When all pods of a selector were last listed, in seconds since 1970; 0: never."
        )
        watches(&page, "signalbox_discovery_last_list_timestamp_seconds") { Int(($0.lastList ?? 0) / 1000) }
        page.family(
            "signalbox_discovery_last_event_timestamp_seconds",
            .gauge,
            "When a watch last told something, in seconds since 1970; 0: never."
        )
        watches(&page, "signalbox_discovery_last_event_timestamp_seconds") { Int(($0.lastEvent ?? 0) / 1000) }
        page.family("signalbox_discovery_watch_restarts_total", .counter, "Watches that ended and were begun anew.")
        watches(&page, "signalbox_discovery_watch_restarts_total", \.restarts)
        page.family("signalbox_discovery_errors_total", .counter, "Lists and watches that failed.")
        watches(&page, "signalbox_discovery_errors_total", \.errors)
        page.family(
            "signalbox_discovery_unreadable_objects_total",
            .counter,
            "Objects and events of the API server that could not be read."
        )
        page.sample("signalbox_discovery_unreadable_objects_total", [], discovery.unreadable)
        page.family("sgl_router_discovery_updates_total", .counter, "Times that discovery added or removed workers.")
        page.sample("sgl_router_discovery_updates_total", [], discovery.updates)
        page.family("sgl_router_discovery_workers_added", .gauge, "Workers that its last update added.")
        page.sample("sgl_router_discovery_workers_added", [], discovery.lastAdded)
        page.family("sgl_router_discovery_workers_removed", .gauge, "Workers that its last update removed.")
        page.sample("sgl_router_discovery_workers_removed", [], discovery.lastRemoved)
        page.family(
            "signalbox_discovery_waiting_bytes",
            .gauge,
            "About how much memory the events of pods take that nobody has looked at yet."
        )
        page.sample("signalbox_discovery_waiting_bytes", [], discovery.waitingBytes)
    }

    private func watches(
        _ page: inout PrometheusText,
        _ name: String,
        _ value: (DiscoveryStatus.Watch) -> Int
    ) {
        for watch in discovery.watches { page.sample(name, [("role", watch.role.rawValue)], value(watch)) }
    }
}
