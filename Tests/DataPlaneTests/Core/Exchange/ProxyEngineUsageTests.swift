import SignalboxProtocol
import Testing

@testable import DataPlaneCore

@Suite("Usage that answers tell") struct ProxyEngineUsageTests {
    /// What is counted of prompt, completion and cached tokens when these pieces come one after the other.
    private static func tokens(_ path: String, _ pieces: [String]) throws -> [UInt64] {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        let upstream = bench.openUpstream()
        bench.receive(
            upstream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for piece in pieces { bench.receive(upstream, "\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n") }
        bench.receive(upstream, "0\r\n\r\n")
        return [MetricsLayout.Tokens.prompt, .completion, .cached].map {
            bench.counters.metrics[MetricsLayout.tokens + $0.rawValue]
        }
    }

    private static let start =
        #"data: {"type":"message_start","message":{"usage":{"input_tokens":21,"cache_read_input_tokens":5,"output_tokens":1}}}"#
        + "\n\n"
    private static let delta =
        #"data: {"type":"content_block_delta","delta":{"text":"\#(String(repeating: "a", count: 300))"}}"# + "\n\n"
    private static let end = #"data: {"type":"message_delta","usage":{"output_tokens":40}}"# + "\n\n"

    @Test("A long stream of the Anthropic API tells its prompt at the beginning and its completion at the end")
    func messages() throws {
        let deltas = [String](repeating: Self.delta, count: 20)
        #expect(try Self.tokens("/v1/messages", [Self.start] + deltas + [Self.end]) == [21, 40, 5])
        #expect(try Self.tokens("/v1/messages", [(Self.start + deltas.joined()), Self.end]) == [21, 40, 5])
        #expect(try Self.tokens("/v1/messages", [Self.start, Self.end]) == [21, 40, 5])
    }

    @Test("A first event that comes in two pieces is read as well")
    func split() throws {
        let deltas = [String](repeating: Self.delta, count: 20)
        let (head, rest) = (String(Self.start.prefix(70)), String(Self.start.dropFirst(70)))
        #expect(try Self.tokens("/v1/messages", [head, rest] + deltas + [Self.end]) == [21, 40, 5])
    }

    @Test("Elsewhere only the end counts")
    func others() throws {
        let deltas = [String](repeating: Self.delta, count: 20)
        #expect(try Self.tokens("/v1/chat/completions", [Self.start] + deltas + [Self.end]) == [0, 40, 0])
    }

    /// What is known of bytes for each token after so many prompts of 4,000 bytes and so many tokens.
    private static func bytesPerToken(
        _ path: String,
        tokens: Int,
        bytes: Int = 4_000,
        more: String = "",
        answers: Int = 600
    ) throws -> Double {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], policy: .kvCost)
        let client = bench.accept()
        let body = #"{"model":"m","prompt":"\#(String(repeating: "a", count: bytes - 2))"\#(more)}"#
        let usage = #"{"usage":{"prompt_tokens":\#(tokens),"completion_tokens":1}}"#
        for _ in 0..<answers {
            bench.receive(
                client,
                "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            let upstream = bench.openUpstream()
            bench.receive(
                upstream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: \(usage.utf8.count)\r\n\r\n\(usage)"
            )
            _ = bench.network.takeText(client)
        }
        return bench.engine.table.pools[0].cacheGroup.bytesPerToken
    }

    @Test("Bytes for each token are learned from prompts that are known whole")
    func bytesPerToken() throws {
        #expect(try abs(Self.bytesPerToken("/v1/completions", tokens: 2_000) - 2) < 0.05)
        #expect(try abs(Self.bytesPerToken("/v1/completions", tokens: 500) - 8) < 0.05)
        #expect(try Self.bytesPerToken("/v1/completions", tokens: 2_000, answers: 5) > 3.7, "one client changes little")
        #expect(try Self.bytesPerToken("/v1/completions", tokens: 5) == 4, "that was no text")
        #expect(try Self.bytesPerToken("/v1/completions", tokens: 400, bytes: 500) == 4, "most of it was the template")
        #expect(try Self.bytesPerToken("/v1/messages", tokens: 2_000) == 4, "some leave cached tokens out")
        let tools = #","tools":"\#(String(repeating: "t", count: 4_000))""#
        #expect(try Self.bytesPerToken("/v1/completions", tokens: 2_000, more: tools) == 4, "tools are in the prompt")
    }
}
