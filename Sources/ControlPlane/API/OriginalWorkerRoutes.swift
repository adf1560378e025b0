import ControlPlaneCore
import HTTPTypes
import Hummingbird
import Logging
import SignalboxProtocol

/// The worker operations of the original router, with its statuses and texts: `/add_worker`, `/remove_worker`,
/// `/list_workers`.
struct OriginalWorkerRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.post, "/add_worker", add),
            AdminRoute(.post, "/remove_worker", remove),
            AdminRoute(.get, "/list_workers", list),
        ]
    }

    private func add(_ request: Request, _ context: AdminContext) async throws -> Response {
        let query = request.query
        guard let text = query["url"] else {
            return AdminAnswer.text("Worker URL required. Provide 'url' query parameter", status: .badRequest)
        }
        do {
            let wait = try AdditionWait(query)
            guard query.count(of: "url") == 1 else {
                throw AdminError.badRequest("Give the query parameter 'url' once.")
            }
            let registration = try WorkerRegistration(url: text, source: .api)
            if case .none = wait {
                let added = try await services.workers.add(registration, origin: context.origin)
                return try accepted(added, laggards: nil)
            }
            let added = try await services.workers.addWhenHealthy(registration, origin: context.origin)
            if let laggards = await wait.laggards(added.version, services.publisher) {
                return try accepted(added, laggards: laggards)
            }
            return AdminAnswer.text("Successfully added worker: \(text)").showing(added.version)
        } catch {
            // The original answers every refusal with 400 and a plain text.
            guard let refusal = AdminError(error), refusal.status.code < 500 else { throw error }
            return AdminAnswer.text(refusal.message, status: .badRequest)
        }
    }

    private func remove(_ request: Request, _ context: AdminContext) async throws -> Response {
        let query = request.query
        guard let text = query["url"] else { return Response(status: .badRequest) }
        let wait: AdditionWait
        let time: DrainTime
        do {
            wait = try AdditionWait(query)
            time = try DrainTime(query)
        } catch let error as AdminError {
            return AdminAnswer.text(error.message, status: .badRequest)
        }
        let answer = AdminAnswer.text("Successfully removed worker: \(text)")
        do {
            let url = try WorkerURL(text)
            let removed = try await services.workers.remove(.url(url), time, origin: context.origin)
            if let laggards = await wait.laggards(removed.version, services.publisher) {
                return try accepted(removed, laggards: laggards)
            }
            return answer.showing(removed.version)
        } catch let error as WorkerURLError {
            // Not the text itself: there may be a password in it.
            services.logger.warning("A worker to be removed is unknown.", metadata: ["reason": "\(error)"])
        } catch StoreError.workerNotFound {
            let url = (try? WorkerURL(text)).map { "\($0)" } ?? ""
            services.logger.warning("A worker to be removed is unknown.", metadata: ["worker.url": "\(url)"])
        }
        return answer
    }

    private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let workers = try await services.store.workersWithVersion()
        let urls = workers.value.filter { $0.intent == .active }.map { JSONValue.string($0.urlGiven) }
        return try AdminAnswer.json(JSONValue.object(["urls": .array(urls)])).showing(workers.version)
    }

    /// The change is stored, but not everything that the caller may want has happened yet.
    private func accepted(_ change: Committed<Worker>, laggards: [String]?) throws -> Response {
        let observed = services.health.observed(change.value.incarnation)
        var fields: [String: JSONValue] = [
            "worker_id": .string(change.value.id.description),
            "url": .string(change.value.urlGiven),
            "status": .string(WorkerView.state(of: change.value, observed)),
            "version": .version(change.version),
        ]
        if let laggards { fields["laggards"] = .array(laggards.map(JSONValue.string)) }
        return try AdminAnswer.json(JSONValue.object(fields), status: .accepted).showing(change.version)
    }
}

/// What a caller of `/add_worker` or `/remove_worker` waits for.
enum AdditionWait: Sendable {
    /// `wait=false`: nothing but the transaction.
    case none
    /// The worker is healthy, and data planes that answer promptly have applied the version.
    case healthy
    /// Every connected data plane has applied the version too.
    case applied(timeout: Duration)

    /// How long an ordinary answer is held back for the data planes, so that the caller's next request finds the change.
    /// They need some 5 ms; one that is stopped delays no caller for longer than this.
    static let courtesy = Duration.milliseconds(250)

    /// Longest time to wait for data planes, in seconds.
    static let appliedSecondsMax = 300

    init(_ query: QueryString) throws {
        switch query["wait"] {
        case nil, "true": self = .healthy
        case "false": self = .none
        case "applied":
            let range = 0...AdditionWait.appliedSecondsMax
            self = .applied(timeout: .seconds(try query.integer("timeout", standard: 5, in: range)))
        case .some:
            throw AdminError.badRequest("The query parameter 'wait' must be true, false or applied.")
        }
    }

    /// The data planes that did not apply the version in time; nil when all did or nobody asked.
    func laggards(_ version: SnapshotVersion, _ publisher: DataPlanesPublisher) async -> [String]? {
        switch self {
        case .none: return nil
        case .healthy:
            _ = await publisher.waitUntilApplied(version, timeout: AdditionWait.courtesy)
            return nil
        case .applied(let timeout):
            let laggards = await publisher.waitUntilApplied(version, timeout: timeout)
            return laggards.isEmpty ? nil : laggards
        }
    }
}
