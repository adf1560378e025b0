internal import CCurl
internal import Synchronization

/// A request on its way to the thread that runs transfers.
struct CurlSubmission: Sendable {
    var id: UInt64
    var request: OutboundRequest
    var continuation: CheckedContinuation<Result<OutboundResponse, OutboundError>, Never>

    func finish(_ result: Result<OutboundResponse, OutboundError>) {
        continuation.resume(returning: result)
    }
}

/// What callers leave for the thread that runs transfers; it wakes that thread up.
///
/// It is bounded by its callers: each waits for its one submission.
final class CurlInbox: Sendable {
    /// Everything that was left since the last look.
    struct Batch {
        var submissions: [CurlSubmission] = []
        var cancelled: [UInt64] = []
        var isClosed = false
    }

    private struct State {
        var batch = Batch()
        /// Nil before the thread has begun and after it has ended.
        var multi: CurlMulti?
    }

    private let state = Mutex(State())
    private let lastID = Atomic<UInt64>(0)

    func nextID() -> UInt64 {
        lastID.add(1, ordering: .relaxed).newValue
    }

    func submit(_ submission: CurlSubmission) {
        let accepted = state.withLock { state in
            guard !state.batch.isClosed else { return false }
            state.batch.submissions.append(submission)
            state.multi?.wakeUp()
            return true
        }
        if !accepted { submission.finish(.failure(.cancelled)) }
    }

    func cancel(_ id: UInt64) {
        state.withLock { state in
            guard !state.batch.isClosed else { return }
            state.batch.cancelled.append(id)
            state.multi?.wakeUp()
        }
    }

    func close() {
        state.withLock { state in
            state.batch.isClosed = true
            state.multi?.wakeUp()
        }
    }

    /// Lets callers wake the thread through `multi` from now on.
    func attach(_ multi: CurlMulti) {
        state.withLock { $0.multi = multi }
    }

    /// No caller touches the multi handle after this.
    func detach() {
        state.withLock { $0.multi = nil }
    }

    func take() -> Batch {
        state.withLock { state in
            let batch = state.batch
            state.batch = Batch(isClosed: batch.isClosed)
            return batch
        }
    }
}

extension OutboundError {
    static let cancelled = OutboundError(code: .cancelled, message: "The request was cancelled.")
}

/// A multi handle of libcurl.
///
/// Sendable although a raw pointer: other threads only call `curl_multi_wakeup`, which libcurl allows, and only while
/// the lock of ``CurlInbox`` shows that the handle lives.
struct CurlMulti: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer

    func wakeUp() {
        curl_multi_wakeup(handle)
    }
}
