import Synchronization

/// The requests in flight per worker, shared by all threads of a data plane: one padded atomic counter a slot.
///
/// `@unchecked`: the memory behind `counters` is only touched through atomics, and `open` precedes every other use.
/// Slots are handed out by the thread that compiles routing tables; every other thread only counts.
@safe
public final class WorkerLoads: @unchecked Sendable {
    /// Two cache lines, so that neighbours do not slow one another down (adjacent-line prefetch).
    private static let strideBytes = 128

    private let counters: UnsafeMutableRawPointer
    public let slotsMax: Int

    /// Reserves address space for `slotsMax` counters; a page takes memory when its first slot is opened.
    public init(slotsMax: Int) {
        precondition(slotsMax > 0, "slotsMax must be positive, is \(slotsMax)")
        self.slotsMax = slotsMax
        unsafe counters = UnsafeMutableRawPointer.allocate(
            byteCount: slotsMax * WorkerLoads.strideBytes,
            alignment: WorkerLoads.strideBytes
        )
    }

    deinit {
        unsafe counters.deallocate()
    }

    /// Makes a slot ready for use. Called before any thread can see its number.
    func open(slot: Int) {
        unsafe counter(slot).initialize(to: Atomic<Int>(0))
    }

    public func increment(slot: Int) {
        unsafe counter(slot).pointee.add(1, ordering: .relaxed)
    }

    public func decrement(slot: Int) {
        let (old, _) = unsafe counter(slot).pointee.subtract(1, ordering: .relaxed)
        precondition(old > 0, "slot \(slot) has fewer than no requests in flight")
    }

    public func inFlight(slot: Int) -> Int {
        unsafe counter(slot).pointee.load(ordering: .relaxed)
    }

    private func counter(_ slot: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        precondition(slot >= 0 && slot < slotsMax, "there is no slot \(slot)")
        return unsafe (counters + slot * WorkerLoads.strideBytes).assumingMemoryBound(to: Atomic<Int>.self)
    }
}
