import HTTPTypes
import Hummingbird

/// Refuses changes that a web page asks for: browsers let any page send a POST to this machine, and say so in `Origin`
/// or `Sec-Fetch-Site`; no other client sends these fields.
struct WebPageMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")

    func handle(
        _ request: Request,
        context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard request.method == .get || request.method == .head || !isFromWebPage(request) else {
            throw AdminError(
                .forbidden,
                code: "CROSS_SITE_REQUEST",
                "A web page may not change the fleet; the request has the field 'Origin' or 'Sec-Fetch-Site'."
            )
        }
        return try await next(request, context)
    }

    private func isFromWebPage(_ request: Request) -> Bool {
        if request.headers[.origin] != nil { return true }
        guard let site = WebPageMiddleware.fetchSite.flatMap({ request.headers[$0] }) else { return false }
        return site != "none"
    }
}
