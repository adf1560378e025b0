import NIOCore

/// Serves one request by the engine: feeds the samples in, and writes the answer as the tokens come.
///
/// Bound to the event loop of its connection. A stream is written only as fast as the client takes it; tokens that the
/// client has not taken are a number, not bytes.
final class GenerationExchange: ActiveExchange {
    /// Where the stream of one sample is.
    private struct Progress {
        var engineID: EngineRequestID?
        var openingWritten = 0
        var contentWritten = 0
        var closingWritten = 0
    }

    private let worker: Worker
    private let writer: ResponseWriter
    private let eventLoop: any EventLoop
    private let kind: AnswerKind
    private let shape: any AnswerShape
    private var answer: Answer
    private var progress: [Progress]
    private var unfinished: Int
    private var endWritten = 0
    private var isWriting = false
    private var timer: Scheduled<Void>?

    init(
        worker: Worker,
        writer: ResponseWriter,
        eventLoop: any EventLoop,
        kind: AnswerKind,
        request: GenerationRequest
    ) {
        self.worker = worker
        self.writer = writer
        self.eventLoop = eventLoop
        self.kind = kind
        shape = kind.shape
        let id = worker.nextAnswerID(prefix: kind.idPrefix)
        answer = Answer(request: request, id: id, created: WallTime.now.seconds)
        progress = Array(repeating: Progress(), count: answer.samples.count)
        unfinished = answer.samples.count
    }

    /// Begins to serve the request.
    func start() {
        if answer.request.streams { writer.startEventStream() }
        let isInstant = worker.driver.configuration.isInstant
        for index in answer.samples.indices {
            if isInstant || answer.request.pacing != nil {
                serveAtOnce(index)
            } else {
                submit(index)
            }
        }
        if answer.request.pacing != nil {
            startPacing()
        } else if isInstant {
            for index in answer.samples.indices { finish(index, produced: answer.length) }
        }
        write()
    }

    func writabilityChanged() {
        write()
    }

    func connectionClosed() {
        timer?.cancel()
        for progress in progress {
            if let id = progress.engineID { worker.driver.cancel(id) }
        }
    }

    // MARK: - Engine

    private func serveAtOnce(_ index: Int) {
        let prompt = answer.samples[index].prompt
        let cached = worker.driver.serveAtOnce(blocks: blocks(of: index), promptTokens: prompt.tokens)
        prefilled(index, cachedTokens: cached)
    }

    private func submit(_ index: Int) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        progress[index].engineID = worker.driver.submit(
            blocks: blocks(of: index),
            promptTokens: answer.samples[index].prompt.tokens,
            outputTokens: answer.request.outputTokens,
            reportsEachToken: answer.request.streams
        ) { event in
            if eventLoop.inEventLoop {
                bound.value.receive(event, for: index)
            } else {
                eventLoop.execute { bound.value.receive(event, for: index) }
            }
        }
    }

    private func receive(_ event: EngineEvent, for index: Int) {
        switch event {
        case .prefilled(_, let cachedTokens):
            prefilled(index, cachedTokens: cachedTokens)
            answer.samples[index].produced = 1
        case .decoded(_, let tokens): answer.samples[index].produced = tokens
        case .finished:
            progress[index].engineID = nil
            finish(index, produced: answer.length)
        }
        write()
    }

    private func prefilled(_ index: Int, cachedTokens: Int) {
        answer.samples[index].cachedTokens = cachedTokens
        let tokens = answer.samples[index].prompt.tokens
        worker.record { $0.countPrompt(tokens: tokens, cachedTokens: cachedTokens) }
    }

    private func finish(_ index: Int, produced: Int) {
        answer.samples[index].produced = produced
        answer.samples[index].isFinished = true
        unfinished -= 1
        if kind.generatesText { worker.record { $0.completionTokens += produced } }
    }

    /// The blocks of the prompt and of the answer to it.
    private func blocks(of index: Int) -> [UInt64] {
        let prompt = answer.samples[index].prompt
        guard kind.generatesText, answer.request.pacing == nil else { return prompt.hasher.blocks }
        var hasher = prompt.hasher
        hasher.append(prompt.output.text(tokens: answer.request.outputTokens))
        return hasher.blocks
    }

    // MARK: - Pacing

    private func startPacing() {
        guard let pacing = answer.request.pacing else { return }
        if pacing.interval == .zero || pacing.events == 0 {
            for index in answer.samples.indices { finish(index, produced: pacing.events) }
        } else {
            pace(event: 1, start: .now(), interval: .nanoseconds(Int64(pacing.interval / .nanoseconds(1))))
        }
    }

    /// Produces one event now and sets the timer for the next, counted from the start so that no delay adds up.
    private func pace(event: Int, start: NIODeadline, interval: TimeAmount) {
        for index in answer.samples.indices {
            if event == answer.length {
                finish(index, produced: event)
            } else {
                answer.samples[index].produced = event
            }
        }
        write()
        guard event < answer.length, !writer.isStopped else { return }
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: start + interval * event) {
            self.pace(event: event + 1, start: start, interval: interval)
        }
    }

    // MARK: - Writing

    /// Writes what can be written now.
    private func write() {
        guard !isWriting else { return }
        isWriting = true
        defer { isWriting = false }
        guard answer.request.streams else {
            writeWhole()
            return
        }
        while writer.isWritable, !writer.isStopped, writeNextEvent() {}
    }

    private func writeWhole() {
        guard unfinished == 0, !writer.isStopped else { return }
        var body = ByteBuffer()
        shape.writeWhole(answer, into: &body)
        writer.send(body: body)
    }

    /// Writes one event; false when there is none yet, or when the stream has ended.
    private func writeNextEvent() -> Bool {
        for index in answer.samples.indices {
            let sample = answer.samples[index]
            let current = progress[index]
            if sample.produced > 0 || sample.isFinished, current.openingWritten < shape.openingEvents {
                progress[index].openingWritten += 1
                writeEvent { $0.writeOpening(current.openingWritten, of: sample, in: $1, into: &$2) }
                return true
            }
            if current.contentWritten < sample.produced {
                progress[index].contentWritten += 1
                writeEvent { $0.writeContent(current.contentWritten, of: sample, in: $1, into: &$2) }
                return true
            }
            if sample.isFinished, current.closingWritten < shape.closingEvents {
                progress[index].closingWritten += 1
                writeEvent { $0.writeClosing(current.closingWritten, of: sample, in: $1, into: &$2) }
                return true
            }
        }
        guard unfinished == 0 else { return false }
        guard endWritten < shape.endEvents(of: answer) else {
            writer.endBody()
            return false
        }
        endWritten += 1
        let number = endWritten - 1
        writeEvent { $0.writeEnd(number, of: $1, into: &$2) }
        return true
    }

    private func writeEvent(_ write: (any AnswerShape, Answer, inout ByteBuffer) -> Void) {
        if answer.request.pacing != nil { answer.sentAt = .now }
        writer.writeEvent { write(shape, answer, &$0) }
    }
}
