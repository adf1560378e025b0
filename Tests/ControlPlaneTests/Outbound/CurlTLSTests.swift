import Testing

@testable import ControlPlane

@Suite("TLS of the outbound client", .timeLimit(.minutes(1)))
struct CurlTLSTests {
    /// Asks until the server listens.
    private func ask(_ server: TLSStubServer, _ tls: OutboundTLS?) async -> Result<OutboundResponse, OutboundError> {
        let client = CurlClient()
        defer { client.shutdown() }
        var request = OutboundRequest(url: server.url)
        request.tls = tls
        while true {
            let result = await client.send(request)
            guard case .failure(let error) = result, error.code == .refused else { return result }
            await Task.yield()
        }
    }

    private func message(_ result: Result<OutboundResponse, OutboundError>) -> String? {
        if case .failure(let error) = result { "\(error.code): \(error.message)" } else { nil }
    }

    @Test func theNamedAuthorityIsTheOnlyOneThatCounts() async throws {
        let authority = try await TestAuthority()
        let other = try await TestAuthority()
        let server = try await TLSStubServer(authority)
        defer { server.stop() }
        let known = OutboundTLS(authorities: try authority.bytes("ca.pem"))
        #expect(try await ask(server, known).get().status == 200)
        // Another one of the same name, and what the system trusts.
        for tls in [OutboundTLS(authorities: try other.bytes("ca.pem")), nil] {
            let said = try #require(message(await ask(server, tls)))
            #expect(said.hasPrefix("other: ") && said.contains("certificate"))
        }
        #expect(message(await ask(server, OutboundTLS(authorities: Array("no certificate".utf8)))) != nil)
        #expect(try await ask(server, OutboundTLS(verifiesServer: false)).get().status == 200)
    }

    @Test func aCertificateOfAnotherHostIsRefused() async throws {
        let authority = try await TestAuthority()
        let server = try await TLSStubServer(authority)
        defer { server.stop() }
        let tls = OutboundTLS(authorities: try authority.bytes("ca.pem"))
        _ = try await ask(server, tls).get()
        let client = CurlClient()
        defer { client.shutdown() }
        var request = OutboundRequest(url: "https://localhost:\(server.port)/")
        request.tls = tls
        let said = try #require(message(await client.send(request)))
        #expect(said.hasPrefix("other: ") && said.contains("certificate"))
    }

    @Test func aClientCertificateLetsIn() async throws {
        let authority = try await TestAuthority()
        let other = try await TestAuthority()
        let server = try await TLSStubServer(authority, needsClientCertificate: true)
        defer { server.stop() }
        var tls = OutboundTLS(authorities: try authority.bytes("ca.pem"))
        #expect(message(await ask(server, tls)) != nil)
        tls.identity = .init(certificate: try other.bytes("client.pem"), key: try other.bytes("client.key"))
        #expect(message(await ask(server, tls)) != nil)
        tls.identity = .init(certificate: try authority.bytes("client.pem"), key: try other.bytes("client.key"))
        #expect(message(await ask(server, tls)) != nil)
        tls.identity = .init(certificate: try authority.bytes("client.pem"), key: try authority.bytes("client.key"))
        #expect(try await ask(server, tls).get().status == 200)
    }
}
