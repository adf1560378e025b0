import ControlPlaneCore
import HTTPTypes
import Hummingbird
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// How requests reach an admin listener.
enum AdminTransport: Sendable {
    case tcp
    case unixSocket
}

/// Finds out who asks, for the audit trail, and gives every request an identifier, which the answer carries too.
struct OriginMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    let transport: AdminTransport

    func handle(
        _ request: Request,
        context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let requestID = identifier(of: request)
        var context = context
        context.origin = AuditOrigin(
            actor: .api,
            sourceAddress: await sourceAddress(of: request, context),
            requestID: requestID
        )
        var response = try await next(request, context)
        response.headers[.requestID] = requestID
        return response
    }

    /// The client's identifier when it is acceptable, else a new one.
    private func identifier(of request: Request) -> String {
        if let given = request.headers[.requestID], RequestIDText.isAcceptable(given) { return given }
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        return "req-" + String((0..<24).compactMap { _ in alphabet.randomElement() })
    }

    /// On the Unix socket a data plane of our own user may say for whom it asks; anybody else is named by user id.
    private func sourceAddress(of request: Request, _ context: AdminContext) async -> String? {
        switch transport {
        case .tcp: return context.channel.remoteAddress?.ipAddress
        case .unixSocket:
            guard let peer = try? await PeerCredentials.of(context.channel).get() else { return "unix" }
            if peer.userID == getuid(), let stated = request.headers[.signalboxSourceAddress],
                SourceAddressText.isAcceptable(stated)
            {
                return stated
            }
            return "unix:uid=\(peer.userID)"
        }
    }
}
