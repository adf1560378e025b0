/// Seals what goes to data planes of other hosts and opens what comes from them, as a value: keys, counters and replay windows.
/// Time comes in as an argument, in milliseconds since 1970.
public struct PeerAuthenticator {
    /// How far the clock of a sender may be from the own one, the time on the way included.
    static let skewMillisecondsMax: UInt64 = 30_000
    /// Most senders whose windows are remembered. One is forgotten when all that it sealed is too old anyway.
    static let sendersMax = 256

    private struct Sender {
        var window = ReplayWindow()
        /// The newest time that it wrote on a datagram.
        var newest: UInt64
        /// When the last one that was accepted came, by the own clock.
        var heardAt: UInt64
    }

    /// The first one seals, each one opens.
    public var keys: [PeerKey]
    private let id: PeerID
    private var counter: UInt64 = 0
    private var senders: [PeerID: Sender] = [:]
    private var refusals: [PeerRefusal: UInt64] = [:]
    /// Whether a datagram of this data plane came back to it: its own address is among those of its peers.
    public private(set) var hearsItself = false

    public init(id: PeerID, keys: [PeerKey]) {
        self.id = id
        self.keys = keys
    }

    /// Senders that were heard lately, whether or not they are on the same host.
    public func heardCount(at now: UInt64) -> Int {
        senders.values.count { $0.heardAt + UInt64(PeerExchange.silenceMilliseconds) > now }
    }

    /// Datagrams that were not taken.
    public var refusedCount: UInt64 { refusals.values.reduce(0, +) }

    /// How many were not taken for which reason, for people.
    public var refusedText: String {
        PeerRefusal.allCases.compactMap { reason in refusals[reason].map { "\(reason.rawValue): \($0)" } }
            .joined(separator: ", ")
    }

    /// Nil without a key.
    public mutating func seal(_ payload: [UInt8], at milliseconds: UInt64) -> [UInt8]? {
        guard let key = keys.first else { return nil }
        counter += 1
        let datagram = SealedDatagram(sender: id, counter: counter, milliseconds: milliseconds, payload: payload)
        return datagram.sealed(with: key)
    }

    /// The payload of a datagram; nil for one that is refused, which is counted, and for an own one.
    public mutating func open(_ bytes: [UInt8], at milliseconds: UInt64) -> [UInt8]? {
        do throws(PeerRefusal) {
            let datagram = try SealedDatagram(opening: bytes, with: keys)
            guard datagram.sender != id else {
                hearsItself = true
                return nil
            }
            try accept(datagram, at: milliseconds)
            return datagram.payload
        } catch {
            refusals[error, default: 0] += 1
            return nil
        }
    }

    private mutating func accept(_ datagram: SealedDatagram, at now: UInt64) throws(PeerRefusal) {
        guard isRecent(datagram.milliseconds, at: now) else { throw .late }
        if senders[datagram.sender] == nil, senders.count >= PeerAuthenticator.sendersMax {
            senders = senders.filter { isRecent($0.value.newest, at: now) }
            guard senders.count < PeerAuthenticator.sendersMax else { throw .crowded }
        }
        var sender = senders[datagram.sender] ?? Sender(newest: datagram.milliseconds, heardAt: now)
        guard sender.window.accept(datagram.counter) else { throw .replayed }
        sender.newest = max(sender.newest, datagram.milliseconds)
        sender.heardAt = now
        senders[datagram.sender] = sender
    }

    private func isRecent(_ milliseconds: UInt64, at now: UInt64) -> Bool {
        let distance = milliseconds > now ? milliseconds - now : now - milliseconds
        return distance <= PeerAuthenticator.skewMillisecondsMax
    }
}
