import NIOCore
import NIOHTTP1

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Writes one response to its connection, and spoils it where a fault says so.
final class ResponseWriter {
    /// What became of the exchange.
    enum End {
        /// The response is written to its end; the connection may serve another request or not.
        case complete(keepsConnection: Bool)
        /// A fault has ended the response; the connection closes.
        case spoiled
    }

    private let context: ChannelHandlerContext
    private let worker: Worker
    private let identity: String
    private let isHTTP10: Bool
    private let isHead: Bool
    private var keepsConnection: Bool
    private var fault: FaultPlan.Decision
    private var eventsWritten = 0
    private var framing = ResponseHead.Framing.chunked
    /// Whether any byte of the response was written.
    private(set) var hasBegun = false
    /// Whether nothing more may be written: the response has ended, a fault stopped it or the connection is gone.
    private(set) var isStopped = false
    /// Is called before a connection is closed, so that a close of our own never looks like one of the client.
    private let onEnd: (End) -> Void

    init(
        context: ChannelHandlerContext,
        worker: Worker,
        identity: String,
        request: HTTPRequestHead,
        fault: FaultPlan.Decision,
        onEnd: @escaping (End) -> Void
    ) {
        self.context = context
        self.worker = worker
        self.identity = identity
        isHTTP10 = request.version == .http1_0
        isHead = request.method == .HEAD
        keepsConnection = request.isKeepAlive && request.version != .http1_0
        self.fault = fault
        self.onEnd = onEnd
    }

    /// Whether the connection takes more bytes now; otherwise the writer of a long body should wait.
    var isWritable: Bool { context.channel.isWritable }

    /// Forgets the connection; nothing is written from now on.
    func stop() {
        isStopped = true
    }

    /// Makes this the last response of the connection.
    func closeAfterResponse() {
        keepsConnection = false
    }

    // MARK: - Whole responses

    /// Writes a response whose body is known as a whole.
    func send(
        status: Int = 200,
        contentType: StaticString = "application/json",
        extraLines: String = "",
        body: ByteBuffer
    ) {
        guard !isStopped, !endsBeforeHead() else { return }
        let hasBody = status != 204 && status != 304
        let head = ResponseHead(
            status: status,
            contentType: contentType,
            framing: hasBody ? .length(body.readableBytes) : .none,
            closesConnection: !keepsConnection,
            extraLines: extraLines
        )
        var buffer = context.channel.allocator.buffer(capacity: 256 + body.readableBytes)
        head.write(identity: identity, into: &buffer)
        hasBegun = true
        if let ending = fault.ending {
            buffer.writeImmutableBuffer(body.getSlice(at: body.readerIndex, length: body.readableBytes / 2) ?? body)
            write(buffer)
            spoil(ending, isInChunk: true)
            return
        }
        if hasBody, !isHead { buffer.writeImmutableBuffer(body) }
        end(writing: buffer)
    }

    // MARK: - Event streams

    /// Writes the head of an event stream.
    func startEventStream() {
        framing = isHTTP10 ? .closing : .chunked
        if isHTTP10 { keepsConnection = false }
        startBody(contentType: "text/event-stream; charset=utf-8", extraLines: "Cache-Control: no-cache\r\n")
    }

    /// Writes one event and flushes it.
    func writeEvent(_ writeEvent: (inout ByteBuffer) -> Void) {
        guard !isStopped else { return }
        if let ending = fault.ending, let after = fault.endingAfterEvents, eventsWritten >= after {
            spoil(ending, isInChunk: false)
            return
        }
        eventsWritten += 1
        if framing == .chunked {
            write(ByteBuffer.chunk(allocator: context.channel.allocator, capacity: 384, writeEvent))
        } else {
            var buffer = context.channel.allocator.buffer(capacity: 384)
            writeEvent(&buffer)
            write(buffer)
        }
        let now = WallTime.now
        worker.record { statistics in
            statistics.events += 1
            statistics.eventTimes.append(now)
        }
    }

    // MARK: - Long bodies

    /// Writes the head of a body of `length` bytes; nil means that it is sent in chunks.
    func startBody(length: Int?) {
        framing = length.map { .length($0) } ?? (isHTTP10 ? .closing : .chunked)
        if framing == .closing { keepsConnection = false }
        startBody(contentType: "application/octet-stream", extraLines: "")
    }

    /// Writes a part of the body.
    func writeBody(_ part: ByteBuffer) {
        guard !isStopped else { return }
        if let ending = fault.ending, let after = fault.endingAfterEvents, eventsWritten >= after {
            spoil(ending, isInChunk: framing != .chunked)
            return
        }
        eventsWritten += 1
        if framing == .chunked {
            let allocator = context.channel.allocator
            write(
                ByteBuffer.chunk(allocator: allocator, capacity: part.readableBytes) { $0.writeImmutableBuffer(part) }
            )
        } else {
            write(part)
        }
    }

    /// Ends an event stream or a long body.
    func endBody() {
        guard !isStopped else { return }
        if let ending = fault.ending {
            spoil(ending, isInChunk: false)
            return
        }
        end(writing: framing == .chunked ? ByteBuffer(staticString: "0\r\n\r\n") : ByteBuffer())
    }

    private func startBody(contentType: StaticString, extraLines: String) {
        guard !isStopped, !endsBeforeHead() else { return }
        let head = ResponseHead(
            contentType: contentType,
            framing: framing,
            closesConnection: !keepsConnection,
            extraLines: extraLines
        )
        var buffer = context.channel.allocator.buffer(capacity: 256)
        head.write(identity: identity, into: &buffer)
        hasBegun = true
        write(buffer)
    }

    // MARK: - Ends

    private func write(_ buffer: ByteBuffer) {
        count(buffer)
        context.writeAndFlush(NIOAny(buffer), promise: nil)
    }

    private func end(writing buffer: ByteBuffer) {
        isStopped = true
        count(buffer)
        guard !keepsConnection else {
            context.writeAndFlush(NIOAny(buffer), promise: nil)
            onEnd(.complete(keepsConnection: true))
            return
        }
        onEnd(.complete(keepsConnection: false))
        closeAfterWriting(buffer)
    }

    private func closeAfterWriting(_ buffer: ByteBuffer) {
        let channel = context.channel
        context.writeAndFlush(NIOAny(buffer)).whenComplete { _ in channel.close(promise: nil) }
    }

    private func count(_ buffer: ByteBuffer) {
        worker.record { $0.responseBytes += buffer.readableBytes }
    }

    private func endsBeforeHead() -> Bool {
        guard let ending = fault.ending, fault.endingAfterEvents == nil else { return false }
        spoil(ending, isInChunk: true)
        return true
    }

    /// Ends the response as a fault wants it.
    private func spoil(_ ending: Fault.Ending, isInChunk: Bool) {
        isStopped = true
        guard ending != .stall else { return }
        onEnd(.spoiled)
        switch ending {
        case .stall: break
        case .close:
            let broken: StaticString = framing == .chunked && !isInChunk ? "1000\r\ndata: {\"id\":\"" : ""
            closeAfterWriting(ByteBuffer(staticString: broken))
        case .reset:
            if let socket = context.channel as? any SocketOptionProvider {
                socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
            }
            context.close(promise: nil)
        case .crash:
            WorkerProcess.crash()
        }
    }
}
