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

    @Test("On random texts matches are those of a naive model, and sizes are right")
    func naiveModel() {
        var random = SplitMix64(seed: 3)
        var tree = PrefixTree()
        var texts: [[UInt8]] = []
        let alphabet = [Array("a".utf8), Array("b".utf8), Array("é".utf8), Array("漢".utf8)]
        for _ in 0..<400 {
            let text = (0..<Int(random.next() % 12)).flatMap { _ in alphabet[Int(random.next() % 4)] }
            let naive = texts.map { zip($0, text).prefix { $0 == $1 }.count }.max() ?? 0
            #expect(tree.match(text).scalars == PrefixTree.scalars(text[..<naive]))
            tree.insert(text, for: random.next() % 3)
            texts.append(text)
        }
        let workers = Array(tree.sizes.keys)
        for worker in workers { tree.forget(worker) }
        #expect(tree.count == 1 && tree.sizes.isEmpty)
    }
}
