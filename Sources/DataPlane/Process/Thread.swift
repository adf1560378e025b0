import CLinux
import Glibc

/// A thread of the operating system that runs one closure to its end.
struct Thread {
    private let handle: pthread_t

    /// Starts a thread; `name` is what tools such as `top -H` show, at most 15 bytes.
    @discardableResult
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Thread? {
        final class Box {
            let name: String
            let body: @Sendable () -> Void

            init(_ name: String, _ body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        var handle = pthread_t()
        let argument = Unmanaged.passRetained(Box(name, body)).toOpaque()
        let result = pthread_create(
            &handle,
            nil,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                signalbox_set_thread_name(box.name)
                box.body()
                return nil
            },
            argument
        )
        guard result == 0 else {
            Unmanaged<Box>.fromOpaque(argument).release()
            return nil
        }
        return Thread(handle: handle)
    }

    /// Waits for the thread's end.
    func join() {
        pthread_join(handle, nil)
    }
}
