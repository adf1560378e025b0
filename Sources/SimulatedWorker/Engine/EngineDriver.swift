import NIOCore
import Synchronization

/// Runs the engine in real time: it feeds requests in, sleeps until the next step ends and hands the events out.
///
/// The engine decides inside the lock; timers and events happen outside of it.
final class EngineDriver: Sendable {
    private struct State {
        var engine: Engine
        var receivers: [EngineRequestID: @Sendable (EngineEvent) -> Void] = [:]
        var lastNumber = 0
        /// The end of the step for which a timer is set.
        var timerEnd: Duration?
    }

    private let state: Mutex<State>
    private let eventLoop: any EventLoop
    private let start: NIODeadline
    let configuration: EngineConfiguration

    init(configuration: EngineConfiguration, eventLoop: any EventLoop, start: NIODeadline) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.start = start
        state = Mutex(State(engine: Engine(configuration: configuration)))
    }

    /// The load of the engine, for `/get_load`, `/metrics` and `/server_info`.
    struct Load: Sendable {
        let running: Int
        let waiting: Int
        let tokens: Int
        let cacheUsage: Double
        let decodeTokensPerSecond: Double
    }

    var load: Load {
        state.withLock { state in
            Load(
                running: state.engine.runningCount,
                waiting: state.engine.waitingCount,
                tokens: state.engine.loadTokens,
                cacheUsage: state.engine.cacheUsage,
                decodeTokensPerSecond: state.engine.decodeTokensPerSecond
            )
        }
    }

    /// Gives a request to the engine; `receive` is called on the driver's event loop with each of its events.
    func submit(
        blocks: [UInt64],
        promptTokens: Int,
        outputTokens: Int,
        reportsEachToken: Bool,
        receive: @escaping @Sendable (EngineEvent) -> Void
    ) -> EngineRequestID {
        let now = now()
        let id = state.withLock { state in
            state.lastNumber += 1
            let request = EngineRequest(
                id: EngineRequestID(number: state.lastNumber),
                blocks: blocks,
                promptTokens: promptTokens,
                outputTokens: max(1, outputTokens),
                reportsEachToken: reportsEachToken
            )
            state.receivers[request.id] = receive
            state.engine.submit(request, at: now)
            return request.id
        }
        setTimer()
        return id
    }

    /// Looks a prompt up and remembers it without taking any time; returns its cached tokens.
    func serveAtOnce(blocks: [UInt64], promptTokens: Int) -> Int {
        state.withLock { state in
            let request = EngineRequest(
                id: EngineRequestID(number: 0),
                blocks: blocks,
                promptTokens: promptTokens,
                outputTokens: 1,
                reportsEachToken: false
            )
            return state.engine.serveAtOnce(request)
        }
    }

    /// Takes a request out of the engine, wherever it is.
    func cancel(_ id: EngineRequestID) {
        let now = now()
        state.withLock { state in
            state.receivers[id] = nil
            state.engine.cancel(id, at: now)
        }
        setTimer()
    }

    /// Empties the prefix cache.
    func flushCache() {
        state.withLock { $0.engine.flushCache() }
    }

    private func now() -> Duration { .nanoseconds((NIODeadline.now() - start).nanoseconds) }

    private func setTimer() {
        let end = state.withLock { state -> Duration? in
            guard let end = state.engine.nextEnd, end != state.timerEnd else { return nil }
            state.timerEnd = end
            return end
        }
        guard let end else { return }
        let nanoseconds = end / .nanoseconds(1)
        eventLoop.scheduleTask(deadline: start + .nanoseconds(Int64(nanoseconds.rounded(.up)))) {
            self.advance(timerEnd: end)
        }
    }

    /// Lets the engine catch up with the clock; the timer of a step that was cancelled does nothing, another one is set.
    private func advance(timerEnd: Duration) {
        let now = now()
        let deliveries = state.withLock { state -> [(@Sendable (EngineEvent) -> Void, EngineEvent)] in
            guard state.timerEnd == timerEnd else { return [] }
            state.timerEnd = nil
            return state.engine.advance(to: now).compactMap { event in
                let receive = state.receivers[event.id]
                if case .finished = event { state.receivers[event.id] = nil }
                return receive.map { ($0, event) }
            }
        }
        for (receive, event) in deliveries { receive(event) }
        setTimer()
    }
}
