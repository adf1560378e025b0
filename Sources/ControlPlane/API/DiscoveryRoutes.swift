import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol
import Telemetry

/// Shows what service discovery sees, and why each pod is or is not a worker.
struct DiscoveryRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [AdminRoute(.get, "/discovery", show)]
    }

    private func show(_ request: Request, _ context: AdminContext) async throws -> Response {
        let status = services.discovery.current
        let pods = (status.discovery?.views ?? []).map { view in
            json(view, status.registrations[view.reference.uid]?.id)
        }
        return try AdminAnswer.json(
            JSONValue.object([
                "enabled": .boolean(status.isEnabled),
                "namespace": .string(orNull: status.namespace),
                "watches": .array(status.watches.map(json)),
                "pods": .array(pods),
                "pods_left_out": .integer(status.discovery?.leftOut ?? 0),
                "unreadable_objects": .integer(status.unreadable),
            ])
        )
    }

    private func json(_ watch: DiscoveryStatus.Watch) -> JSONValue {
        .object([
            "role": .string(watch.role.rawValue),
            "selector": .string(watch.selector),
            "state": .string(watch.phase.rawValue),
            "last_list": time(watch.lastList),
            "last_event": time(watch.lastEvent),
            "restarts": .integer(watch.restarts),
            "errors": .integer(watch.errors),
            "failure": .string(orNull: watch.failure),
            "failed_at": time(watch.failedAt),
        ])
    }

    private func json(_ view: PodDiscovery.View, _ id: WorkerID?) -> JSONValue {
        .object([
            "namespace": .string(view.reference.namespace),
            "name": .string(view.reference.name),
            "uid": .string(view.reference.uid),
            "phase": .string(orNull: view.pod?.phase),
            "ready": view.pod.map { .boolean($0.isReady) } ?? .null,
            "terminating": view.pod.map { .boolean($0.isTerminating) } ?? .null,
            "address": .string(orNull: view.pod?.address),
            "state": .string(view.state.rawValue),
            "reason": .string(orNull: view.reason),
            "url": .string(orNull: view.worker?.url.description),
            "role": .string(orNull: view.worker?.role.rawValue),
            "worker_id": .string(orNull: view.worker == nil ? nil : id?.description),
        ])
    }

    private func time(_ milliseconds: Int64?) -> JSONValue {
        .string(orNull: milliseconds.map(Timestamp.text(millisecondsSinceEpoch:)))
    }
}
