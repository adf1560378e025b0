import Synchronization

/// Makes the prefix index of a data plane when it is first needed: most of its memory is taken at once.
final class PrefixIndexSource: Sendable {
    let bytesMax: Int
    private let made = Mutex<PrefixIndex?>(nil)

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    var index: PrefixIndex {
        made.withLock { made in
            if let made { return made }
            let index = PrefixIndex(bytesMax: bytesMax)
            made = index
            return index
        }
    }

    var existing: PrefixIndex? { made.withLock { $0 } }
}
