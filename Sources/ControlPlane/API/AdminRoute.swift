import HTTPTypes
import Hummingbird

/// One operation of the admin API.
struct AdminRoute: Sendable {
    typealias Handler = @Sendable (Request, AdminContext) async throws -> Response

    var method: HTTPRequest.Method
    /// As OpenAPI writes it, with `{name}` for parameters.
    var path: String
    var handler: Handler

    init(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        self.method = method
        self.path = path
        self.handler = handler
    }
}
