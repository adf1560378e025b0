import Testing

@testable import DataPlaneCore

struct PeerDatagramTests {
    private var full: PeerDatagram {
        var datagram = PeerDatagram(sender: PeerID(7), sequence: 3, name: "proxy-1")
        datagram.loads = [
            PeerDatagram.Load(worker: 1, inFlight: 2, pendingTokens: 3, prefillingMilliseconds: 4),
            PeerDatagram.Load(worker: .max, inFlight: .max, pendingTokens: .max, prefillingMilliseconds: 0),
        ]
        datagram.placements = [
            PeerDatagram.Placement(group: 9, worker: 1, blocks: [1, 2, 3]),
            PeerDatagram.Placement(group: 9, worker: 2, blocks: []),
        ]
        datagram.copyRequest = IndexCopyRequest(cursor: 17)
        var piece = IndexCopyPiece(cursor: 17, next: IndexCopyPiece.end, workers: [5, 6], groups: [9])
        piece.blocks = [IndexCopyPiece.Block(hash: 1, age: 2, group: 0, workers: [0, 1])]
        datagram.copyPiece = piece
        return datagram
    }

    @Test("What is written is read again")
    func roundTrip() {
        #expect(PeerDatagram(full.encoded()) == full)
        let empty = PeerDatagram(sender: PeerID(1), sequence: 1)
        #expect(PeerDatagram(empty.encoded()) == empty)
    }

    @Test("A part of a datagram is never read beyond its end")
    func truncated() {
        let bytes = full.encoded()
        for length in 0..<bytes.count {
            if let part = PeerDatagram(Array(bytes[..<length])) { #expect(part != full) }
        }
    }

    @Test("A section that is not known is skipped, a datagram of another protocol is none")
    func versions() {
        var bytes = full.encoded()
        bytes += [99, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3]
        #expect(PeerDatagram(bytes) == full)
        bytes[4] = 2
        #expect(PeerDatagram(bytes) == nil)
    }

    @Test("Whatever bytes come, reading them ends and takes no more than they say")
    func randomBytes() {
        var random = SplitMix64(seed: 3)
        let bytes = full.encoded()
        for _ in 0..<20_000 {
            var changed = bytes
            for _ in 0..<(1 + Int(random.next() % 4)) {
                changed[Int(random.next() % UInt64(changed.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let datagram = PeerDatagram(changed) else { continue }
            #expect(datagram.placements.reduce(0) { $0 + $1.blocks.count } <= changed.count / 8)
            if let piece = datagram.copyPiece {
                #expect(piece.blocks.allSatisfy { Int($0.group) < piece.groups.count })
            }
        }
        #expect(PeerDatagram([UInt8](repeating: 0, count: PeerDatagram.bytesMax + 1)) == nil)
    }

    @Test("A name that could harm a terminal is none")
    func names() {
        var datagram = full
        datagram.name = "a\u{1B}b"
        #expect(PeerDatagram(datagram.encoded()) == nil)
    }
}
