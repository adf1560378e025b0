import Foundation
import SignalboxProtocol
import Testing

@testable import ControlPlane

struct MetricsDirectoryTests {
    /// A folder that is removed at the end.
    private final class Folder {
        let path = NSTemporaryDirectory() + "sbm-\(UUID().uuidString.prefix(8))"

        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        /// A file of a data plane whose threads have each counted `count` connections.
        func add(
            _ name: String,
            threads: Int,
            count: UInt64,
            digest: UInt64 = MetricsLayout.digest(.standard),
            worker: IncarnationID? = nil
        ) throws {
            var bytes = [UInt8](repeating: 0, count: MetricsLayout.fileBytes(threads: threads))
            func put(_ value: UInt64, _ offset: Int) {
                for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
            }
            put(MetricsLayout.magic, 0)
            put(digest, MetricsLayout.digestOffset)
            put(UInt64(threads), MetricsLayout.threadsOffset)
            if let worker {
                let table = MetricsLayout.workerTableOffset(threads: threads) + 7 * MetricsLayout.workerRowWords * 8
                let text = worker.description.filter { $0 != "-" }
                put(UInt64(text.prefix(16), radix: 16) ?? 0, table)
                put(UInt64(text.suffix(16), radix: 16) ?? 0, table + 8)
                put(1, table + 16)
                for thread in 0..<threads {
                    let block = MetricsLayout.workerBlockOffset(thread: thread, threads: threads)
                    put(count, block + 7 * MetricsLayout.WorkerCell.count * 8)
                }
            }
            for thread in 0..<threads {
                let block = MetricsLayout.headerBytes + thread * MetricsLayout.blockBytes
                put(count, block + MetricsLayout.connections * 8)
            }
            try Data(bytes).write(to: URL(filePath: "\(path)/\(name).metrics"))
        }

        var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
    }

    private func connections(_ directory: MetricsDirectory) -> UInt64 {
        directory.read([]).cells[MetricsLayout.connections]
    }

    @Test("All files are summed, whatever state they are in; what is none counts nothing")
    func sum() throws {
        let folder = try Folder()
        let directory = MetricsDirectory(path: folder.path)
        #expect(connections(MetricsDirectory(path: folder.path + "/missing")) == 0)
        try folder.add("a", threads: 2, count: 10)
        try folder.add("b", threads: 1, count: 1)
        try folder.add("other-version", threads: 1, count: 1_000, digest: 7)
        try Data([1, 2, 3]).write(to: URL(filePath: folder.path + "/short.metrics"))
        try Data().write(to: URL(filePath: folder.path + "/empty.metrics"))
        #expect(connections(directory) == 21)
    }

    @Test("Many ended ones are merged, a living one is not, nor what cannot be read, and the sum stays")
    func merge() throws {
        let folder = try Folder()
        let directory = MetricsDirectory(path: folder.path)
        for number in 0...MetricsDirectory.endedMax { try folder.add("ended-\(number)", threads: 1, count: 2) }
        try folder.add("living", threads: 1, count: 5)
        try folder.add("other-version", threads: 1, count: 1_000, digest: 7)
        try Data().write(to: URL(filePath: folder.path + "/new.metrics"))
        let descriptor = open("\(folder.path)/living.metrics", O_RDWR)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        let merged = UInt64(MetricsDirectory.endedMax + 1) * 2
        #expect(connections(directory) == merged + 5)
        #expect(folder.names == ["living.metrics", "merged.metrics", "new.metrics", "other-version.metrics"])
        // Once more, onto what was merged.
        for number in 0...MetricsDirectory.endedMax { try folder.add("more-\(number)", threads: 1, count: 1) }
        #expect(connections(directory) == merged + 5 + UInt64(MetricsDirectory.endedMax) + 1)
    }

    @Test("Workers are told apart, from what they had when they got their rows, also by what was merged")
    func workers() throws {
        let folder = try Folder()
        let directory = MetricsDirectory(path: folder.path)
        var generator = SystemRandomNumberGenerator()
        let (here, gone) = (IncarnationID.random(using: &generator), IncarnationID.random(using: &generator))
        try folder.add("a", threads: 2, count: 10, worker: here)
        try folder.add("b", threads: 1, count: 4, worker: here)
        try folder.add("c", threads: 1, count: 3, worker: gone)
        func failures() -> [IncarnationID: UInt64] { directory.read([here]).workers.mapValues { $0[0] } }
        #expect(failures() == [here: 22, gone: 2])
        for number in 0...MetricsDirectory.endedMax { try folder.add("ended-\(number)", threads: 1, count: 1) }
        #expect(failures() == [here: 22])
        #expect(folder.names == ["merged.metrics"])
        #expect(directory.read([here]).workers[here]?[MetricsLayout.WorkerCell.failures.index] == 22)
        #expect(directory.read([here]).workers[here]?[MetricsLayout.WorkerCell.picks(0).index] == 0)
    }

    @Test("What an ended data plane of another layout has left goes after a while, a living one's stays")
    func otherLayouts() throws {
        let folder = try Folder()
        let directory = MetricsDirectory(path: folder.path)
        for name in ["old", "young", "living"] { try folder.add(name, threads: 1, count: 1, digest: 7) }
        try Data().write(to: URL(filePath: folder.path + "/empty.metrics"))
        let descriptor = open("\(folder.path)/living.metrics", O_RDWR)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        let past = Date(timeIntervalSinceNow: -Double(MetricsDirectory.unreadableSeconds) - 60)
        for name in ["old", "living", "empty"] {
            try FileManager.default.setAttributes(
                [.modificationDate: past],
                ofItemAtPath: "\(folder.path)/\(name).metrics"
            )
        }
        #expect(connections(directory) == 0)
        #expect(folder.names == ["living.metrics", "young.metrics"])
    }

    @Test("A crash between the merge and the removal of its sources counts nothing twice")
    func crash() throws {
        let folder = try Folder()
        let directory = MetricsDirectory(path: folder.path)
        for number in 0...MetricsDirectory.endedMax { try folder.add("ended-\(number)", threads: 1, count: 2) }
        let before = connections(directory)
        #expect(folder.names == ["merged.metrics"])
        // As if the removal had not happened.
        for number in 0...MetricsDirectory.endedMax { try folder.add("ended-\(number)", threads: 1, count: 2) }
        #expect(connections(directory) == before)
        #expect(folder.names == ["merged.metrics"])
    }

    @Test("Scrapes at one time lose nothing and see no sum go back")
    func concurrentScrapes() async throws {
        let folder = try Folder()
        let directory = MetricsDirectory(path: folder.path)
        for number in 0..<200 { try folder.add("ended-\(number)", threads: 1, count: 3) }
        let sums = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<5).map { _ in directory.read([]).cells[MetricsLayout.connections] } }
            }
            return await group.reduce(into: [UInt64]()) { $0 += $1 }
        }
        #expect(sums.count == 40 && sums.allSatisfy { $0 == 600 })
    }
}
