internal import CCurl

/// The loop that runs transfers; everything in it happens on one thread.
struct CurlEngine {
    /// Connections kept open for reuse; more are closed, the least recently used first.
    private static let idleConnectionsMax = 256
    /// Longest sleep without an event; libcurl's own timers and the inbox cut it short.
    private static let pollMilliseconds: Int32 = 60_000

    private let inbox: CurlInbox
    private let runningMax: Int
    private var running: [UInt64: CurlTransfer] = [:]
    private var waiting: CurlQueue = CurlQueue()

    init(inbox: CurlInbox, runningMax: Int) {
        self.inbox = inbox
        self.runningMax = runningMax
    }

    /// Runs until the inbox is closed.
    consuming func run() {
        curl_global_init(Int(CURL_GLOBAL_ALL))
        guard let handle = curl_multi_init() else {
            preconditionFailure("libcurl has no memory for its first handle")
        }
        let multi = CurlMulti(handle: handle)
        _ = signalbox_curl_multi_set_number(handle, CURLMOPT_MAXCONNECTS, CurlEngine.idleConnectionsMax)
        inbox.attach(multi)
        while true {
            let batch = inbox.take()
            accept(batch, in: multi)
            if batch.isClosed { break }
            begin(in: multi)
            var active: Int32 = 0
            curl_multi_perform(multi.handle, &active)
            let ended = reap(in: multi)
            if ended > 0 && !waiting.isEmpty { continue }
            curl_multi_poll(multi.handle, nil, 0, CurlEngine.pollMilliseconds, nil)
        }
        cancelEverything(in: multi)
        inbox.detach()
        curl_multi_cleanup(multi.handle)
    }

    private mutating func accept(_ batch: CurlInbox.Batch, in multi: CurlMulti) {
        for submission in batch.submissions { waiting.append(submission) }
        for id in batch.cancelled {
            if let submission = waiting.remove(id) {
                submission.finish(.failure(.cancelled))
            } else if let transfer = running.removeValue(forKey: id) {
                transfer.abandon(in: multi)
            }
        }
    }

    private mutating func begin(in multi: CurlMulti) {
        while running.count < runningMax, let submission = waiting.popFirst() {
            guard let transfer = CurlTransfer(submission) else {
                let message = "The request to \(submission.request.url) cannot be made."
                submission.finish(.failure(OutboundError(code: .other, message: message)))
                continue
            }
            running[submission.id] = transfer
            transfer.begin(in: multi)
        }
    }

    /// Finishes the transfers that libcurl reports as done, and says how many.
    private mutating func reap(in multi: CurlMulti) -> Int {
        var ended = 0
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi.handle, &left) {
            guard message.pointee.msg == CURLMSG_DONE else { continue }
            guard let id = CurlTransfer.identifier(of: message.pointee.easy_handle) else { continue }
            guard let transfer = running.removeValue(forKey: id) else { continue }
            transfer.finish(signalbox_curl_result(message), in: multi)
            ended += 1
        }
        return ended
    }

    private mutating func cancelEverything(in multi: CurlMulti) {
        for transfer in running.values { transfer.abandon(in: multi) }
        running = [:]
        while let submission = waiting.popFirst() { submission.finish(.failure(.cancelled)) }
    }
}

/// Submissions that wait for a free place, first in first out, each removable by its id.
struct CurlQueue {
    private var submissions: [UInt64: CurlSubmission] = [:]
    /// Ids in order; those removed meanwhile are skipped.
    private var order: [UInt64] = []
    private var first = 0

    var isEmpty: Bool { submissions.isEmpty }

    mutating func append(_ submission: CurlSubmission) {
        submissions[submission.id] = submission
        order.append(submission.id)
    }

    mutating func remove(_ id: UInt64) -> CurlSubmission? {
        submissions.removeValue(forKey: id)
    }

    mutating func popFirst() -> CurlSubmission? {
        while first < order.count {
            let id = order[first]
            first += 1
            if first >= 1024 && first * 2 >= order.count {
                order.removeSubrange(..<first)
                first = 0
            }
            if let submission = submissions.removeValue(forKey: id) { return submission }
        }
        order.removeAll(keepingCapacity: true)
        first = 0
        return nil
    }
}
