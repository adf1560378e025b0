extension MicroBenchmark {
    /// What `kv_cost` does with the text of a prompt: hashes its blocks, looks them up and inserts them.
    static var prefixes: [MicroBenchmark] {
        [
            hash("38k-hashes", bytes: 38_000),
            prefix("38k-known", bytes: 38_000) { _ in 0 },
            // All of a prompt differs from those before it: every block takes a place.
            prefix("38k-new", bytes: 38_000) { $0 },
            // The second half is new.
            prefix("38k-longer", bytes: 38_000, changed: 19_000) { $0 },
        ]
    }

    private static func hash(_ name: String, bytes: Int) -> MicroBenchmark {
        MicroBenchmark(name: "prefix/\(name)", bytes: bytes, on: Prompts(bytes: bytes)) { prompts in
            var hashes: [UInt64] = []
            swap(&hashes, &prompts.hashes)
            hashes.removeAll(keepingCapacity: true)
            BlockHasher.hash(prompts.text.span, 0..<prompts.text.count, seed: BlockHasher.version, into: &hashes)
            let count = hashes.count
            swap(&hashes, &prompts.hashes)
            return count
        }
    }

    private struct Prompts {
        var text: [UInt8]
        var number = 0
        let index = PrefixIndex(bytesMax: 64 << 20)
        let group = CacheGroup(seed: 7)
        var hashes: [UInt64] = []
        var depths = [Int](repeating: 0, count: LaneSet.lanesMax)

        init(bytes: Int) {
            text = Array(SampleBodies.plainText.utf8)
            while text.count < bytes { text += text }
            text.removeLast(text.count - bytes)
            hashes.reserveCapacity(bytes / BlockHasher.blockBytes + 1)
            // Sixteen workers have the first version.
            var first: [UInt64] = []
            BlockHasher.hash(text.span, 0..<bytes, seed: BlockHasher.version, into: &first)
            for lane in 0..<16 { index.insert(first, lane: lane, group) }
        }
    }

    private static func prefix(
        _ name: String,
        bytes: Int,
        changed: Int = 0,
        version: @escaping (Int) -> Int
    ) -> MicroBenchmark {
        MicroBenchmark(name: "prefix/\(name)", bytes: bytes, on: Prompts(bytes: bytes)) { prompts in
            prompts.number += 1
            let number = version(prompts.number)
            for byte in 0..<4 { prompts.text[changed + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
            // Taken out for as long as it is written to.
            var hashes: [UInt64] = []
            swap(&hashes, &prompts.hashes)
            hashes.removeAll(keepingCapacity: true)
            BlockHasher.hash(prompts.text.span, 0..<prompts.text.count, seed: BlockHasher.version, into: &hashes)
            prompts.index.match(hashes, into: &prompts.depths, prompts.group)
            prompts.index.insert(hashes, lane: prompts.number & 15, prompts.group)
            swap(&hashes, &prompts.hashes)
            return prompts.depths[0]
        }
    }
}
