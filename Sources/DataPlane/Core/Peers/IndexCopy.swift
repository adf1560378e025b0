/// Asks a peer for a piece of its prefix index.
struct IndexCopyRequest: Equatable {
    /// The bucket of the peer's index at which the piece is to begin.
    var cursor: UInt32

    init(cursor: UInt32) {
        self.cursor = cursor
    }

    init?(_ reader: inout PeerReader) {
        guard let cursor = reader.word32() else { return nil }
        self.cursor = cursor
    }

    func write(to writer: inout PeerWriter) {
        writer.append(cursor)
    }
}

/// A piece of a prefix index: blocks with their age and the workers that were sent them.
struct IndexCopyPiece: Equatable {
    /// Next to nothing is left of a datagram beside it.
    static let bytesMax = PeerDatagram.bytesMax - 1024
    /// Most groups that are copied, so that their names leave room for blocks.
    static let groupsMax = 4_096
    /// What ``next`` says behind the last piece.
    static let end = UInt32.max

    struct Block: Equatable {
        var hash: UInt64
        var age: UInt32
        /// An index into ``groups``.
        var group: UInt16
        /// Indexes into ``workers``.
        var workers: [UInt8]

        var encodedBytes: Int { 8 + 4 + 2 + 2 + workers.count }
    }

    /// What was asked for.
    var cursor: UInt32
    /// What to ask for next.
    var next: UInt32
    /// At most ``LaneSet/lanesMax``.
    var workers: [UInt64]
    var groups: [UInt64]
    var blocks: [Block] = []

    init(cursor: UInt32, next: UInt32, workers: [UInt64], groups: [UInt64]) {
        self.cursor = cursor
        self.next = next
        self.workers = workers
        self.groups = groups
    }

    init?(_ reader: inout PeerReader) {
        guard let cursor = reader.word32(), let next = reader.word32(), let workerCount = reader.word16(),
            Int(workerCount) <= LaneSet.lanesMax, let workers = reader.words64(Int(workerCount)),
            let groupCount = reader.word16(), let groups = reader.words64(Int(groupCount))
        else { return nil }
        self.init(cursor: cursor, next: next, workers: workers, groups: groups)
        while !reader.isAtEnd {
            guard let hash = reader.word64(), let age = reader.word32(), let group = reader.word16(),
                let count = reader.word16(), let members = reader.bytes(Int(count)), Int(group) < groups.count,
                members.allSatisfy({ Int($0) < workers.count })
            else { return nil }
            blocks.append(Block(hash: hash, age: age, group: group, workers: members))
        }
    }

    func write(to writer: inout PeerWriter) {
        writer.append(cursor)
        writer.append(next)
        writer.append(UInt16(workers.count))
        for worker in workers { writer.append(worker) }
        writer.append(UInt16(groups.count))
        for group in groups { writer.append(group) }
        for block in blocks {
            writer.append(block.hash)
            writer.append(block.age)
            writer.append(block.group)
            writer.append(UInt16(block.workers.count))
            writer.append(block.workers)
        }
    }
}

/// A copy of a peer's prefix index, piece by piece, as a value: a data plane that knows nothing would scatter what the
/// workers' caches hold. It ends when a peer has told all that it has, when none has anything, or when its time is over.
struct IndexCopy {
    /// How long a copy may take in all, in milliseconds; then the data plane serves with what it has.
    static let millisecondsMax = 2_000
    /// How long one piece may take; then it is asked for again.
    static let pieceMilliseconds = 100
    /// How often a piece is asked for before the next peer is asked.
    private static let asksMax = 3

    /// Those that may have something; the first one is asked.
    private var peers: [PeerID]
    private var cursor: UInt32 = 0
    private var askedAt: MonotonicTime?
    private var asks = 0
    private let endsAt: MonotonicTime
    private(set) var isOver = false

    /// - Parameter peers: at least one.
    init(of peers: [PeerID], at now: MonotonicTime) {
        self.peers = peers
        endsAt = now.adding(milliseconds: IndexCopy.millisecondsMax)
    }

    /// The peer that is asked now.
    var peer: PeerID? { peers.first }

    /// What to ask ``peer`` for now; nil while an answer may still come, and behind the end.
    mutating func request(at now: MonotonicTime) -> IndexCopyRequest? {
        if endsAt <= now { isOver = true }
        guard !isOver else { return nil }
        if let askedAt, askedAt.adding(milliseconds: IndexCopy.pieceMilliseconds) > now { return nil }
        if asks == IndexCopy.asksMax {
            // It hangs, or is gone without a trace; it is asked again when nobody else has anything.
            let silent = peers.removeFirst()
            peers.append(silent)
            begin()
        }
        asks += 1
        askedAt = now
        return IndexCopyRequest(cursor: cursor)
    }

    /// A piece has come from ``peer``. True when it is the one that was asked for and has something.
    ///
    /// - Parameter isNew: the peer has not copied anybody's index itself yet.
    mutating func received(_ piece: IndexCopyPiece, isNew: Bool) -> Bool {
        guard !isOver, piece.cursor == cursor, piece.next > cursor else { return false }
        guard !isNew, piece.next != IndexCopyPiece.end || cursor > 0 || !piece.blocks.isEmpty else {
            let asked = peers.first
            drop { $0 == asked }
            return false
        }
        askedAt = nil
        asks = 0
        cursor = piece.next
        if piece.next == IndexCopyPiece.end { isOver = true }
        return true
    }

    /// Some peers have nothing, or are gone.
    mutating func drop(_ isUseless: (PeerID) -> Bool) {
        let asked = peers.first
        peers.removeAll(where: isUseless)
        if peers.isEmpty { isOver = true }
        if peers.first != asked { begin() }
    }

    /// Begins anew with the first peer.
    private mutating func begin() {
        cursor = 0
        askedAt = nil
        asks = 0
    }
}
