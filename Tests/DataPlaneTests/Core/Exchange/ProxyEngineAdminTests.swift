import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineAdminTests {
    private func bench(_ forwarding: EngineConfiguration.AdminForwarding) -> EngineBench {
        var configuration = EngineConfiguration()
        configuration.adminForwarding = forwarding
        configuration.adminSocketPath = "/run/admin.sock"
        return EngineBench(configuration: configuration)
    }

    @Test("Other peers than loopback are refused with the name of the flag")
    func loopbackOnly() {
        var bench = bench(.loopback)
        let client = bench.accept()
        bench.receive(client, "GET /list_workers HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 403 "))
        #expect(answer.contains("--forward-admin"))
        #expect(bench.network.upstreams.isEmpty)
    }

    @Test("The forwarder sets the source address and drops what the client claims")
    func sourceAddress() {
        var bench = bench(.all)
        let client = bench.accept()
        bench.receive(
            client,
            "POST /add_worker?url=x HTTP/1.1\r\nHost: a\r\nx-signalbox-source-address: 1.1.1.1\r\nX-Request-Id: r\r\n\r\n"
        )
        let upstream = bench.openUpstream()
        #expect(bench.network.connections[upstream]?.address == .unix("/run/admin.sock"))
        #expect(
            bench.network.takeText(upstream)
                == "POST /add_worker?url=x HTTP/1.1\r\nHost: signalbox\r\nX-Request-Id: r\r\n"
                + "X-Signalbox-Source-Address: 10.0.0.9\r\n\r\n"
        )
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nX-Request-ID: r\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.network.takeText(client).lowercased().split(separator: "x-request-id: r").count == 2)
        #expect(bench.network.isClosed(upstream))
        #expect(!bench.network.isClosed(client))
    }

    @Test("A control plane that is away is a 503")
    func away() {
        var bench = bench(.all)
        let client = bench.accept()
        bench.receive(client, "GET /workers HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.engine.broken(bench.network.upstreams[0], &bench.network)
        #expect(bench.network.takeText(client).contains("control_plane_unreachable"))
        #expect(bench.inFlight == 0)
    }

    @Test("Loopback is 127.0.0.0/8 and ::1, also as a mapped address")
    func loopback() {
        var bytes = SIMD16<UInt8>(repeating: 0)
        #expect(!IPAddress(bytes: bytes, isIPv6: true).isLoopback)
        bytes[15] = 1
        #expect(IPAddress(bytes: bytes, isIPv6: true).isLoopback)
        bytes[10] = 0xFF
        bytes[11] = 0xFF
        bytes[12] = 127
        #expect(IPAddress(bytes: bytes, isIPv6: true).isLoopback)
        #expect(IPAddress(bytes: bytes, isIPv6: true).description == "127.0.0.1")
        #expect(!Samples.address(1).isLoopback)
    }
}
