import Hummingbird
import NIOCore

/// Reads the whole body before anything acts on the request: what turns out to be refused must not be done already.
struct BodyMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    /// How long a whole body may take; the idle limit alone would let a client send a byte a minute.
    static let timeLimitStandard = Duration.seconds(60)

    var timeLimit = BodyMiddleware.timeLimitStandard

    func handle(
        _ request: Request,
        context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var request = request
        let channel = context.channel
        let limit = Task {
            try await Task.sleep(for: timeLimit)
            channel.close(promise: nil)
        }
        do {
            defer { limit.cancel() }
            _ = try await request.collectBody(upTo: AdminContext.bodyBytesMax)
        } catch {
            return refusal(error)
        }
        return try await next(request, context)
    }

    /// The last answer of its connection, since where the next request begins is not known.
    private func refusal(_ error: any Error) -> Response {
        let broken = AdminError.badRequest("The request body cannot be read; check its length or its chunks.")
        var response = AdminAnswer.error(AdminError(error) ?? broken)
        response.headers[.connection] = "close"
        return response
    }
}
