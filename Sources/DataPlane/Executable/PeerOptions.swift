import ArgumentParser
import DataPlane

/// The flags about data planes on other hosts.
struct PeerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "UDP address on which data planes of other hosts are heard; empty: none.",
            valueName: "host:port"
        )
    )
    var peersListen = ""

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Where data planes on other hosts listen, at most 64; each address of a name counts.",
            valueName: "host:port"
        )
    )
    var peers: [String] = []

    @Option(
        help: ArgumentHelp(
            "File with the key that all of them share, until the control plane tells one: a line of at least 32 characters, and one more while keys change.",
            valueName: "file"
        )
    )
    var peersKeyFile: String?

    func validate() throws {
        guard peersListen.isEmpty || HostPort(peersListen) != nil else {
            throw ValidationError("--peers-listen '\(peersListen)' must be HOST:PORT, such as 0.0.0.0:7000.")
        }
        guard peers.count <= RemotePeers.peersMax else {
            throw ValidationError("--peers has \(peers.count) addresses, at most \(RemotePeers.peersMax) are possible.")
        }
        if let wrong = peers.first(where: { HostPort($0) == nil }) {
            throw ValidationError("--peers '\(wrong)' must be HOST:PORT, such as gpu7:7000.")
        }
        guard peers.isEmpty || !peersListen.isEmpty else {
            throw ValidationError("--peers needs --peers-listen: who only tells and never hears is of no use.")
        }
        guard peersKeyFile == nil || !peersListen.isEmpty else {
            throw ValidationError("--peers-key-file needs --peers-listen.")
        }
    }

    /// Nil: no other host is spoken with.
    func remotePeers() throws(ListenerError) -> RemotePeers? {
        guard let listen = HostPort(peersListen) else { return nil }
        return try RemotePeers(listen: listen, peers: peers.compactMap { HostPort($0) }, keyFile: peersKeyFile)
    }
}
