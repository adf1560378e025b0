import Foundation

@testable import ControlPlane

/// Keys and certificates of one authority, made by `openssl`.
struct TestAuthority {
    let folder: TemporaryFolder

    /// Makes the authority, a server certificate for 127.0.0.1, and a client certificate.
    init() async throws {
        folder = try TemporaryFolder()
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try await openssl(["req", "-x509"] + key + files("ca") + ["-days", "2", "-subj", "/CN=test"])
        try Data("subjectAltName=IP:127.0.0.1".utf8).write(to: URL(filePath: folder.file("names")))
        for name in ["server", "client"] {
            let request = folder.file("\(name).csr")
            try await openssl(
                ["req"] + key + ["-keyout", folder.file("\(name).key"), "-out", request, "-subj", "/CN=\(name)"]
            )
            try await openssl([
                "x509", "-req", "-in", request, "-CA", folder.file("ca.pem"), "-CAkey", folder.file("ca.key"),
                "-CAcreateserial", "-days", "2", "-extfile", folder.file("names"), "-out", folder.file("\(name).pem"),
            ])
        }
    }

    func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: folder.file(name))))
    }

    private func files(_ name: String) -> [String] {
        ["-keyout", folder.file("\(name).key"), "-out", folder.file("\(name).pem")]
    }

    private func openssl(_ arguments: [String]) async throws {
        _ = try await Command(
            program: "openssl",
            arguments: arguments,
            environment: ["PATH": "/usr/bin:/bin", "RANDFILE": folder.file("random")],
            timeout: .seconds(30)
        ).output()
    }
}

/// An HTTPS server that answers everything with a page about the connection: `openssl s_server`.
struct TLSStubServer {
    let port: UInt16
    private let running: Task<Void, Never>

    init(_ authority: TestAuthority, needsClientCertificate: Bool = false) async throws {
        let free = try StubServer(.hangUp)
        free.stop()
        port = free.port
        let folder = authority.folder
        var arguments = [
            "s_server", "-quiet", "-www", "-accept", "127.0.0.1:\(port)", "-cert", folder.file("server.pem"), "-key",
            folder.file("server.key"),
        ]
        if needsClientCertificate {
            arguments += ["-Verify", "1", "-verify_return_error", "-CAfile", folder.file("ca.pem")]
        }
        let command = Command(
            program: "openssl",
            arguments: arguments,
            environment: ["PATH": "/usr/bin:/bin"],
            timeout: .seconds(60)
        )
        running = Task { _ = try? await command.output() }
    }

    var url: String { "https://127.0.0.1:\(port)/" }

    func stop() { running.cancel() }
}
