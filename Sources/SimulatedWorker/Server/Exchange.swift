import NIOCore
import NIOHTTP1

/// One request and its response on one connection.
///
/// Bound to the event loop of its connection. It reads the request as its route needs it, lets the faults have their
/// say, and answers.
final class Exchange {
    let route: Route
    let head: HTTPRequestHead
    let target: RequestTarget
    let writer: ResponseWriter
    let worker: Worker
    private let eventLoop: any EventLoop
    private let fault: FaultPlan.Decision
    private var body: RequestBody
    private var active: (any ActiveExchange)?
    private var timer: Scheduled<Void>?
    /// Whether the request has been read to its end.
    private(set) var isRequestComplete = false
    private var isTooLarge = false

    init(
        head: HTTPRequestHead,
        context: ChannelHandlerContext,
        worker: Worker,
        identity: String,
        onEnd: @escaping (Exchange, ResponseWriter.End) -> Void
    ) {
        self.head = head
        self.worker = worker
        eventLoop = context.eventLoop
        target = RequestTarget(head.uri)
        route = Route(method: head.method, path: target.path)
        body = RequestBody(for: route, bytesMax: worker.configuration.requestBodyBytesMax)
        fault = route.isControl ? .none : worker.decideFault(path: target.path, generates: route.isWork)
        weak var weakSelf: Exchange?
        writer = ResponseWriter(
            context: context,
            worker: worker,
            identity: identity,
            request: head,
            fault: fault
        ) { end in
            if let exchange = weakSelf { onEnd(exchange, end) }
        }
        weakSelf = self
        let (route, path) = (route, target.path)
        worker.record { statistics in
            if !route.isControl { statistics.count(path: path) }
            if route.isWork { statistics.inFlight += 1 }
        }
    }

    /// Takes a part of the body in.
    func receive(_ part: ByteBuffer) {
        if !body.receive(part) { isTooLarge = true }
        worker.record { $0.requestBodyBytes += part.readableBytes }
    }

    /// The request is there as a whole: answers it, now or after the delay that a fault wants.
    func complete() {
        isRequestComplete = true
        let delay = route == .health ? max(fault.delayHead, worker.health.delay) : fault.delayHead
        guard delay > .zero else {
            respond()
            return
        }
        let amount = TimeAmount.nanoseconds(Int64(delay / .nanoseconds(1)))
        timer = eventLoop.assumeIsolated().scheduleTask(in: amount) { self.respond() }
    }

    func writabilityChanged() {
        active?.writabilityChanged()
    }

    /// The client has closed its connection before the end of the response.
    func connectionClosed() {
        timer?.cancel()
        writer.stop()
        active?.connectionClosed()
        active = nil
    }

    /// How far the exchange is.
    var phase: Statistics.Phase {
        guard isRequestComplete else { return .uploading }
        return writer.hasBegun ? .answering : .queued
    }

    private func respond() {
        guard !isTooLarge else {
            writer.closeAfterResponse()
            let limit = worker.configuration.requestBodyBytesMax
            sendError(413, type: "request_too_large", "The body is larger than \(limit) bytes.")
            return
        }
        guard route.isPublic || isAuthorized else {
            sendError(401, type: "authentication_error", "The API key is missing or wrong; send it as a Bearer token.")
            return
        }
        if let status = fault.status {
            sendError(status, type: "simulated_fault", "This error was asked for by a fault of the simulated worker.")
            return
        }
        switch route {
        case .answer(let kind): answer(kind)
        case .blob: sendBlob()
        case .addFaults: addFaults()
        case .removeFaults: removeFaults()
        case .echo: writer.send(body: Documents.echo(of: self, body: body))
        default: sendDocument()
        }
    }

    private var isAuthorized: Bool {
        guard let key = worker.configuration.apiKey else { return true }
        return head.headers.first(name: "authorization") == "Bearer \(key)"
    }

    private func answer(_ kind: AnswerKind) {
        do {
            let document = try parsedBody()
            let request = try GenerationRequest(
                document,
                kind: kind,
                standardModel: worker.configuration.model,
                blockTokens: worker.configuration.engine.blockTokens
            )
            let exchange = GenerationExchange(
                worker: worker,
                writer: writer,
                eventLoop: eventLoop,
                kind: kind,
                request: request
            )
            active = exchange
            body = .dropped
            exchange.start()
        } catch {
            sendError(400, type: "invalid_request_error", "\(error)", field: (error as? RequestError)?.field)
        }
    }

    private func sendBlob() {
        guard let bytes = target["bytes"].flatMap({ Int($0) }), (0...BlobExchange.bytesMax).contains(bytes) else {
            let text = "The parameter 'bytes' must be a whole number from 0 to \(BlobExchange.bytesMax)."
            sendError(400, type: "invalid_request_error", text, field: "bytes")
            return
        }
        let blob = BlobExchange(writer: writer, bytes: bytes)
        active = blob
        blob.start(isChunked: target["chunked"].map { $0 != "0" && $0 != "false" } ?? false)
    }

    private func addFaults() {
        do {
            let document = try parsedBody()
            var faults: [Fault] = []
            for element in document.arrayValue ?? [document] { faults.append(try Fault(element)) }
            try worker.add(faults)
            writer.send(body: Documents.faults(of: worker))
        } catch {
            sendError(400, type: "invalid_request_error", "\(error)")
        }
    }

    private func removeFaults() {
        guard let text = target["id"] else {
            _ = worker.removeFaults(number: nil)
            writer.send(body: Documents.faults(of: worker))
            return
        }
        guard let number = Int(text), worker.removeFaults(number: number) > 0 else {
            sendError(404, type: "not_found", "There is no fault with the id '\(text)'.")
            return
        }
        writer.send(body: Documents.faults(of: worker))
    }

    private func sendDocument() {
        switch route {
        case .health: writer.send(status: worker.health.status, contentType: "text/plain", body: ByteBuffer())
        case .serverInfo: writer.send(body: Documents.serverInfo(of: worker))
        case .modelInfo: writer.send(body: Documents.modelInfo(of: worker))
        case .models: writer.send(body: Documents.models(of: worker))
        case .load: writer.send(body: Documents.load(of: worker))
        case .metrics:
            writer.send(contentType: "text/plain; version=0.0.4; charset=utf-8", body: Documents.metrics(of: worker))
        case .flushCache:
            worker.driver.flushCache()
            writer.send(contentType: "text/plain; charset=utf-8", body: ByteBuffer(staticString: "Cache flushed.\n"))
        case .anything: writer.send(body: Documents.anything(path: target.path, of: worker))
        case .statistics: writer.send(body: Documents.statistics(of: worker))
        case .resetStatistics:
            worker.record { $0.reset() }
            writer.send(body: ByteBuffer(staticString: "{\"status\":\"reset\"}"))
        case .listFaults: writer.send(body: Documents.faults(of: worker))
        case .wrongMethod: sendError(405, type: "method_not_allowed", "\(target.path) does not know \(head.method).")
        default: sendError(404, type: "not_found", "There is no \(target.path) on this worker.")
        }
    }

    private func parsedBody() throws -> JSONValue {
        guard case .collected(let collected?, _) = body else {
            throw RequestError("body", "The body is empty; it must be a JSON document.")
        }
        return try collected.withUnsafeReadableBytes { try JSONParser.parse($0) }
    }

    private func sendError(_ status: Int, type: String, _ message: String, field: String? = nil) {
        writer.send(status: status, body: Documents.error(status, type: type, message, field: field))
    }
}
