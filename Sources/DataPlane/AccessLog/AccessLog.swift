import DataPlaneCore
import Glibc
import Synchronization
import Telemetry

/// Writes what threads leave in their rings, some twenty times a second, on a thread of its own.
final class AccessLog: Sendable {
    private static let periodMicroseconds: UInt32 = 50_000
    /// Lines that are written at once.
    private static let batchLines = 256

    let rings: [AccessRing]
    private let output: LogSettings
    private let state = Mutex(State())

    private struct State {
        var isFinished = false
    }

    init(_ configuration: AccessLogConfiguration, threads: Int) {
        rings = (0..<threads).map { _ in AccessRing(sampleEvery: configuration.sampleEvery) }
        output = configuration.output
    }

    /// Runs until ``finish()``.
    func run() {
        while !state.withLock({ $0.isFinished }) {
            usleep(AccessLog.periodMicroseconds)
            flush()
        }
    }

    /// Writes what is left; the threads that serve have ended.
    func finish() {
        state.withLock { $0.isFinished = true }
        flush()
    }

    private func flush() {
        var lines = ""
        var count = 0
        let wall = Timestamp.nowMilliseconds()
        let now = Int64(EpollReactor.clock().milliseconds)
        for ring in rings {
            for record in ring.takeAll() {
                let age = now - Int64(record.endedAt.milliseconds)
                lines += AccessLine.text(record, millisecondsSinceEpoch: wall - age, output.format)
                count += 1
                guard count == AccessLog.batchLines else { continue }
                output.write(lines: lines, millisecondsSinceEpoch: wall)
                lines = ""
                count = 0
            }
        }
        if !lines.isEmpty { output.write(lines: lines, millisecondsSinceEpoch: wall) }
    }
}
