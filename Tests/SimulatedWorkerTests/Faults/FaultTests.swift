import NIOCore
import Testing

@testable import SimulatedWorker

@Suite("Faults")
struct FaultTests {
    @Test("All fields are read from JSON")
    func json() throws {
        let fault = try Fault(
            JSONParser.parse(
                """
                {"path": "/generate", "status": 503, "delay_head_ms": 20, "close_after_events": 3, "refuse": true,
                 "slow_accept_ms": 5, "health_status": 500, "delay_health_ms": 6, "probability": 0.5, "count": 2,
                 "for_ms": 1000}
                """
            )
        )
        #expect(fault.path == "/generate")
        #expect(fault.status == 503)
        #expect(fault.delayHead == .milliseconds(20))
        #expect(fault.ending == .close)
        #expect(fault.endingAfterEvents == 3)
        #expect(fault.refuses)
        #expect(fault.slowAccept == .milliseconds(5))
        #expect(fault.healthStatus == 500)
        #expect(fault.delayHealth == .milliseconds(6))
        #expect(fault.probability == 0.5)
        #expect(fault.count == 2)
        #expect(fault.duration == .seconds(1))
    }

    @Test("A flag means the same as the JSON")
    func specification() throws {
        let flag = try Fault(specification: "path=/v1/,reset,after_events=2,probability=0.25")
        let json = try Fault(
            JSONParser.parse(#"{"path": "/v1/", "reset": true, "after_events": 2, "probability": 0.25}"#)
        )
        #expect(flag == json)
        #expect(flag.ending == .reset)
        #expect(flag.endingAfterEvents == 2)
    }

    @Test(
        "A wrong field is named",
        arguments: [
            ("{\"statu\": 1}", "statu"), ("{\"status\": 99}", "status"), ("{\"status\": \"x\"}", "status"),
            ("{\"count\": 0}", "count"), ("{\"probability\": 2}", "probability"), ("{\"path\": \"x\"}", "path"),
            ("{\"reset\": 1}", "reset"), ("{\"for_ms\": -1}", "for_ms"), ("{\"after_events\": 1}", "after_events"),
            ("{\"stall_after_events\": 1, \"crash\": true}", "one way"), ("{}", "no field"), ("[]", "object"),
        ]
    )
    func wrongField(text: String, named: String) throws {
        let document = try JSONParser.parse(text)
        let error = #expect(throws: FaultError.self) { try Fault(document) }
        #expect(error?.description.contains(named) ?? false)
    }

    @Test("A fault is shown as it was set")
    func shown() throws {
        let text = #"{"id":4,"path":"/x","status":500,"stall_after_events":0,"count":7,"for_ms":10}"#
        var fault = Fault()
        fault.path = "/x"
        fault.status = 500
        fault.ending = .stall
        fault.endingAfterEvents = 0
        fault.count = 7
        fault.duration = .milliseconds(10)
        var buffer = ByteBuffer()
        buffer.writeJSON(fault, number: 4)
        #expect(String(buffer: buffer) == text)
    }
}
