extension MicroBenchmark {
    /// Bodies followed to their end, as they arrive in reads.
    static var bodies: [MicroBenchmark] {
        let content = [UInt8](repeating: 0x61, count: 64 * 1024)
        return [
            framing("length-64k", .length(content.count), content, readBytes: 16 * 1024),
            framing("one-chunk-64k", .chunked, SampleBodies.chunked([content]), readBytes: 16 * 1024),
            framing("100-event-chunks", .chunked, SampleBodies.eventChunks(100), readBytes: .max),
            framing("100-event-chunks-one-per-read", .chunked, SampleBodies.eventChunks(100), readBytes: 187),
            events(),
        ]
    }

    private static func framing(
        _ name: String,
        _ framing: BodyFraming,
        _ body: [UInt8],
        readBytes: Int
    ) -> MicroBenchmark {
        let limits = HTTPLimits()
        return MicroBenchmark(name: "body/\(name)", bytes: body.count) {
            var framer = BodyFramer(framing)
            var content = 0
            var start = 0
            while start < body.count {
                let end = start + min(readBytes, body.count - start)
                let read = body.span.extracting(start..<end)
                var position = 0
                reading: while true {
                    switch try framer.next(read, at: &position, limits: limits) {
                    case .data(let range): content &+= range.count
                    case .needMore: break reading
                    case .end: return content
                    }
                }
                start = end
            }
            return content
        }
    }

    /// Where a stream of events stands, for 100 events.
    private static func events() -> MicroBenchmark {
        let event = SampleBodies.event
        return MicroBenchmark(name: "event-boundary/100-events", bytes: event.count * 100) {
            var boundary = EventBoundary()
            var boundaries = 0
            for _ in 0..<100 {
                boundary.take(event.span, 0..<event.count)
                boundaries &+= boundary.isBetweenEvents ? 1 : 0
            }
            return boundaries
        }
    }
}
