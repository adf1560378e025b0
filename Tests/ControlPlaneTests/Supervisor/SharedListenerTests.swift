import Testing

@testable import Supervisor

@Suite struct SharedListenerTests {
    @Test("Port 0 lets the kernel choose and the address says what it chose")
    func chosenPort() throws {
        let listener = try SharedListener(host: "127.0.0.1", port: 0)
        #expect(listener.port > 0)
        #expect(listener.address == "127.0.0.1:\(listener.port)")
    }

    @Test("A host name is resolved, an IPv6 address stands in brackets")
    func hosts() throws {
        let named = try SharedListener(host: "localhost", port: 0)
        #expect(named.port > 0)
        if let numbered = try? SharedListener(host: "::1", port: 0) {
            #expect(numbered.address == "[::1]:\(numbered.port)")
        }
    }

    @Test("A busy port is refused with a sentence that names the flag")
    func busyPort() throws {
        let first = try SharedListener(host: "127.0.0.1", port: 0)
        let error = #expect(throws: LaunchError.self) { _ = try SharedListener(host: "127.0.0.1", port: first.port) }
        #expect(error?.exitStatus == 75)
        #expect(error?.message.contains("--port") == true)
        #expect(error?.message.contains("\(first.port)") == true)
    }

    @Test("A host that does not exist here names --host", arguments: ["no-such-host.invalid", "192.0.2.1"])
    func badHost(host: String) {
        let error = #expect(throws: LaunchError.self) { _ = try SharedListener(host: host, port: 0) }
        #expect(error?.exitStatus == 64)
        #expect(error?.message.contains("--host") == true)
    }
}
