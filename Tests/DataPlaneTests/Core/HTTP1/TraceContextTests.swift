import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct TraceContextTests {
    /// The fields of the trace as the worker gets them.
    private static func forwarded(_ fields: [String], _ mode: TraceContextMode = .check) throws -> [String] {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Samples.settings { $0.traceContext = mode })
        let client = bench.accept()
        let lines = fields.map { "\($0)\r\n" }.joined()
        bench.receive(client, "GET /get_model_info HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
        return bench.network.takeText(bench.openUpstream()).split(separator: "\r\n").map(String.init)
            .filter { $0.lowercased().hasPrefix("trace") }
    }

    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("What is valid goes on unchanged")
    func valid() throws {
        for parent in [Self.parent, "01" + Self.parent.dropFirst(2), "01" + Self.parent.dropFirst(2) + "-more"] {
            let fields = ["TraceParent: \(parent)", "tracestate: a=1,b@c=x y", "tracestate: d=2"]
            #expect(try Self.forwarded(fields) == fields)
            #expect(try Self.forwarded(fields, .begin) == fields)
        }
    }

    @Test("A bad parent is dropped with its state")
    func badParent() throws {
        let bad = [
            "", "00", "ff" + Self.parent.dropFirst(2), Self.parent + "-more", Self.parent + "x",
            Self.parent.uppercased(),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01", "01" + Self.parent.dropFirst(2) + "x",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", Self.parent.replacing("-", with: "_"),
        ]
        for parent in bad {
            #expect(try Self.forwarded(["traceparent: \(parent)", "tracestate: a=1"]).isEmpty)
        }
        let twice = ["traceparent: \(Self.parent)", "traceparent: \(Self.parent)"]
        #expect(try Self.forwarded(twice).isEmpty)
        #expect(try Self.forwarded(["tracestate: a=1"]).isEmpty)
    }

    @Test("A bad state is dropped alone")
    func badState() throws {
        let parent = "traceparent: \(Self.parent)"
        for state in ["a", "=1", "A=1", "a=b=c", "a=", String(repeating: "a=1,", count: 33)] {
            #expect(try Self.forwarded([parent, "tracestate: \(state)"]) == [parent])
        }
    }

    @Test("A trace begins where there is none, each time another one; or all goes on as it came")
    func begin() throws {
        for fields in [[], ["traceparent: bad", "tracestate: a=1"]] {
            let begun = try Self.forwarded(fields, .begin)
            #expect(begun.count == 1 && begun[0].wholeMatch(of: /traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01/) != nil)
            #expect(try Self.forwarded(begun) == begun, "what is begun is valid")
            #expect(try Self.forwarded(fields, .pass) == fields)
        }
        var generator = SplitMix64(seed: 1)
        var (first, second) = (ByteBuffer(), ByteBuffer())
        TraceContext.appendNew(to: &first, using: &generator)
        TraceContext.appendNew(to: &second, using: &generator)
        let (one, other) = (first.storage.span, second.storage.span)
        var differing = 0
        for index in 0..<min(one.count, other.count) where one[index] != other[index] { differing += 1 }
        #expect(one.count == other.count && differing > 24)
    }
}
