import Foundation
import Testing

@testable import Telemetry

struct LogDirectoryTests {
    private static let day: Int64 = 86_400_000

    private let path = NSTemporaryDirectory() + "sbl-\(UUID().uuidString.prefix(8))"

    private func append(_ line: String, to directory: LogDirectory, at time: Int64 = 0) {
        Array(line.utf8).withUnsafeBytes { bytes in
            directory.append(bytes, millisecondsSinceEpoch: time) { "lost \($0)\n" }
        }
    }

    private func names() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

    @Test("Each day, in UTC, has a file of its own, and lines are appended")
    func days() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = try #require(LogDirectory(path: path, daysMax: 0))
        append("one\n", to: directory, at: LogDirectoryTests.day - 1)
        append("two\n", to: directory, at: LogDirectoryTests.day)
        append("three\n", to: directory, at: LogDirectoryTests.day + 5)
        #expect(names() == ["sgl-router.1970-01-01", "sgl-router.1970-01-02"])
        #expect(try String(contentsOfFile: path + "/sgl-router.1970-01-02", encoding: .utf8) == "two\nthree\n")
    }

    @Test("Files that are too old are removed, and nothing else is")
    func retention() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = try #require(LogDirectory(path: path, daysMax: 2))
        for name in ["sgl-router.log", "sgl-router.1960-01-01.gz", "notes"] {
            try Data().write(to: URL(filePath: "\(path)/\(name)"))
        }
        for day in 0..<4 { append("x\n", to: directory, at: Int64(day) * LogDirectoryTests.day) }
        #expect(
            names() == [
                "notes", "sgl-router.1960-01-01.gz", "sgl-router.1970-01-03", "sgl-router.1970-01-04", "sgl-router.log",
            ]
        )
    }

    @Test("The folders above it are made, too")
    func parents() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = try #require(LogDirectory(path: path + "/a/b//c/", daysMax: 0))
        append("one\n", to: directory, at: 0)
        #expect(FileManager.default.fileExists(atPath: path + "/a/b/c/sgl-router.1970-01-01"))
    }

    @Test("Lines that cannot be written are counted, and told of by the next one that can")
    func losses() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let losses = LogLosses()
        let directory = try #require(LogDirectory(path: path, daysMax: 0, losses: losses))
        let file = path + "/sgl-router.1970-01-01"
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
        append("one\n", to: directory)
        append("two\nthree\n", to: directory)
        #expect(losses.count == 3)
        try FileManager.default.removeItem(atPath: file)
        append("four\n", to: directory)
        append("five\n", to: directory)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "\nlost 3\nfour\nfive\n")
        #expect(losses.count == 3)
    }

    @Test("A loss is told of on a line of its own, whoever's line has broken off there")
    func tornByAnother() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = try #require(LogDirectory(path: path, daysMax: 0, losses: LogLosses()))
        let file = path + "/sgl-router.1970-01-01"
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
        append("lost\n", to: directory)
        try FileManager.default.removeItem(atPath: file)
        try Data("half of a li".utf8).write(to: URL(filePath: file))
        append("next\n", to: directory)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "half of a li\nlost 1\nnext\n")
    }

    @Test("A folder that cannot be made is none")
    func impossible() {
        #expect(LogDirectory(path: "/proc/no/such/folder", daysMax: 0) == nil)
    }
}
