import Synchronization

/// Where one thread leaves its ended requests for the writer of the access log: bounded, and nobody waits.
public final class AccessRing: Sendable {
    /// Requests that fit in; the writer empties it some fifty times a second.
    public static let recordsMax = 4096

    private let records: Mutex<[AccessRecord]>
    /// One in so many requests is kept, and every failure.
    let sampleEvery: Int

    public init(sampleEvery: Int) {
        precondition(sampleEvery > 0, "one in \(sampleEvery) requests cannot be kept")
        self.sampleEvery = sampleEvery
        var room: [AccessRecord] = []
        room.reserveCapacity(AccessRing.recordsMax)
        records = Mutex(room)
    }

    /// Leaves a record, unless the ring is full or is just being emptied, which takes some nanoseconds.
    ///
    /// - Returns: whether the record will be written.
    func put(_ record: AccessRecord) -> Bool {
        records.withLockIfAvailable { records in
            guard records.count < AccessRing.recordsMax else { return false }
            records.append(record)
            return true
        } ?? false
    }

    /// Everything that was left since the last time, in place of what is in `taken`; both keep their room, so that no thread
    /// that serves allocates.
    public func takeAll(into taken: inout [AccessRecord]) {
        taken.removeAll(keepingCapacity: true)
        taken.reserveCapacity(AccessRing.recordsMax)
        records.withLock { if !$0.isEmpty { swap(&$0, &taken) } }
    }
}
