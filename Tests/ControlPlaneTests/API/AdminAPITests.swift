import ControlPlaneCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The admin API", .timeLimit(.minutes(1)))
struct AdminAPITests {
    private let test: TestPlane

    init() throws {
        test = try TestPlane(startupTimeoutSeconds: 1)
    }

    private func send(
        _ method: HTTPRequest.Method,
        _ target: String,
        headers: HTTPFields = [:],
        body: String? = nil
    ) async throws -> Answer {
        var fields = headers
        if let body { fields[.contentLength] = String(body.utf8.count) }
        let request = Request(
            head: HTTPRequest(
                method: method,
                scheme: "http",
                authority: "localhost",
                path: target,
                headerFields: fields
            ),
            body: RequestBody(buffer: ByteBuffer(string: body ?? ""))
        )
        let source = ApplicationRequestContextSource(
            channel: NIOAsyncTestingChannel(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let responder = test.plane.api.router(.tcp).buildResponder()
        let response = try await responder.respond(to: request, context: AdminContext(source: source))
        let content = Content()
        try await response.body.write(content)
        return Answer(status: response.status, headers: response.headers, body: content.buffer)
    }

    private struct Answer {
        var status: HTTPResponse.Status
        var headers: HTTPFields
        var body: ByteBuffer
    }

    /// Takes what a response writes.
    private final class Content: ResponseBodyWriter {
        var buffer = ByteBuffer()

        func write(_ part: ByteBuffer) { buffer.writeImmutableBuffer(part) }
        func finish(_ trailingHeaders: HTTPFields?) {}
    }

    private func text(_ response: Answer) -> String { String(buffer: response.body) }

    private func sequence() async throws -> UInt64 { try await test.store.version().sequence }

    @Test("adds, lists and removes with the original's statuses and texts")
    func original() async throws {
        test.beHealthy("http://h:1")
        let added = try await send(.post, "/add_worker?url=http://h:1")
        #expect(added.status == .ok)
        #expect(text(added) == "Successfully added worker: http://h:1")
        #expect(added.headers[.signalboxSequence] == "1")
        #expect(added.headers[.signalboxEpoch] == test.store.epoch.description)
        #expect(text(try await send(.get, "/list_workers")) == #"{"urls":["http://h:1"]}"#)
        let again = try await send(.post, "/add_worker?url=http://h:1")
        #expect(again.status == .badRequest)
        #expect(text(again) == "Worker http://h:1 already exists")
        let removed = try await send(.post, "/remove_worker?url=http://h:1/")
        #expect(removed.status == .ok)
        #expect(text(removed) == "Successfully removed worker: http://h:1/")
        #expect(text(try await send(.get, "/list_workers")) == #"{"urls":[]}"#)
    }

    @Test("answers the original's text when a worker does not become healthy in time")
    func timeout() async throws {
        let response = try await send(.post, "/add_worker?url=http://h:1")
        #expect(response.status == .badRequest)
        #expect(
            text(response)
                == "Timeout 1s waiting for worker http://h:1 to become healthy. Please set "
                + "--router-worker-startup-timeout-secs (sglang_router.launch_server) or "
                + "--worker-startup-timeout-secs (sglang_worker.router) to a larger value"
        )
        #expect(try await sequence() == 0)
    }

    @Test("answers at once with wait=false and knows the worker as pending")
    func withoutWait() async throws {
        let response = try await send(.post, "/add_worker?url=http://h:1&wait=false")
        #expect(response.status == .accepted)
        #expect(text(response).contains(#""status":"pending""#))
        #expect(text(try await send(.get, "/list_workers")) == #"{"urls":["http://h:1"]}"#)
    }

    @Test("answers wait=applied at once when no data plane is connected")
    func waitApplied() async throws {
        test.beHealthy("http://h:1")
        let response = try await send(.post, "/add_worker?url=http://h:1&wait=applied&timeout=1")
        #expect(response.status == .ok)
    }

    @Test(
        "refuses a bad URL with a sentence and changes nothing",
        arguments: [
            ("/add_worker", "Worker URL required. Provide 'url' query parameter"),
            ("/add_worker?url=", "Worker URL is empty; give one such as http://host:8000."),
            ("/add_worker?url=gpu7:8000", "Worker URL 'gpu7:8000' has no scheme; write http://gpu7:8000."),
            ("/add_worker?url=ftp://h", "Worker URL has the scheme 'ftp'; only http is supported."),
            ("/add_worker?url=http://u:p@h", "user name or password"),
            ("/add_worker?url=http://h%23f", "fragment"),
            ("/add_worker?url=http://h:0", "port '0'"),
            ("/add_worker?url=https://h", "TLS to workers is not supported yet"),
            ("/add_worker?url=http://a&url=http://b", "once"),
            ("/add_worker?url=http://a&wait=maybe", "'wait'"),
            ("/add_worker?url=http://a&wait=applied&timeout=x", "'timeout'"),
            ("/add_worker?url=%ff%fe", "character outside ASCII"),
        ]
    )
    func badURLs(target: String, sentence: String) async throws {
        let response = try await send(.post, target)
        #expect(response.status == .badRequest)
        #expect(text(response).contains(sentence), "\(text(response))")
        #expect(try await sequence() == 0)
    }

    @Test("refuses a URL of nine kilobytes")
    func longURL() async throws {
        let response = try await send(.post, "/add_worker?url=http://\(String(repeating: "a", count: 9000))")
        #expect(response.status == .badRequest)
        #expect(try await sequence() == 0)
    }

    @Test("removes an unknown worker without a word, and needs a URL", arguments: ["http://x:1", "no%20url", ""])
    func removeUnknown(url: String) async throws {
        #expect(try await send(.post, "/remove_worker?url=\(url)").status == .ok)
        let missing = try await send(.post, "/remove_worker")
        #expect(missing.status == .badRequest)
        #expect(missing.body.readableBytes == 0)
        #expect(try await sequence() == 0)
    }

    @Test("serves the /workers family by id and by URL")
    func workers() async throws {
        let added = try await send(.post, "/workers", body: #"{"url":"http://h:1","priority":7}"#)
        #expect(added.status == .accepted)
        let location = try #require(added.headers[.location])
        #expect(try await send(.get, location).status == .ok)
        let byURL = try await send(.get, "/workers/http%3A%2F%2Fh%3A1")
        #expect(text(byURL).contains(#""priority":7"#))
        #expect(text(byURL).contains(#""state":"pending""#))
        let changed = try await send(.put, location, body: #"{"priority":8}"#)
        #expect(changed.status == .accepted)
        #expect(changed.headers[.signalboxSequence] == "2")
        #expect(try await send(.delete, location).status == .accepted)
        let gone = try await send(.delete, location)
        #expect(gone.status == .notFound)
        #expect(text(gone).contains(#""code":"WORKER_NOT_FOUND""#))
    }

    @Test(
        "answers bad bodies of /workers with 4xx and changes nothing",
        arguments: [
            ("{}", 422), ("no", 400), ("", 400), ("[]", 422), (#"{"url":5}"#, 422), (#"{"url":"h:1"}"#, 400),
            (#"{"url":"http://h","bogus":1}"#, 422),
        ]
    )
    func badBodies(body: String, status: Int) async throws {
        let response = try await send(.post, "/workers", body: body)
        #expect(response.status.code == status)
        #expect(text(response).contains(#""error":""#))
        #expect(try await sequence() == 0)
    }

    @Test("answers 409 for a duplicate, 400 for a bad id and 404 for an unknown one")
    func workerErrors() async throws {
        _ = try await send(.post, "/workers", body: #"{"url":"http://h:1"}"#)
        let duplicate = try await send(.post, "/workers", body: #"{"url":"http://H:1/"}"#)
        #expect(duplicate.status == .conflict)
        #expect(text(duplicate).contains(#""code":"WORKER_ALREADY_EXISTS""#))
        #expect(try await send(.get, "/workers/abc").status == .badRequest)
        let unknown = try await send(.get, "/workers/00000000-0000-4000-8000-000000000000")
        let message = "Worker 00000000-0000-4000-8000-000000000000 not found"
        #expect(text(unknown) == #"{"code":"WORKER_NOT_FOUND","error":"\#(message)"}"#)
    }

    @Test("answers 413 for a body beyond the limit")
    func largeBody() async throws {
        let body = String(repeating: " ", count: AdminContext.bodyBytesMax + 1)
        #expect(try await send(.post, "/workers", body: body).status == .contentTooLarge)
    }

    @Test("names the policies that can be run when it refuses one")
    func policies() async throws {
        let set = try await send(.put, "/policies/default", body: #"{"name":"random"}"#)
        #expect(set.status == .ok)
        let unknown = try await send(.put, "/policies/default", body: #"{"name":"astrology"}"#)
        #expect(unknown.status == .badRequest)
        #expect(text(unknown).contains("choose one of round_robin, random, least_load"))
        let body = #"{"name":"cache_aware","parameters":{"cache_threshold":0.4}}"#
        let parameters = try await send(.put, "/policies/default", body: body)
        #expect(parameters.status == .ok && text(parameters).contains(#""cache_threshold":0.4"#))
        for (body, part) in [
            (#"{"name":"cache_aware","parameters":{"cache_threshold":2}}"#, "from 0 to 1"),
            (#"{"name":"random","parameters":{"cache_threshold":0.5}}"#, "it has none"),
            (#"{"name":"random","parameters":{"cache_threshold":"much"}}"#, "are numbers"),
        ] {
            let refused = try await send(.put, "/policies/default", body: body)
            #expect(refused.status == .unprocessableContent && text(refused).contains(part))
        }
        let model = try await send(.put, "/policies/models/org%2Fmodel", body: #"{"name":"round_robin"}"#)
        #expect(model.status == .ok)
        #expect(try test.store.snapshot().models.map(\.model) == ["org/model"])
        #expect(try await send(.delete, "/policies/models/org%2Fmodel").status == .ok)
        #expect(try await send(.delete, "/policies/models/org%2Fmodel").status == .notFound)
    }

    @Test(
        "changes settings within their bounds only",
        arguments: [
            (#"{"queue_timeout_milliseconds":5}"#, 200), (#"{"queue_timeout_milliseconds":-1}"#, 422),
            (#"{"queue_timeout_milliseconds":"5"}"#, 422), (#"{"half_close":"allow"}"#, 200),
            (#"{"half_close":1}"#, 422), (#"{"via":""}"#, 200), (#"{"no_such_setting":5}"#, 422), ("[]", 422),
        ]
    )
    func settings(body: String, status: Int) async throws {
        #expect(try await send(.patch, "/settings", body: body).status.code == status)
        #expect(try await sequence() == (status == 200 ? 1 : 0))
    }

    @Test("shows, changes and takes away what single models set differently")
    func modelSettings() async throws {
        let path = "/settings/models/org%2Fmodel"
        let set = try await send(.patch, path, body: #"{"first_byte_timeout_milliseconds":5}"#)
        #expect(set.status == .ok)
        #expect(
            text(set).hasPrefix(#"{"model":"org/model","settings":{"first_byte_timeout_milliseconds":5},"version""#)
        )
        let shown = text(try await send(.get, "/settings"))
        #expect(shown.hasPrefix(#"{"models":{"org/model":{"first_byte_timeout_milliseconds":5}},"settings":{"#))
        let head = try await send(.patch, path, body: #"{"head_timeout_milliseconds":5}"#)
        #expect(head.status == .unprocessableContent)
        #expect(text(head).contains("because it applies before the model of a request is known"))
        #expect(try await sequence() == 1)
        #expect(try await send(.delete, path).status == .ok)
        let again = try await send(.delete, path)
        #expect(again.status == .notFound)
        #expect(text(again).contains(#""code":"SETTINGS_NOT_FOUND""#))
        #expect(text(try await send(.get, "/settings")).hasPrefix(#"{"models":{},"settings":{"#))
    }

    @Test("asks all workers for their load and to flush, and names those that fail")
    func fanOut() async throws {
        for (url, isUp) in [("http://a:1", true), ("http://b:1", false)] {
            _ = try await send(.post, "/workers", body: #"{"url":"\#(url)","disable_health_check":true}"#)
            if isUp {
                test.http.answer("\(url)/get_load", body: #"[{"num_tokens":5}]"#)
                test.http.answer("\(url)/flush_cache")
            }
        }
        let loads = text(try await send(.get, "/get_loads"))
        #expect(loads == #"{"workers":[{"load":5,"worker":"http://a:1"},{"load":-1,"worker":"http://b:1"}]}"#)
        let flushed = try await send(.post, "/flush_cache")
        #expect(flushed.status == .partialContent)
        #expect(text(flushed).contains(#""status":"partial_success""#))
        #expect(text(flushed).contains(#""workers_flushed":1"#))
    }

    @Test("keeps an acceptable request id, replaces others, and returns it")
    func requestIDs() async throws {
        let kept = try await send(.post, "/workers", headers: [.requestID: "my-id"], body: #"{"url":"http://h:1"}"#)
        #expect(kept.headers[.requestID] == "my-id")
        #expect(try await test.store.audit(before: nil, limit: 1).first?.requestID == "my-id")
        let replaced = try await send(.get, "/version", headers: [.requestID: "bad id"])
        #expect(replaced.headers[.requestID]?.hasPrefix("req-") == true)
    }

    @Test("believes no stated source address on the TCP port")
    func statedAddress() async throws {
        _ = try await send(
            .post,
            "/workers",
            headers: [.signalboxSourceAddress: "10.0.0.7"],
            body: #"{"url":"http://h:1"}"#
        )
        #expect(try await test.store.audit(before: nil, limit: 1).first?.sourceAddress != "10.0.0.7")
    }

    @Test("answers unknown paths with 404 and wrong methods with 405 and Allow")
    func unknown() async throws {
        let path = try await send(.get, "/nowhere")
        #expect(path.status == .notFound)
        #expect(text(path).contains(#""code":"NOT_FOUND""#))
        let method = try await send(.delete, "/workers")
        #expect(method.status == .methodNotAllowed)
        #expect(method.headers[.allow] == "GET, POST")
    }

    @Test("shows the audit trail with bounds on what is asked for")
    func audit() async throws {
        _ = try await send(.post, "/workers", body: #"{"url":"http://h:1"}"#)
        #expect(text(try await send(.get, "/audit?limit=1")).contains(#""action":"worker.added""#))
        for query in ["limit=0", "limit=1001", "limit=x", "before=0", "limit=99999999999999999999"] {
            #expect(try await send(.get, "/audit?\(query)").status == .badRequest)
        }
    }

    @Test("shows published snapshots", arguments: ["abc", "-1", "99999999999999999999"])
    func snapshots(badSequence: String) async throws {
        let snapshot = try test.store.snapshot()
        try test.store.recordSnapshots([SnapshotNote(EncodedSnapshot(snapshot), of: snapshot)])
        #expect(try await send(.get, "/snapshots").status == .ok)
        #expect(text(try await send(.get, "/snapshots/0")).contains(#""document":{"#))
        #expect(try await send(.get, "/snapshots/1").status == .notFound)
        #expect(try await send(.get, "/snapshots/\(badSequence)").status == .badRequest)
    }

    @Test(
        "shows how it is",
        arguments: ["/health", "/liveness", "/readiness", "/version", "/data_planes", "/policies"]
    )
    func status(path: String) async throws {
        #expect(try await send(.get, path).status == .ok)
    }
}
