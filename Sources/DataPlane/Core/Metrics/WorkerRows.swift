import FoundationEssentials
import SignalboxProtocol
import Synchronization

/// The table that says whose the rows of workers are (``MetricsLayout``). Written by the thread that compiles routing tables,
/// read by the control plane at any time.
///
/// `@unchecked`: one thread writes, and the memory behind `words` is only touched through atomics; it lives for ever.
@safe
public final class WorkerRows: @unchecked Sendable {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let cells: [MetricCells]

    /// - Parameters:
    ///   - memory: lives for ever, zeroed and aligned to eight bytes, as large as the table.
    ///   - cells: those of all threads.
    public init(unsafeMemory memory: UnsafeMutableRawPointer, cells: [MetricCells]) {
        unsafe words = memory.bindMemory(
            to: Atomic<UInt64>.self,
            capacity: MetricsLayout.workerRowsMax * MetricsLayout.workerRowWords
        )
        self.cells = cells
    }

    /// A table of its own, which lives for ever: for a data plane that counts in no file and tells itself what it counts.
    public convenience init(cells: [MetricCells]) {
        let bytes = MetricsLayout.workerRowsMax * MetricsLayout.workerRowWords * 8
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 8)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        unsafe self.init(unsafeMemory: memory, cells: cells)
    }

    /// What was counted of an incarnation in its slot, in the order of ``MetricsLayout/WorkerCell``; empty when the slot is
    /// not, or not any more, its own.
    func counted(_ incarnation: IncarnationID, slot: Int) -> [UInt64] {
        guard isOf(incarnation, slot) else { return [] }
        let first = slot * MetricsLayout.workerRowWords
        let counted = (0..<MetricsLayout.WorkerCell.count).map { index in
            let sum = cells.reduce(UInt64(0)) { $0 &+ $1.workerCell(index, slot: slot) }
            let before = unsafe words[first + 2 + index].load(ordering: .acquiring)
            return sum >= before ? sum - before : 0
        }
        return isOf(incarnation, slot) ? counted : []
    }

    private func isOf(_ incarnation: IncarnationID, _ slot: Int) -> Bool {
        guard slot < MetricsLayout.workerRowsMax else { return false }
        let first = slot * MetricsLayout.workerRowWords
        let (high, low) = WorkerRows.halves(incarnation)
        return unsafe words[first].load(ordering: .acquiring) == high
            && words[first + 1].load(ordering: .acquiring) == low
    }

    /// A slot is an incarnation's from now on, and what was counted there before is not; to be called while no thread
    /// counts there.
    func begin(slot: Int, _ incarnation: IncarnationID) {
        guard slot < MetricsLayout.workerRowsMax else { return }
        let first = slot * MetricsLayout.workerRowWords
        let (high, low) = WorkerRows.halves(incarnation)
        // Nobody's while it changes.
        unsafe words[first].store(0, ordering: .releasing)
        for index in 0..<MetricsLayout.WorkerCell.count {
            let sum = cells.reduce(UInt64(0)) { $0 &+ $1.workerCell(index, slot: slot) }
            unsafe words[first + 2 + index].store(sum, ordering: .releasing)
        }
        unsafe words[first + 1].store(low, ordering: .releasing)
        unsafe words[first].store(high, ordering: .releasing)
    }

    private static func halves(_ incarnation: IncarnationID) -> (UInt64, UInt64) {
        let bytes = incarnation.uuid.uuid
        let high = [bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5, bytes.6, bytes.7]
        let low = [bytes.8, bytes.9, bytes.10, bytes.11, bytes.12, bytes.13, bytes.14, bytes.15]
        return (high.reduce(0) { $0 << 8 | UInt64($1) }, low.reduce(0) { $0 << 8 | UInt64($1) })
    }
}
