import Foundation
import SignalboxProtocol

/// What data planes have counted: one file's sums, or those of many (``MetricsLayout``).
struct FleetCounts: Hashable {
    static let fileBytesMax = 256 << 20
    private static let cellMax: UInt64 = 1 << 62

    var cells = [UInt64](repeating: 0, count: MetricsLayout.cellCount)
    /// The cells of single workers.
    var workers: [IncarnationID: [UInt64]] = [:]

    init() {}

    /// Sums over a file's threads; nil when it cannot be read, is not whole, or has another layout.
    init?(file: String, _ buckets: DurationBuckets) {
        guard let bytes = FileBytes.read(file, bytesMax: FleetCounts.fileBytesMax),
            bytes.count >= MetricsLayout.headerBytes
        else { return nil }
        func word(_ offset: Int) -> UInt64 {
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        }
        guard word(0) == MetricsLayout.magic, word(MetricsLayout.digestOffset) == MetricsLayout.digest(buckets) else {
            return nil
        }
        guard let threads = Int(exactly: word(MetricsLayout.threadsOffset)), threads <= 1024,
            bytes.count >= MetricsLayout.fileBytes(threads: threads)
        else { return nil }
        for thread in 0..<threads {
            let start = MetricsLayout.headerBytes + thread * MetricsLayout.blockBytes
            for cell in cells.indices { cells[cell] &+= word(start + cell * 8) }
        }
        // No data plane counts that far: the disk is damaged.
        guard cells.allSatisfy({ $0 < FleetCounts.cellMax }) else { return nil }
        let count = MetricsLayout.WorkerCell.count
        for row in 0..<MetricsLayout.workerRowsMax {
            let entry = MetricsLayout.workerTableOffset(threads: threads) + row * MetricsLayout.workerRowWords * 8
            guard let incarnation = FleetCounts.incarnation(word(entry), word(entry + 8)) else { continue }
            let counted = (0..<count).map { cell in
                let sum = (0..<threads).reduce(UInt64(0)) { sum, thread in
                    let block = MetricsLayout.workerBlockOffset(thread: thread, threads: threads)
                    return sum &+ word(block + (row * count + cell) * 8)
                }
                // The row may pass to another worker while it is read.
                let base = word(entry + (2 + cell) * 8)
                return sum >= base ? sum - base : 0
            }
            let before = workers[incarnation] ?? [UInt64](repeating: 0, count: count)
            workers[incarnation] = zip(before, counted).map { $0 &+ $1 }
        }
    }

    mutating func add(_ other: FleetCounts) {
        for cell in cells.indices { cells[cell] &+= other.cells[cell] }
        for (incarnation, added) in other.workers {
            let before = workers[incarnation] ?? [UInt64](repeating: 0, count: added.count)
            workers[incarnation] = zip(before, added).map { $0 &+ $1 }
        }
    }

    private static func incarnation(_ high: UInt64, _ low: UInt64) -> IncarnationID? {
        guard high != 0 else { return nil }
        func bytes(_ half: UInt64) -> [UInt8] {
            (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
        }
        let all = bytes(high) + bytes(low)
        return IncarnationID(
            UUID(
                uuid: (
                    all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7], all[8], all[9], all[10], all[11],
                    all[12], all[13], all[14], all[15]
                )
            )
        )
    }
}
