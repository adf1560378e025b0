import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Tells what was held back of repeated events when nothing else is logged any more: a second after a window is over, and
/// when the process ends. The thread for that lives only while something is held back.
final class HeldEvents: Sendable {
    static let shared = HeldEvents()

    private struct State {
        var outputs: [LogOutput] = []
        var isWatching = false
    }

    private let state = Mutex(State())

    /// From now on what this output holds back is told, whatever else happens.
    func add(_ output: LogOutput) {
        let isFirst = state.withLock { state in
            state.outputs.append(output)
            return state.outputs.count == 1
        }
        if isFirst { atexit { HeldEvents.shared.tellAtEnd() } }
    }

    /// Something is held back.
    func begin() {
        let starts = state.withLock { state in
            defer { state.isWatching = true }
            return !state.isWatching
        }
        guard starts else { return }
        #if canImport(Glibc)
        var handle = pthread_t()
        #else
        var handle: pthread_t?
        #endif
        let result = pthread_create(&handle, nil, { _ in HeldEvents.shared.watch() }, nil)
        guard result == 0 else {
            // The next event tells.
            state.withLock { $0.isWatching = false }
            return
        }
        #if canImport(Glibc)
        pthread_detach(handle)
        #else
        if let handle { pthread_detach(handle) }
        #endif
    }

    private func watch() -> UnsafeMutableRawPointer? {
        while true {
            sleep(1)
            let now = Timestamp.nowMilliseconds()
            for output in state.withLock({ $0.outputs }) { output.tell(output.repeats.told(at: now), at: now) }
            let goesOn = state.withLock { state in
                state.isWatching = state.outputs.contains { $0.repeats.isHolding }
                return state.isWatching
            }
            guard goesOn else { return nil }
        }
    }

    private func tellAtEnd() {
        let now = Timestamp.nowMilliseconds()
        for output in state.withLock({ $0.outputs }) { output.tell(output.repeats.toldAtEnd(), at: now) }
    }
}
