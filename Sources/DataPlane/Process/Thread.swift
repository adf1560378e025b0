import CLinux
import Glibc
import Logging

/// A thread of the operating system that runs one closure to its end.
enum Thread {
    /// Starts a thread that the process cannot do without: if the system has none, the process ends with status 71, and
    /// whoever supervises it starts it again.
    ///
    /// - Parameter servesRequests: one that does not makes way on a busy core for those that do.
    static func startOrExit(
        name: String,
        servesRequests: Bool = false,
        logger: Logger,
        _ body: @escaping @Sendable () -> Void
    ) {
        let started = start(name: name) {
            if !servesRequests { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Thread.behindRequests) }
            body()
        }
        guard started else {
            logger.critical("A thread cannot be started.", metadata: ["thread": "\(name)"])
            exit(71)
        }
    }

    /// The nice value of threads that serve no requests.
    private static let behindRequests: Int32 = 5

    /// Starts a thread, or returns false; `name` is what tools such as `top -H` show, at most 15 bytes.
    private static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        final class Box {
            let name: String
            let body: @Sendable () -> Void

            init(_ name: String, _ body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        var handle = pthread_t()
        let argument = unsafe Unmanaged.passRetained(Box(name, body)).toOpaque()
        let result = unsafe pthread_create(
            &handle,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let box = unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                unsafe signalbox_set_thread_name(box.name)
                box.body()
                return nil
            },
            unsafe argument
        )
        guard result == 0 else {
            unsafe Unmanaged<Box>.fromOpaque(argument).release()
            return false
        }
        pthread_detach(handle)
        return true
    }

}
