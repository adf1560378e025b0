import DataPlaneCore
import Glibc
import Synchronization
import Telemetry

/// Writes what threads leave in their rings, some fifty times a second, on a thread of its own.
final class AccessLog: Sendable {
    private static let periodMicroseconds: UInt32 = 20_000
    /// Bytes that are written at once.
    private static let batchBytes = 64 * 1024

    let rings: [AccessRing]
    private let output: LogSettings
    private let isFinished = Atomic<Bool>(false)
    /// Held while lines are made and written, by the writer and at the end; no thread that serves ever takes it.
    private let draft: Mutex<Draft>

    /// What is being written.
    private struct Draft: Sendable {
        var lines: AccessLines
        var records: [AccessRecord] = []
    }

    init(_ configuration: AccessLogConfiguration, threads: Int) {
        rings = (0..<threads).map { _ in AccessRing(sampleEvery: configuration.sampleEvery) }
        output = configuration.output
        draft = Mutex(Draft(lines: AccessLines(configuration.output.format)))
    }

    /// Runs until ``finish()``.
    func run() {
        while !isFinished.load(ordering: .relaxed) {
            usleep(AccessLog.periodMicroseconds)
            flush()
        }
    }

    /// Writes what is left; the threads that serve have ended.
    func finish() {
        isFinished.store(true, ordering: .relaxed)
        flush()
    }

    private func flush() {
        let wall = Timestamp.nowMilliseconds()
        let now = Int64(EpollReactor.clock().milliseconds)
        draft.withLock { draft in
            for ring in rings {
                ring.takeAll(into: &draft.records)
                for record in draft.records {
                    let age = now - Int64(record.endedAt.milliseconds)
                    draft.lines.append(record, millisecondsSinceEpoch: wall - age)
                    if draft.lines.bytes.count >= AccessLog.batchBytes { write(&draft.lines, at: wall) }
                }
            }
            if !draft.lines.bytes.isEmpty { write(&draft.lines, at: wall) }
        }
    }

    private func write(_ lines: inout AccessLines, at wall: Int64) {
        output.write(lines: lines.bytes.storage, millisecondsSinceEpoch: wall)
        lines.clear()
    }
}
