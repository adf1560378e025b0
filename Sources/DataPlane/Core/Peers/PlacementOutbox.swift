import Synchronization

/// What the threads of a data plane have routed since its peers were told last, in a bounded number of words. Nothing is kept
/// while there are no peers.
final class PlacementOutbox: Sendable {
    /// A second of a thousand long prompts; what comes beyond is not told.
    private static let wordsMax = 128 * 1024

    private let isOpen = Atomic<Bool>(false)
    private let droppedCount = Atomic<Int>(0)
    /// For each placement: group, worker, number of blocks, blocks.
    private let words = Mutex<[UInt64]>([])

    /// Placements that were not told because there were too many.
    var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// Whether there is anybody to tell.
    func open(_ opens: Bool) {
        guard opens != isOpen.load(ordering: .relaxed) else { return }
        words.withLock { words in
            words = []
            if opens { words.reserveCapacity(PlacementOutbox.wordsMax) }
        }
        isOpen.store(opens, ordering: .relaxed)
    }

    func append(group: UInt64, worker: UInt64, blocks: [UInt64]) {
        guard isOpen.load(ordering: .relaxed), !blocks.isEmpty else { return }
        let isTaken = words.withLock { words in
            guard words.count + 3 + blocks.count <= PlacementOutbox.wordsMax else { return false }
            words.append(group)
            words.append(worker)
            words.append(UInt64(blocks.count))
            words.append(contentsOf: blocks)
            return true
        }
        if !isTaken { droppedCount.add(1, ordering: .relaxed) }
    }

    /// Takes the oldest placements out, as many as fit into `bytesMax` encoded bytes.
    func take(bytesMax: Int) -> [PeerDatagram.Placement] {
        guard isOpen.load(ordering: .relaxed) else { return [] }
        return words.withLock { words in
            var placements: [PeerDatagram.Placement] = []
            var (index, bytes) = (0, 0)
            while index < words.count {
                let count = Int(words[index + 2])
                bytes += 20 + 8 * count
                guard bytes <= bytesMax else { break }
                let blocks = Array(words[(index + 3)..<(index + 3 + count)])
                placements.append(
                    PeerDatagram.Placement(group: words[index], worker: words[index + 1], blocks: blocks)
                )
                index += 3 + count
            }
            words.removeFirst(index)
            return placements
        }
    }
}
