extension MicroBenchmark {
    /// What is written for each request and each event.
    static var writes: [MicroBenchmark] {
        [requestHead(), chunks()]
    }

    /// The end-to-end fields of a request, copied behind a first line of the proxy's own.
    private static func requestHead() -> MicroBenchmark {
        let head = SampleHeads.openAIPython
        var table = FieldTable()
        let parsed = try? RequestHead.parse(head.span, into: &table, limits: HTTPLimits())
        let fields = table
        return MicroBenchmark(name: "write/request-head", bytes: head.count, on: ByteBuffer()) { output in
            guard let parsed else { throw HTTPFault(400, "The sample head is not valid.") }
            output.clear()
            output.append(head.span.extracting(parsed.methodRange))
            output.append(" ")
            output.append(head.span.extracting(parsed.target.forwarded))
            output.append(" HTTP/1.1\r\nHost: worker:8000\r\n")
            for field in fields.fields
            where !field.name.isHopByHop && !fields.isNominated(field, in: head.span) {
                output.append(line: head.span.extracting(field.lineRange))
            }
            output.append("Content-Length: ")
            output.appendDecimal(1234)
            output.append("\r\n\r\n")
            return output.count
        }
    }

    /// 100 events, each in a chunk of its own.
    private static func chunks() -> MicroBenchmark {
        let event = SampleBodies.event
        return MicroBenchmark(name: "write/100-event-chunks", bytes: event.count * 100, on: ByteBuffer()) { output in
            var count = 0
            for _ in 0..<100 {
                output.clear()
                output.appendHexadecimal(event.count)
                output.append("\r\n")
                output.append(line: event.span)
                count &+= output.count
            }
            return count
        }
    }
}
