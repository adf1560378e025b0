import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol

/// Shows what was changed by whom, and what was published.
struct HistoryRoutes: Sendable {
    let services: AdminServices

    /// Most entries in one answer.
    static let entriesMax = 1000

    var routes: [AdminRoute] {
        [
            AdminRoute(.get, "/audit", audit),
            AdminRoute(.get, "/snapshots", snapshots),
            AdminRoute(.get, "/snapshots/{sequence}", snapshot),
        ]
    }

    private func audit(_ request: Request, _ context: AdminContext) async throws -> Response {
        let query = request.query
        let limit = try limit(query)
        let before = query["before"] == nil ? nil : try query.integer("before", standard: 0, in: 1...Int.max)
        let entries = try await services.store.audit(before: before.map(Int64.init), limit: limit)
        let body: JSONValue = .object([
            "audit": .array(entries.map(json)),
            "next_before": entries.count == limit ? .integer(orNull: entries.last.map { Int($0.id) }) : .null,
        ])
        return try AdminAnswer.json(body)
    }

    private func snapshots(_ request: Request, _ context: AdminContext) async throws -> Response {
        let records = try await services.store.snapshotRecords(limit: try limit(request.query))
        return try AdminAnswer.json(JSONValue.object(["snapshots": .array(records.map { .object(fields($0)) })]))
    }

    private func snapshot(_ request: Request, _ context: AdminContext) async throws -> Response {
        let text = try context.pathParameter("sequence")
        guard let sequence = UInt64(text) else {
            throw AdminError.badRequest("The sequence '\(text.prefix(64))' is no whole number.")
        }
        guard let record = try await services.store.snapshotRecord(sequence: sequence) else {
            throw AdminError(
                .notFound,
                code: "SNAPSHOT_NOT_FOUND",
                "No snapshot of sequence \(sequence) was published."
            )
        }
        // The document goes out as it was published, so that its digest can be checked.
        let head = try JSONText.text(JSONValue.object(fields(record)))
        return AdminAnswer.json(text: "\(head.dropLast()),\"document\":\(record.document ?? "null")}")
    }

    private func limit(_ query: QueryString) throws -> Int {
        try query.integer("limit", standard: 100, in: 1...HistoryRoutes.entriesMax)
    }

    private func json(_ entry: AuditEntry) -> JSONValue {
        .object([
            "id": .integer(Int(entry.id)),
            "time": .string(entry.time),
            "actor": .string(entry.actor),
            "source_address": .string(orNull: entry.sourceAddress),
            "request_id": .string(orNull: entry.requestID),
            "action": .string(entry.action),
            "subject": .string(entry.subject),
            "before": entry.before ?? .null,
            "after": entry.after ?? .null,
            "version": .version(entry.version),
        ])
    }

    private func fields(_ record: SnapshotRecord) -> [String: JSONValue] {
        [
            "version": .version(record.version),
            "published_at": .string(record.publishedAt),
            "digest": .string(record.digest),
            "bytes": .integer(record.bytes),
            "workers": .integer(record.workers),
        ]
    }
}
