/// One message between data planes: what its sender has at each worker, and what it routed where since the last one.
///
/// A header of 32 bytes, then sections, each with its kind and its length, all numbers little-endian. A kind that is not
/// known is skipped, so that data planes of different versions understand one another. The sums are absolute: a lost
/// datagram is healed by the next one.
struct PeerDatagram: Equatable {
    /// Most bytes of one datagram; about ten queue in a Unix socket.
    static let bytesMax = 128 * 1024
    static let headerBytes = 32
    private static let magic: UInt32 = 0x3150_4253
    private static let nameBytesMax = 64

    /// What a sender has at one worker.
    struct Load: Equatable {
        var worker: UInt64
        var inFlight: UInt32 = 0
        /// Prefill work without its first token, in tokens.
        var pendingTokens: UInt32 = 0
        /// For how long the worker has computed at the first of it, in milliseconds.
        var prefillingMilliseconds: UInt32 = 0
    }

    /// A text that was sent to a worker.
    struct Placement: Equatable {
        /// The seed of its ``CacheGroup``.
        var group: UInt64
        var worker: UInt64
        var blocks: [UInt64]
    }

    /// A part of the workers: those whose number leaves the remainder ``index`` when it is divided by ``count``.
    struct Share: Equatable {
        var index: UInt32
        var count: UInt32

        func contains(_ worker: UInt64) -> Bool { worker % UInt64(count) == UInt64(index) }
    }

    var sender: PeerID
    /// Grows with each datagram that has loads; an older one is not taken any more.
    var sequence: UInt64
    /// The sender's name at its control plane.
    var name = ""
    /// Nil in a datagram that says nothing of loads; a worker that is missing has none.
    var loads: [Load]?
    /// Of which workers ``loads`` speak; nil: of all.
    var share: Share?
    var placements: [Placement] = []
    var copyRequest: IndexCopyRequest?
    var copyPiece: IndexCopyPiece?
    /// The sender has no index to copy yet: it was started just now.
    var isNew = false

    private enum Section: UInt32 {
        case name = 1
        case loads, placements, copyRequest, copyPiece, share, new
    }

    init(sender: PeerID, sequence: UInt64, name: String = "") {
        self.sender = sender
        self.sequence = sequence
        self.name = name
    }

    func encoded() -> [UInt8] {
        var writer = PeerWriter()
        writer.append(PeerDatagram.magic)
        writer.append(UInt32(1))
        writer.append(sender.value)
        writer.append(sequence)
        writer.append(UInt64(0))
        writer.section(Section.name.rawValue) { $0.append(Array(name.utf8.prefix(PeerDatagram.nameBytesMax))) }
        if let share {
            writer.section(Section.share.rawValue) { writer in
                writer.append(share.index)
                writer.append(share.count)
            }
        }
        if let loads {
            writer.section(Section.loads.rawValue) { writer in
                for load in loads {
                    writer.append(load.worker)
                    writer.append(load.inFlight)
                    writer.append(load.pendingTokens)
                    writer.append(load.prefillingMilliseconds)
                }
            }
        }
        if !placements.isEmpty {
            writer.section(Section.placements.rawValue) { writer in
                for placement in placements {
                    writer.append(placement.group)
                    writer.append(placement.worker)
                    writer.append(UInt32(placement.blocks.count))
                    for block in placement.blocks { writer.append(block) }
                }
            }
        }
        if let copyRequest { writer.section(Section.copyRequest.rawValue) { copyRequest.write(to: &$0) } }
        if let copyPiece { writer.section(Section.copyPiece.rawValue) { copyPiece.write(to: &$0) } }
        if isNew { writer.section(Section.new.rawValue) { _ in } }
        return writer.bytes
    }

    /// Reads a datagram; nil when it is none, or one whose content contradicts itself.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= PeerDatagram.bytesMax else { return nil }
        var reader = PeerReader(bytes, 0..<bytes.count)
        guard reader.word32() == PeerDatagram.magic, reader.word32() == 1, let sender = reader.word64(),
            let sequence = reader.word64(), reader.word64() != nil
        else { return nil }
        self.init(sender: PeerID(sender), sequence: sequence)
        while !reader.isAtEnd {
            guard let kind = reader.word32(), let length = reader.word32(), var content = reader.piece(Int(length))
            else { return nil }
            guard take(Section(rawValue: kind), &content) else { return nil }
        }
    }

    private mutating func take(_ section: Section?, _ content: inout PeerReader) -> Bool {
        switch section {
        case nil: return true
        case .name:
            guard content.left <= PeerDatagram.nameBytesMax, let bytes = content.bytes(content.left) else {
                return false
            }
            // It is shown to people.
            guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
            name = String(decoding: bytes, as: UTF8.self)
            return true
        case .loads:
            var loads: [Load] = []
            while !content.isAtEnd {
                guard let worker = content.word64(), let inFlight = content.word32(),
                    let pendingTokens = content.word32(), let prefilling = content.word32()
                else { return false }
                loads.append(
                    Load(
                        worker: worker,
                        inFlight: inFlight,
                        pendingTokens: pendingTokens,
                        prefillingMilliseconds: prefilling
                    )
                )
            }
            self.loads = loads
            return true
        case .placements:
            while !content.isAtEnd {
                guard let group = content.word64(), let worker = content.word64(), let count = content.word32(),
                    let blocks = content.words64(Int(count))
                else { return false }
                placements.append(Placement(group: group, worker: worker, blocks: blocks))
            }
            return true
        case .share:
            guard let index = content.word32(), let count = content.word32(), index < count else { return false }
            share = Share(index: index, count: count)
            return true
        case .new:
            isNew = true
            return true
        case .copyRequest:
            copyRequest = IndexCopyRequest(&content)
            return copyRequest != nil
        case .copyPiece:
            copyPiece = IndexCopyPiece(&content)
            return copyPiece != nil
        }
    }
}
