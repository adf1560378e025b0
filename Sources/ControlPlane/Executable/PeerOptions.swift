import ArgumentParser
import SignalboxProtocol
import Telemetry

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

    /// The host with its colon, and the port.
    private var listenParts: (host: Substring, port: Int)? {
        guard let colon = peersListen.lastIndex(of: ":"),
            let port = Int(peersListen[peersListen.index(after: colon)...]),
            (1...65_535).contains(port), colon > peersListen.startIndex
        else { return nil }
        return (peersListen[...colon], port)
    }

    func validate(dataPlanes: Int, keyFile: String?) throws {
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
        guard let keyFile else { throw ValidationError("--peers-listen needs --peers-key-file.") }
        do throws(PeerKeyError) {
            _ = try PeerKeyFile(path: keyFile).read()
        } catch {
            throw ValidationError("--peers-key-file '\(keyFile)' cannot be used: \(error).")
        }
    }

    /// What data plane `index` is started with. It has the key file, too: with it, it needs no control plane to speak with others.
    ///
    /// Successors have higher numbers and the ports of their predecessors.
    func arguments(dataPlane index: Int, of dataPlanes: Int, keyFile: String?) -> [String] {
        guard let (host, port) = listenParts, let keyFile else { return [] }
        let listen = ["--peers-listen", "\(host)\(port + index % dataPlanes)", "--peers-key-file", keyFile]
        return peers.isEmpty ? listen : listen + ["--peers"] + peers
    }
}
