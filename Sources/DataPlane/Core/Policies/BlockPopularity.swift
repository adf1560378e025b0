import Synchronization

/// How many of the latest requests had a block, about: which beginnings of texts are common to most and which tell texts apart.
///
/// A few thousand counts that many blocks share, so that it takes no memory as it learns; sharing makes a block seem more popular
/// than it is, by little.
final class BlockPopularity: Sendable {
    fileprivate static let cells = 8_192
    /// Requests after which all counts are halved: what was popular long ago is not.
    private static let requestsMax = 16_384
    /// More requests than these must have had a block before it counts as popular.
    private static let requestsMin = 8
    /// Blocks behind the first unpopular one that are counted too, so that the first requests teach more than one block.
    private static let lookahead = 8

    private struct Counts: Sendable {
        var cells = [UInt32](repeating: 0, count: BlockPopularity.cells)
        var requests = 0
    }

    private let counts = Mutex(Counts())

    /// Counts a request that was sent to a worker: its popular blocks and the first ones behind them.
    func note(_ blocks: [UInt64], workers: Int) {
        guard !blocks.isEmpty else { return }
        counts.withLock { counts in
            counts.requests += 1
            if counts.requests > BlockPopularity.requestsMax {
                counts.requests /= 2
                for cell in counts.cells.indices { counts.cells[cell] /= 2 }
            }
            let telling = BlockPopularity.telling(blocks, counts, workers: workers) ?? blocks.count
            for block in blocks.prefix(telling + BlockPopularity.lookahead) { counts.cells[cell(block)] += 1 }
        }
    }

    /// The number of the first block that less than one in `2 * workers` of the requests have; nil when there is none.
    func telling(_ blocks: [UInt64], workers: Int) -> Int? {
        counts.withLock { counts in BlockPopularity.telling(blocks, counts, workers: workers) }
    }

    private static func telling(_ blocks: [UInt64], _ counts: borrowing Counts, workers: Int) -> Int? {
        let popular = counts.requests / (2 * max(1, workers)) + requestsMin
        for number in blocks.indices where Int(counts.cells[cell(blocks[number])]) <= popular { return number }
        return nil
    }
}

/// Which of the counts is a block's.
private func cell(_ block: UInt64) -> Int { Int(truncatingIfNeeded: block >> 13) & (BlockPopularity.cells - 1) }
