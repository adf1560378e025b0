extension MicroBenchmark {
    /// Heads of requests and responses, and the search for their end.
    static var heads: [MicroBenchmark] {
        [
            request("curl", SampleHeads.curl),
            request("openai-python", SampleHeads.openAIPython),
            request("at-the-limits", SampleHeads.atTheLimits),
            response("json", SampleHeads.jsonResponse),
            response("event-stream", SampleHeads.eventStreamResponse),
            headEnd("whole", SampleHeads.openAIPython, pieceBytes: .max),
            headEnd("pieces-of-64", SampleHeads.openAIPython, pieceBytes: 64),
            headEnd("pieces-of-1", SampleHeads.openAIPython, pieceBytes: 1),
        ]
    }

    private static func request(_ name: String, _ head: [UInt8]) -> MicroBenchmark {
        let limits = HTTPLimits()
        return MicroBenchmark(name: "request-head/\(name)", bytes: head.count, on: FieldTable()) { fields in
            let result = try RequestHead.parse(head.span, into: &fields, limits: limits)
            return fields.fields.count &+ result.target.path.count
        }
    }

    private static func response(_ name: String, _ head: [UInt8]) -> MicroBenchmark {
        let limits = HTTPLimits()
        return MicroBenchmark(name: "response-head/\(name)", bytes: head.count, on: FieldTable()) { fields in
            let result = try ResponseHead.parse(
                head.span,
                into: &fields,
                isAnswerToHead: false,
                limits: limits
            )
            return fields.fields.count &+ result.status
        }
    }

    /// The search over a head that arrives in pieces of this size.
    private static func headEnd(_ name: String, _ head: [UInt8], pieceBytes: Int) -> MicroBenchmark {
        MicroBenchmark(name: "head-end/\(name)", bytes: head.count) {
            var end = HeadEnd()
            var count = min(pieceBytes, head.count)
            while true {
                if let length = try end.find(in: head.span.extracting(0..<count)) { return length }
                count = min(count + pieceBytes, head.count)
            }
        }
    }
}
