import Testing

@testable import DataPlaneCore

struct RouteTests {
    @Test(
        "Method and path decide where a request goes",
        arguments: [
            (HTTPMethod.post, "/generate", Route.inference(isJSON: false)),
            (.post, "/v1/chat/completions", .inference(isJSON: true)),
            (.post, "/v1/anything/else", .inference(isJSON: true)),
            (.post, "/rerank", .inference(isJSON: true)),
            (.get, "/v1/chat/completions", .methodNotAllowed(.post)),
            (.get, "/v1/models", .models),
            (.post, "/v1/models", .methodNotAllowed(.getAndHead)),
            (.get, "/health", .liveness), (.head, "/health", .liveness), (.get, "/liveness", .liveness),
            (.get, "/readiness", .readiness),
            (.get, "/get_server_info", .firstReadyWorker), (.get, "/health_generate", .firstReadyWorker),
            (.post, "/get_model_info", .methodNotAllowed(.get)),
            (.post, "/add_worker", .admin), (.get, "/workers/1", .admin), (.delete, "/workers", .admin),
            (.get, "//workers", .notFound), (.get, "/v1/", .notFound), (.get, "/", .notFound),
            (.get, "/workersx", .notFound), (.other, "/health", .methodNotAllowed(.getAndHead)),
        ]
    )
    func routes(method: HTTPMethod, path: String, expected: Route) {
        let bytes = Array(path.utf8)
        #expect(Route(method: method, path: 0..<bytes.count, of: bytes.span) == expected)
    }
}
