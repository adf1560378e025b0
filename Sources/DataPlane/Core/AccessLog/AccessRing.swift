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
        records = Mutex(AccessRing.empty())
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

    /// Everything that was left since the last time.
    public func takeAll() -> [AccessRecord] {
        var taken = AccessRing.empty()
        records.withLock { swap(&$0, &taken) }
        return taken
    }

    /// Room for all records, so that no thread that serves allocates.
    private static func empty() -> [AccessRecord] {
        var records: [AccessRecord] = []
        records.reserveCapacity(recordsMax)
        return records
    }
}
