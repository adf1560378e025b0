import ArgumentParser
import Glibc

/// The flags of `launch` about data planes on other hosts.
struct PeerOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "UDP address on which the first data plane hears those of other hosts, each further one on the next port; empty: none.",
            valueName: "host:port"
        )
    )
    var peersListen = ""

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Where data planes on other hosts listen, at most 64; each address of a name counts.",
            valueName: "host:port"
        )
    )
    var peers: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "File with the key that all of them share: a line of at least 32 characters, and one more while keys change.",
            valueName: "file"
        )
    )
    var peersKeyFile: String?

    /// The host with its colon, and the port.
    private var listenParts: (host: Substring, port: Int)? {
        guard let colon = peersListen.lastIndex(of: ":"),
            let port = Int(peersListen[peersListen.index(after: colon)...]),
            (1...65_535).contains(port), colon > peersListen.startIndex
        else { return nil }
        return (peersListen[...colon], port)
    }

    func validate(dataPlanes: Int) throws {
        guard peers.count <= 64 else {
            throw ValidationError("--peers has \(peers.count) addresses, at most 64 are possible.")
        }
        guard !peersListen.isEmpty else {
            guard peers.isEmpty else { throw ValidationError("--peers needs --peers-listen.") }
            return
        }
        guard let (_, port) = listenParts, port + dataPlanes - 1 <= 65_535 else {
            throw ValidationError(
                "--peers-listen '\(peersListen)' must be HOST:PORT with a port for each of \(dataPlanes) data planes."
            )
        }
        guard let peersKeyFile else { throw ValidationError("--peers-listen needs --peers-key-file.") }
        try PeerOptions.check(peersKeyFile)
    }

    /// What is wrong with most files that are; data planes look at the keys themselves.
    private static func check(_ keyFile: String) throws {
        var status = stat()
        guard stat(keyFile, &status) == 0 else {
            throw ValidationError("--peers-key-file '\(keyFile)' cannot be used: \(String(cString: strerror(errno))).")
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size >= 32 else {
            throw ValidationError("--peers-key-file '\(keyFile)' must be a file with a key of at least 32 characters.")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw ValidationError("--peers-key-file '\(keyFile)' must be private to its user; chmod 600 makes it so.")
        }
    }

    /// What data plane `index` is started with. Successors have higher numbers and the ports of their predecessors.
    func arguments(dataPlane index: Int, of dataPlanes: Int) -> [String] {
        guard let (host, port) = listenParts, let peersKeyFile else { return [] }
        let listen = ["--peers-listen", "\(host)\(port + index % dataPlanes)", "--peers-key-file", peersKeyFile]
        return peers.isEmpty ? listen : listen + ["--peers"] + peers
    }
}
