import Testing

@testable import DataPlaneCore

struct PrefixTreeTests {
    private func match(_ tree: inout PrefixTree, _ text: String) -> (Int, UInt64?) {
        let found = tree.match(Array(text.utf8))
        return (found.scalars, found.worker)
    }

    @Test("It finds the longest known beginning and the worker that was last sent it")
    func matches() {
        var tree = PrefixTree()
        tree.insert(Array("hello world".utf8), for: 1)
        tree.insert(Array("hello there friend".utf8), for: 2)
        #expect(match(&tree, "hello world") == (11, 1))
        #expect(match(&tree, "hello wor") == (9, 1))
        #expect(match(&tree, "hello there") == (11, 2))
        #expect(match(&tree, "hello") == (5, 2))
        #expect(match(&tree, "zzz") == (0, nil))
        #expect(match(&tree, "") == (0, nil))
    }

    @Test("Sizes are scalars, and a shared beginning counts for each worker")
    func sizes() {
        var tree = PrefixTree()
        tree.insert(Array("日本語".utf8), for: 1)
        tree.insert(Array("日本人です".utf8), for: 2)
        #expect(tree.sizes == [1: 3, 2: 5])
        #expect(match(&tree, "日本酒") == (2, 2))
        tree.insert(Array("日本語".utf8), for: 1)
        #expect(tree.sizes[1] == 3)
    }

    @Test("It forgets what was used longest ago until a worker fits, and leaves the others alone")
    func evict() {
        var tree = PrefixTree()
        for (text, worker) in [("aaaa1", 1), ("aaaa2", 1), ("bbbb", 1), ("aaaa1", 2)] as [(String, UInt64)] {
            tree.insert(Array(text.utf8), for: worker)
        }
        #expect(tree.sizes == [1: 10, 2: 5])
        _ = match(&tree, "aaaa2")
        tree.evict(1, to: 6)
        #expect(tree.sizes[1, default: 0] <= 6)
        #expect(match(&tree, "aaaa1") == (5, 2), "another worker's text has gone")
        tree.forget(2)
        tree.evict(1, to: 0)
        #expect(tree.count == 1, "nodes without workers are left")
    }

    @Test("Characters with a shared beginning of bytes are different ones")
    func sharedBytes() {
        var tree = PrefixTree()
        tree.insert(Array("ä".utf8), for: 1)
        #expect(match(&tree, "ö") == (0, nil))
        tree.insert(Array("你好".utf8), for: 1)
        #expect(match(&tree, "佗好") == (0, nil))
        tree.insert(Array("x你".utf8), for: 1)
        tree.insert(Array("x佗".utf8), for: 2)
        #expect(match(&tree, "x") == (1, 2))
        #expect(match(&tree, "x你") == (2, 1))
        #expect(match(&tree, "x佖") == (1, 2))
        #expect(tree.sizes == [1: 5, 2: 2])
    }

    @Test("On random texts matches, workers and sizes are those of a naive model of scalars")
    func naiveModel() {
        var random = SplitMix64(seed: 3)
        var tree = PrefixTree()
        var texts: [(scalars: [Unicode.Scalar], worker: UInt64)] = []
        let alphabet: [Unicode.Scalar] = ["a", "é", "è", "ê", "漢", "你", "佗", "😀", "😁"]
        for _ in 0..<1_200 {
            let count = Int(random.next() % 7)
            let text = (0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            let bytes = Array(String(String.UnicodeScalarView(text)).utf8)
            let longest = texts.map { zip($0.scalars, text).prefix { $0 == $1 }.count }.max() ?? 0
            let found = tree.match(bytes)
            #expect(found.scalars == longest)
            // The one that was last sent a text with that beginning.
            let last = texts.last { $0.scalars.starts(with: text.prefix(longest)) }?.worker
            #expect(found.worker == (longest > 0 ? last : nil))
            let worker = random.next() % 3
            tree.insert(bytes, for: worker)
            texts.append((text, worker))
        }
        // Every beginning of a worker's texts counts once.
        for worker in 0..<3 as Range<UInt64> {
            let beginnings = texts.filter { $0.worker == worker }.flatMap { text in
                (0..<text.scalars.count).map { Array(text.scalars[...$0]) }
            }
            #expect(tree.sizes[worker] == Set(beginnings).count)
        }
        for worker in Array(tree.sizes.keys) { tree.forget(worker) }
        #expect(tree.count == 1 && tree.sizes.isEmpty)
    }

    @Test("A text whose own end was used lately stays, when what was longer goes")
    func evictsInOrder() {
        var tree = PrefixTree()
        for text in ["aaaa", "aaaabbbb", "cccc", "aaaa"] { tree.insert(Array(text.utf8), for: 1) }
        tree.evict(1, to: 4)
        #expect(match(&tree, "aaaabbbb") == (4, 1))
        #expect(match(&tree, "cccc") == (0, nil))
    }

    @Test("On random texts nothing is forgotten that was used later than what stays, and no more than must be")
    func evictionModel() {
        var random = SplitMix64(seed: 8)
        let alphabet: [Unicode.Scalar] = ["a", "é", "漢", "😀"]
        for _ in 0..<60 {
            var tree = PrefixTree()
            // When each beginning of a worker's texts was last used.
            var used: [UInt64: [[UInt8]: Int]] = [:]
            var texts: [[UInt8]] = []
            for step in 0..<60 {
                let count = 1 + Int(random.next() % 6)
                let scalars = (0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
                let text = Array(String(String.UnicodeScalarView(scalars)).utf8)
                let worker = random.next() % 3
                tree.insert(text, for: worker)
                texts.append(text)
                for end in 1...count {
                    used[worker, default: [:]][Array(String(String.UnicodeScalarView(scalars[..<end])).utf8)] = step
                }
            }
            let sizeMax = Int(random.next() % 40)
            let sizes = tree.sizes
            tree.evict(0, to: sizeMax)
            #expect(tree.sizes[1] == sizes[1] && tree.sizes[2] == sizes[2])
            let size = tree.sizes[0, default: 0]
            #expect(size <= sizeMax || sizes[0, default: 0] <= sizeMax)
            // The longest edge is six scalars.
            #expect(size == sizes[0] || size > sizeMax - 6)
            // What is left of this worker alone.
            var own = tree
            own.forget(1)
            own.forget(2)
            let beginnings = used[0, default: [:]]
            let kept = beginnings.filter { own.match($0.key).scalars == PrefixTree.scalars($0.key) }
            #expect(kept.count == size)
            let gone = beginnings.filter { kept[$0.key] == nil }
            guard let newestGone = gone.values.max(), let oldestKept = kept.values.min() else { continue }
            #expect(newestGone <= oldestKept)
        }
    }
}
