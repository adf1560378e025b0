internal import Foundation
internal import SignalboxProtocol
internal import Telemetry

/// The control plane's HTTP client: libcurl's multi interface on one thread of its own, for any number of callers.
///
/// Requests beyond the number that may run at a time wait their turn; their timeouts count from when they begin.
/// Redirects, proxies and protocols other than http and https are never used.
public final class CurlClient: OutboundHTTP {
    private let inbox: CurlInbox

    /// - Parameter runningMax: how many transfers run at a time; each may hold one descriptor.
    public init(runningMax: Int = CurlClient.standardRunningMax()) {
        precondition(runningMax > 0, "runningMax must be positive, is \(runningMax)")
        let inbox = CurlInbox()
        self.inbox = inbox
        let thread = Thread { CurlEngine(inbox: inbox, runningMax: runningMax).run() }
        thread.name = "outbound-http"
        thread.start()
    }

    deinit {
        inbox.close()
    }

    public func send(_ request: OutboundRequest) async -> Result<OutboundResponse, OutboundError> {
        if Task.isCancelled { return .failure(.cancelled) }
        let id = inbox.nextID()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                inbox.submit(CurlSubmission(id: id, request: request, continuation: continuation))
                // A cancellation that came before the submission found nothing to remove.
                if Task.isCancelled { inbox.cancel(id) }
            }
        } onCancel: {
            inbox.cancel(id)
        }
    }

    /// Ends every request with ``OutboundError/Code/cancelled``, later ones too, and lets the thread end.
    public func shutdown() {
        inbox.close()
    }

    /// Half of the descriptors that the process may open, at most 4096, so that the servers keep the other half
    /// (``DescriptorBudget``).
    public static func standardRunningMax() -> Int {
        min(max(DescriptorLimit.allowed / 2, 16), 4096)
    }
}
