public import SignalboxProtocol
import Synchronization

/// The cells of one thread (``MetricsLayout``). Only that thread writes, so that no count costs a locked instruction;
/// others may read at any time.
///
/// `@unchecked`: there is no lock. The owner is the proxy thread that writes, one for each object; the memory behind `cells` and
/// `workers` is only touched through atomics, and lives as long as the object, or for ever where it is mapped.
@safe
public final class MetricCells: @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let workers: UnsafeMutablePointer<Atomic<UInt64>>
    /// How many of them are one worker's.
    private let cellsPerWorker = MetricsLayout.WorkerCell.count
    private let isOwn: Bool
    /// Upper bounds of the buckets, in milliseconds.
    private let bounds: [Int]

    /// Cells of its own, which end with it.
    public init(_ buckets: DurationBuckets = .standard) {
        bounds = buckets.milliseconds
        unsafe cells = .allocate(capacity: MetricsLayout.cellCount)
        unsafe workers = .allocate(capacity: MetricCells.workerCells)
        isOwn = true
        for index in 0..<MetricsLayout.cellCount { unsafe (cells + index).initialize(to: Atomic(0)) }
        for index in 0..<MetricCells.workerCells { unsafe (workers + index).initialize(to: Atomic(0)) }
    }

    private static let workerCells = MetricsLayout.workerBlockBytes / 8

    /// Cells in memory that lives for ever, ``MetricsLayout/blockBytes`` and ``MetricsLayout/workerBlockBytes`` of it, zeroed
    /// and aligned to eight bytes.
    public init(
        unsafeMemory memory: UnsafeMutableRawPointer,
        unsafeWorkers: UnsafeMutableRawPointer,
        _ buckets: DurationBuckets = .standard
    ) {
        bounds = buckets.milliseconds
        unsafe cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: MetricsLayout.cellCount)
        unsafe workers = unsafeWorkers.bindMemory(to: Atomic<UInt64>.self, capacity: MetricCells.workerCells)
        isOwn = false
    }

    deinit {
        guard isOwn else { return }
        unsafe cells.deallocate()
        unsafe workers.deallocate()
    }

    /// Adds to a cell; to be called by the one thread that writes.
    @inline(__always)
    func count(_ cell: Int, by difference: Int = 1) {
        precondition(cell >= 0 && cell < MetricsLayout.cellCount, "there is no cell \(cell)")
        let value = unsafe cells[cell].load(ordering: .relaxed)
        unsafe cells[cell].store(value &+ UInt64(truncatingIfNeeded: difference), ordering: .relaxed)
    }

    /// Adds one to a cell of a worker; without effect for slots beyond the rows that there are.
    @inline(__always)
    func count(_ cell: MetricsLayout.WorkerCell, slot: Int) {
        guard slot >= 0 && slot < MetricsLayout.workerRowsMax else { return }
        let index = slot * cellsPerWorker + cell.index
        let value = unsafe workers[index].load(ordering: .relaxed)
        unsafe workers[index].store(value &+ 1, ordering: .relaxed)
    }

    /// What a cell of a worker has now.
    func workerCell(_ index: Int, slot: Int) -> UInt64 {
        precondition(slot >= 0 && slot < MetricsLayout.workerRowsMax, "there is no row \(slot)")
        return unsafe workers[slot * cellsPerWorker + index].load(ordering: .relaxed)
    }

    /// Adds a time to the histogram that begins at a cell.
    func observe(_ histogram: Int, milliseconds: Int) {
        var bucket = 0
        while bucket < bounds.count, milliseconds > bounds[bucket] { bucket += 1 }
        count(histogram + bucket)
        count(histogram + MetricsLayout.histogramSum, by: max(0, milliseconds))
    }

    /// What a cell has now.
    public subscript(cell: Int) -> UInt64 {
        precondition(cell >= 0 && cell < MetricsLayout.cellCount, "there is no cell \(cell)")
        return unsafe cells[cell].load(ordering: .relaxed)
    }
}
