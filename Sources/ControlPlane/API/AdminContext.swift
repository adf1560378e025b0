import ControlPlaneCore
import Hummingbird
import Logging
import NIOCore

/// What the admin API knows of a request besides the request itself.
struct AdminContext: RequestContext {
    /// Largest accepted request body in bytes; the largest useful one has a few kilobytes.
    static let bodyBytesMax = 1024 * 1024

    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// On whose behalf changes are made; ``OriginMiddleware`` fills it in.
    var origin = AuditOrigin(actor: .api)

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    var maxUploadSize: Int { AdminContext.bodyBytesMax }
}
