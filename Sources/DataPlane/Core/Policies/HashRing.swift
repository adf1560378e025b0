/// Places of workers on a ring of hashes: a key belongs to the first worker clockwise, and a worker that comes or goes moves
/// only its own share of the keys (specification section 3.5).
///
/// Made once for each table, of all workers of a pool, so that one that is unhealthy for a while loses its keys only for that
/// while. A worker's places depend on its URL alone: data planes agree without talking.
struct HashRing: Sendable {
    /// Places of one worker of weight 1.
    static let placesPerWeight = 150
    /// Most places of one worker.
    static let placesMax = 4 * placesPerWeight

    private let hashes: [UInt64]
    private let indexes: [Int]

    /// - Parameter members: indexes of workers, with the names that their places are made of.
    init(_ members: [(index: Int, name: String, weight: Int)]) {
        var places: [(hash: UInt64, index: Int)] = []
        for member in members {
            let count = min(member.weight * HashRing.placesPerWeight, HashRing.placesMax)
            for place in 0..<count {
                let name = Array("\(member.name)#\(place)".utf8)
                places.append((BlockHasher.hash(name.span, 0..<name.count), member.index))
            }
        }
        places.sort { ($0.hash, $0.index) < ($1.hash, $1.index) }
        hashes = places.map(\.hash)
        indexes = places.map(\.index)
    }

    /// The first worker clockwise from `key` that is accepted; nil when none is.
    @inline(__always)
    func first(from key: UInt64, where accepts: (Int) -> Bool) -> Int? {
        guard !hashes.isEmpty else { return nil }
        var (low, high) = (0, hashes.count)
        while low < high {
            let middle = (low + high) / 2
            if hashes[middle] < key { low = middle + 1 } else { high = middle }
        }
        var refused: Int?
        for step in 0..<hashes.count {
            let position = low + step < hashes.count ? low + step : low + step - hashes.count
            let index = indexes[position]
            // Neighbours on the ring are often of the same worker.
            if index == refused { continue }
            if accepts(index) { return index }
            refused = index
        }
        return nil
    }
}
