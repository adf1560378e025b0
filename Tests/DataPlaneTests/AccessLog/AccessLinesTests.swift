import SignalboxProtocol
import Telemetry
import Testing

@testable import DataPlane
@testable import DataPlaneCore

@Suite("Lines of the access log") struct AccessLinesTests {
    private static var record: AccessRecord {
        var usage = TokenUsage()
        usage.promptTokens = 12
        usage.cachedTokens = 8
        var record = AccessRecord(
            route: .chat,
            outcome: .success,
            status: 200,
            worker: nil,
            policy: .kvCost,
            reason: .prefix,
            predictedPermille: 45,
            attempts: 1,
            requestBytes: 100,
            answerBytes: 2000,
            usage: usage,
            endedAt: MonotonicTime(milliseconds: 5),
            readMilliseconds: 0,
            pickedMilliseconds: 3,
            headMilliseconds: nil,
            totalMilliseconds: 61_007
        )
        for (index, byte) in "req-1".utf8.enumerated() { record.id[index] = byte }
        record.idCount = 5
        return record
    }

    private static func line(_ format: LogFormat) -> String {
        var lines = AccessLines(format)
        lines.append(record, millisecondsSinceEpoch: 0)
        return String(decoding: lines.bytes.storage, as: UTF8.self)
    }

    @Test("Text and JSON say the same")
    func forms() {
        let text = AccessLinesTests.line(.text)
        #expect(
            text
                == "1970-01-01T00:00:00.000Z INFO request request.id=req-1 route=/v1/chat/completions outcome=2xx status=200 "
                + "policy=kv_cost reason=prefix predicted_cached_share=0.045 attempts=1 request_bytes=100 "
                + "answer_bytes=2000 prompt_tokens=12 cached_tokens=8 read_seconds=0.000 picked_seconds=0.003 "
                + "seconds=61.007\n"
        )
        let json = AccessLinesTests.line(.json)
        #expect(
            json.hasPrefix(
                #"{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"request","request.id":"req-1","#
            )
        )
        #expect(json.hasSuffix(#""picked_seconds":0.003,"seconds":61.007}"# + "\n"))
    }

    @Test("A full ring takes no more, and is empty when it was read")
    func ring() {
        let ring = AccessRing(sampleEvery: 1)
        for _ in 0..<AccessRing.recordsMax { #expect(ring.put(AccessLinesTests.record)) }
        #expect(!ring.put(AccessLinesTests.record))
        #expect(ring.takeAll().count == AccessRing.recordsMax)
        #expect(ring.takeAll().isEmpty && ring.put(AccessLinesTests.record))
    }
}
