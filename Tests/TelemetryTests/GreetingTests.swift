import Testing

@testable import Telemetry

@Suite("The greeting on standard output") struct GreetingTests {
    private let greeting = Greeting(program: "signalbox", address: "h:1", adminAddress: "h:2")

    @Test("is two lines for people")
    func text() {
        let lines = greeting.lines(.text, millisecondsSinceEpoch: 0)
        #expect(lines == "signalbox: serving on http://h:1\nsignalbox: admin API on http://h:2\n")
        let alone = Greeting(program: "signalbox-proxy", address: "h:1")
        #expect(alone.lines(.text, millisecondsSinceEpoch: 0) == "signalbox-proxy: serving on http://h:1\n")
    }

    @Test("is one object where the log is JSON")
    func json() {
        let time = #"{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"signalbox serves.""#
        let line = #","address":"h:1","admin_address":"h:2"}"# + "\n"
        #expect(greeting.lines(.json, millisecondsSinceEpoch: 0) == time + line)
    }
}
