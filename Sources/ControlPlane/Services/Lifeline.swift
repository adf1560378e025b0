import Foundation
import ServiceLifecycle

/// Ends when the supervisor has died: the operating system closes the other end of the pipe then, whatever killed it.
struct Lifeline: Service {
    let descriptor: Int32

    func run() async throws {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        let descriptor = descriptor
        // A thread of its own, because the read blocks until the end of the process.
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                let count = read(descriptor, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { break }
            }
            continuation.finish()
        }
        for await _ in stream.cancelOnGracefulShutdown() {}
    }
}
