import CLinux
import DataPlaneCore
import Glibc
import Logging
import SignalboxProtocol
import Telemetry

/// What a data plane needs to speak with those of other hosts, opened at its start.
public struct RemotePeers: Sendable {
    let socket: RemotePeerSocket
    let addresses: RemotePeerAddresses
    /// Nil: the keys are those that the control plane tells.
    let keyFile: PeerKeyFile?
    let keys: [PeerKey]

    /// Most names and addresses of peers.
    public static let peersMax = RemotePeerAddresses.addressesMax

    public init(listen: HostPort, peers: [HostPort], keyFile path: String?) throws(ListenerError) {
        keyFile = path.map { PeerKeyFile(path: $0) }
        do throws(PeerKeyError) {
            keys = if let keyFile { PeerKey.keys(try keyFile.read().keys) } else { [] }
        } catch {
            throw ListenerError("The key file '\(path ?? "")' of --peers-key-file cannot be used: \(error).")
        }
        socket = try RemotePeerSocket(listen)
        addresses = RemotePeerAddresses(peers, family: socket.family)
    }
}

/// The part of ``PeerThread`` that speaks with other hosts: it seals, sends, receives and opens.
final class RemotePeerChannel {
    /// How often refused datagrams are told of at most, in milliseconds.
    private static let reportMilliseconds = 60_000

    let descriptor: Int32
    private let remote: RemotePeers
    private let link: PeerLink
    private let logger: Logger
    private var authenticator: PeerAuthenticator
    private(set) var addresses: [UpstreamAddress] = []
    /// The keys of the own file, which count until the control plane tells some.
    private var fileKeys: [PeerKey]
    private var keyProblem: PeerKeyError?
    private var hasWarnedOfGroup = false
    private var hasSaidKeyless = false
    private var reported: UInt64 = 0
    private var reportAt = MonotonicTime(milliseconds: 0)

    init(_ remote: RemotePeers, id: PeerID, link: PeerLink, logger: Logger) {
        self.remote = remote
        self.link = link
        fileKeys = remote.keys
        self.logger = logger
        descriptor = remote.socket.descriptor
        authenticator = PeerAuthenticator(id: id, keys: remote.keys)
    }

    /// Data planes that ought to be heard, as far as the command line says, and are not. The list may contain the own address
    /// and those of others on this host.
    var silentCount: Int {
        let expected = addresses.count + remote.addresses.unresolvedCount - (authenticator.hearsItself ? 1 : 0)
        return max(0, expected - authenticator.heardCount(at: RemotePeerChannel.wallClock()))
    }

    /// There are names, and no address yet.
    var awaitsAddresses: Bool { addresses.isEmpty && !remote.addresses.isEmpty }

    var refusedCount: UInt64 { authenticator.refusedCount }

    /// Takes over new addresses and keys; to be called about once a second.
    func look(at now: MonotonicTime) {
        addresses = remote.addresses.all
        takeKeys()
        guard refusedCount > reported, reportAt <= now else { return }
        reported = refusedCount
        reportAt = now.adding(milliseconds: RemotePeerChannel.reportMilliseconds)
        logger.warning(
            "Datagrams were refused that came as if from data planes of other hosts (--peers-listen).",
            metadata: ["refused": "\(authenticator.refusedText)"]
        )
    }

    /// Keys rotate by a change of the control plane's file or of the own one; one that cannot be used changes nothing.
    private func takeKeys() {
        readKeys()
        let told = link.toldKeys
        let keys = told.isEmpty ? fileKeys : told
        if keys.isEmpty, !hasSaidKeyless {
            hasSaidKeyless = true
            logger.notice("There is no key for data planes of other hosts yet: the control plane is to tell one.")
        }
        guard keys != authenticator.keys else { return }
        authenticator.keys = keys
        logger.info("The keys of data planes on several hosts have changed.", metadata: ["keys": "\(keys.count)"])
    }

    private func readKeys() {
        guard let file = remote.keyFile else { return }
        do throws(PeerKeyError) {
            let content = try file.read()
            keyProblem = nil
            fileKeys = PeerKey.keys(content.keys)
            guard content.isSharedNeedlessly, !hasWarnedOfGroup else { return }
            hasWarnedOfGroup = true
            logger.warning(
                "The group of the file of --peers-key-file may read it; chmod 600 makes it private.",
                metadata: ["file": "\(file.path)"]
            )
        } catch {
            guard error != keyProblem else { return }
            keyProblem = error
            logger.warning(
                "The file of --peers-key-file cannot be used; the keys that it had stay.",
                metadata: ["file": "\(file.path)", "reason": "\(error)"]
            )
        }
    }

    func send(_ payload: [UInt8]) {
        guard !addresses.isEmpty, let bytes = authenticator.seal(payload, at: RemotePeerChannel.wallClock()) else {
            return
        }
        for address in addresses { remote.socket.send(bytes, to: address) }
    }

    /// What became of the next datagram.
    enum Received {
        case payload([UInt8], from: UpstreamAddress)
        case refused
    }

    /// The next datagram; nil when none waits.
    func receive() -> Received? {
        guard let (bytes, address) = remote.socket.receive() else { return nil }
        // Without a key nothing can be told from anything; that is no attack.
        guard !authenticator.keys.isEmpty else { return .refused }
        guard let payload = authenticator.open(bytes, at: RemotePeerChannel.wallClock()) else { return .refused }
        return .payload(payload, from: address)
    }

    /// Milliseconds since 1970: what clocks of several hosts agree about.
    private static func wallClock() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
