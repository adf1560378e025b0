import Foundation
import Testing

@testable import route_simulator

struct WorkloadTests {
    private func read(_ text: String) throws -> Workload {
        let path = NSTemporaryDirectory() + "trace-\(UUID().uuidString).jsonl"
        try Data(text.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try Workload(trace: path)
    }

    private func line(_ stamp: Int, _ input: Int, _ output: Int, _ blocks: [Int]) -> String {
        #"{"timestamp": \#(stamp), "input_length": \#(input), "output_length": \#(output), "hash_ids": \#(blocks)}"#
    }

    @Test("A trace is read in the order of its stamps, from the first one on; equal ones are spread until the next")
    func trace() throws {
        let lines = [
            line(9_000, 600, 5, [1, 2]), line(6_000, 1_000, 7, [1, 3]), line(6_000, 100, 0, [4]),
            line(6_000, 50, 3, []),
        ]
        let requests = try read(lines.joined(separator: "\n") + "\n\n").requests
        #expect(requests.map(\.arrival) == [0, 1, 2, 3])
        #expect(requests.map(\.inputTokens) == [1_000, 100, 50, 600])
        #expect(requests.map(\.outputTokens) == [7, 1, 3, 5])
        #expect(requests.map(\.blocks) == [[1, 3], [4], [], [1, 2]])
    }

    @Test(
        "What is no trace is named with its line",
        arguments: [
            ("", "is empty"), ("{}\n", "Line 1 of"), ("timestamp,input_length\n", "Line 1 of"),
            (
                #"{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": [1]}"# + "\n{\"timestamp\"",
                "Line 2 of"
            ),
        ]
    )
    func fault(text: String, message: String) throws {
        #expect(performing: { try read(text) }, throws: { "\($0)".contains(message) })
    }

    @Test("A missing file is named")
    func missing() {
        #expect(
            performing: { try Workload(trace: "/nowhere/trace.jsonl") },
            throws: {
                "\($0)" == "The trace /nowhere/trace.jsonl cannot be read."
            }
        )
    }
}
