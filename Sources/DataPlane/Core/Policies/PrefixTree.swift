/// The texts that workers were sent, as a radix tree of UTF-8 whose nodes know their workers (specification section 3.2).
///
/// Edges begin and end between Unicode scalars, and lengths are counted in them. Not thread-safe: its owner locks.
struct PrefixTree: Sendable {
    private struct Node: Sendable {
        var edge: [UInt8]
        var parent: Int
        /// By the first scalar of their edges (``key(_:at:)``).
        var children: [UInt32: Int] = [:]
        /// When each worker was last sent a text through here, by token.
        var workers: [UInt64: UInt64] = [:]
        /// The worker that came through last.
        var last: UInt64 = 0
    }

    /// A node that is not in use has itself as its parent, except for the root at 0.
    private var nodes: [Node] = [Node(edge: [], parent: 0)]
    private var free: [Int] = []
    private var clock: UInt64 = 0
    /// Scalars of each worker's texts, shared prefixes counted for each.
    private(set) var sizes: [UInt64: Int] = [:]

    /// Nodes in use, the root included.
    var count: Int { nodes.count - free.count }

    /// The longest known beginning of a text, in scalars, and the worker that was last sent it.
    mutating func match(_ text: [UInt8]) -> (scalars: Int, worker: UInt64?) {
        var node = 0
        var position = 0
        while position < text.count, let child = nodes[node].children[PrefixTree.key(text, at: position)] {
            let shared = sharedLength(child, text, position)
            position += shared
            node = child
            if shared < nodes[child].edge.count { break }
        }
        let worker = node == 0 || nodes[node].workers.isEmpty ? nil : nodes[node].last
        if let worker { touch(node, worker) }
        return (PrefixTree.scalars(text[..<position]), worker)
    }

    /// A worker is sent a text.
    mutating func insert(_ text: [UInt8], for worker: UInt64) {
        clock += 1
        var node = 0
        var position = 0
        if sizes[worker] == nil { sizes[worker] = 0 }
        while position < text.count {
            let key = PrefixTree.key(text, at: position)
            guard let child = nodes[node].children[key] else {
                let leaf = add(Node(edge: Array(text[position...]), parent: node), at: key)
                stamp(leaf, worker)
                return
            }
            let shared = sharedLength(child, text, position)
            let next = shared < nodes[child].edge.count ? split(child, at: shared) : child
            stamp(next, worker)
            position += shared
            node = next
        }
    }

    /// Forgets what a worker was sent longest ago until it has at most `max` scalars.
    mutating func evict(_ worker: UInt64, to max: Int) {
        guard sizes[worker, default: 0] > max else { return }
        var leaves = nodes.indices.filter { isLeaf($0, of: worker) }
            .sorted { nodes[$0].workers[worker, default: 0] > nodes[$1].workers[worker, default: 0] }
        while sizes[worker, default: 0] > max, let leaf = leaves.popLast() {
            let parent = nodes[leaf].parent
            remove(worker, from: leaf)
            guard isLeaf(parent, of: worker) else { continue }
            // It may have been used later than other leaves.
            leaves.insert(parent, at: place(of: parent, among: leaves, worker))
        }
    }

    /// Where a node belongs among others that a worker used the later the further in front they stand.
    private func place(of node: Int, among others: [Int], _ worker: UInt64) -> Int {
        let used = nodes[node].workers[worker, default: 0]
        var (low, high) = (0, others.count)
        while low < high {
            let middle = (low + high) / 2
            if nodes[others[middle]].workers[worker, default: 0] >= used { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The worker is gone.
    mutating func forget(_ worker: UInt64) {
        for node in nodes.indices where nodes[node].workers[worker] != nil { remove(worker, from: node) }
        sizes[worker] = nil
    }

    /// Bytes that begin a scalar.
    static func scalars(_ bytes: some Sequence<UInt8>) -> Int {
        bytes.reduce(0) { $0 + (isInside($1) ? 0 : 1) }
    }

    /// The bytes of the scalar that begins at an index.
    private static func key(_ bytes: [UInt8], at index: Int) -> UInt32 {
        var key = UInt32(bytes[index])
        var next = index + 1
        while next < min(bytes.count, index + 4), isInside(bytes[next]) {
            key = key << 8 | UInt32(bytes[next])
            next += 1
        }
        return key
    }

    /// Whether a byte continues a scalar.
    private static func isInside(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    /// Bytes that an edge and a text have in common, whole scalars only; the first one is that by which the edge was found.
    private func sharedLength(_ node: Int, _ text: [UInt8], _ position: Int) -> Int {
        let edge = nodes[node].edge
        let limit = min(edge.count, text.count - position)
        var length = 0
        while length < limit, edge[length] == text[position + length] { length += 1 }
        // Different scalars may begin with the same bytes.
        while length > 1, length < edge.count, PrefixTree.isInside(edge[length]) { length -= 1 }
        return length
    }

    private mutating func stamp(_ node: Int, _ worker: UInt64) {
        if nodes[node].workers[worker] == nil { sizes[worker, default: 0] += PrefixTree.scalars(nodes[node].edge) }
        nodes[node].workers[worker] = clock
        nodes[node].last = worker
    }

    /// A match counts as use, from the node up to the root.
    private mutating func touch(_ node: Int, _ worker: UInt64) {
        clock += 1
        var node = node
        while node != 0 {
            if nodes[node].workers[worker] != nil { nodes[node].workers[worker] = clock }
            node = nodes[node].parent
        }
    }

    /// Cuts an edge in two; returns the upper node, which has the same workers.
    private mutating func split(_ node: Int, at length: Int) -> Int {
        let edge = nodes[node].edge
        var upper = Node(edge: Array(edge[..<length]), parent: nodes[node].parent)
        upper.workers = nodes[node].workers
        upper.last = nodes[node].last
        let index = add(upper, at: PrefixTree.key(edge, at: 0))
        nodes[node].edge = Array(edge[length...])
        nodes[node].parent = index
        nodes[index].children[PrefixTree.key(edge, at: length)] = node
        return index
    }

    private mutating func add(_ node: Node, at key: UInt32) -> Int {
        let index: Int
        if let reused = free.popLast() {
            index = reused
            nodes[reused] = node
        } else {
            index = nodes.count
            nodes.append(node)
        }
        nodes[node.parent].children[key] = index
        return index
    }

    private func isLeaf(_ node: Int, of worker: UInt64) -> Bool {
        node != 0 && nodes[node].workers[worker] != nil
            && !nodes[node].children.values.contains { nodes[$0].workers[worker] != nil }
    }

    private mutating func remove(_ worker: UInt64, from node: Int) {
        guard nodes[node].workers.removeValue(forKey: worker) != nil else { return }
        sizes[worker, default: 0] -= PrefixTree.scalars(nodes[node].edge)
        if nodes[node].last == worker { nodes[node].last = nodes[node].workers.max { $0.value < $1.value }?.key ?? 0 }
        var node = node
        while node != 0, nodes[node].workers.isEmpty, nodes[node].children.isEmpty {
            let parent = nodes[node].parent
            if !nodes[node].edge.isEmpty { nodes[parent].children[PrefixTree.key(nodes[node].edge, at: 0)] = nil }
            nodes[node] = Node(edge: [], parent: node)
            free.append(node)
            node = parent
        }
    }
}
