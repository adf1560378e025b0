import ControlPlaneCore
import Hummingbird
import Logging

/// Turns errors of handlers into answers, and logs those that nobody expected.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    let logger: Logger

    func handle(
        _ request: Request,
        context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            if let expected = AdminError(error) { return AdminAnswer.error(expected) }
            logger.error(
                "A request of the admin API failed.",
                metadata: ["error": "\(error)", "request.id": "\(context.origin.requestID ?? "")"]
            )
            return AdminAnswer.error(
                AdminError(.internalServerError, code: "INTERNAL_ERROR", "The request failed; the log says why.")
            )
        }
    }
}
