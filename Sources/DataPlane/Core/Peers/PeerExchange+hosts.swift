/// What data planes of other hosts are told: the same as those of this host, in datagrams that fit into one packet each, and
/// with workers named by their URLs. Each datagram stands for itself, so a lost one takes no other with it.
extension PeerExchange {
    /// Most bytes of placements of one tick for other hosts; the longest placement fits.
    static let remotePlacementBytesMax = 40 * 1024
    /// What a section's kind and length take.
    private static let sectionBytes = 8
    /// Loads of one datagram beside its header, a name of 64 bytes and its share.
    static let loadsPerDatagram =
        (SealedDatagram.payloadBytesMax - PeerDatagram.headerBytes - 3 * sectionBytes - 64 - 8) / 20
    /// Most shares into which the workers are divided.
    private static let sharesMax: UInt32 = 256

    mutating func remoteDatagrams(
        _ loads: [PeerDatagram.Load],
        _ placements: [PeerDatagram.Placement]
    ) -> [Outgoing] {
        let workers = shared.places.withLock { $0.workers }
        // A worker that drains and one that has come again under its URL are one worker to other hosts.
        var named: [UInt64: PeerDatagram.Load] = [:]
        for load in loads {
            guard let key = workers[load.worker]?.urlKey else { continue }
            var sum = named[key] ?? PeerDatagram.Load(worker: key)
            sum.inFlight &+= load.inFlight
            sum.pendingTokens &+= load.pendingTokens
            sum.prefillingMilliseconds = max(sum.prefillingMilliseconds, load.prefillingMilliseconds)
            named[key] = sum
        }
        var datagrams = PeerExchange.shares(of: Array(named.values)).map { share, loads in
            remoteSequence += 1
            var datagram = PeerDatagram(sender: id, sequence: remoteSequence, name: name)
            datagram.share = share
            datagram.loads = loads
            return datagram
        }
        let namedPlacements = placements.compactMap { placement in
            workers[placement.worker].map { place in
                PeerDatagram.Placement(group: placement.group, worker: place.urlKey, blocks: placement.blocks)
            }
        }
        datagrams += PeerExchange.packed(namedPlacements).map { placements in
            var datagram = PeerDatagram(sender: id, sequence: 0)
            datagram.placements = placements
            return datagram
        }
        return datagrams.map { Outgoing(to: nil, bytes: $0.encoded(), isBetweenHosts: true) }
    }

    /// Divides the workers so that the loads of each share fit into one datagram; one share at least, as silence is death.
    static func shares(of loads: [PeerDatagram.Load]) -> [(PeerDatagram.Share, [PeerDatagram.Load])] {
        // Shares are a third empty on average, so that hardly any overflows.
        var count = UInt32(max(1, (loads.count + loadsPerDatagram * 2 / 3 - 1) / (loadsPerDatagram * 2 / 3)))
        while true {
            var shares = (0..<count).map { (PeerDatagram.Share(index: $0, count: count), [PeerDatagram.Load]()) }
            for load in loads { shares[Int(load.worker % UInt64(count))].1.append(load) }
            if shares.allSatisfy({ $0.1.count <= loadsPerDatagram }) { return shares }
            // Hardly ever: the fullest shares lose something.
            guard count < sharesMax else { return shares.map { ($0.0, Array($0.1.prefix(loadsPerDatagram))) } }
            count = min(sharesMax, count + count / 4 + 1)
        }
    }

    /// Packs placements into datagrams; a long one is divided, as each of its blocks is known by itself.
    static func packed(_ placements: [PeerDatagram.Placement]) -> [[PeerDatagram.Placement]] {
        let room = SealedDatagram.payloadBytesMax - PeerDatagram.headerBytes - 2 * sectionBytes
        var datagrams: [[PeerDatagram.Placement]] = []
        var current: [PeerDatagram.Placement] = []
        var left = room
        for placement in placements {
            var blocks = placement.blocks[...]
            while !blocks.isEmpty {
                let fitting = (left - 20) / 8
                // No crumbs: what is short goes whole, what is long fills a datagram.
                guard fitting >= min(blocks.count, 8) else {
                    datagrams.append(current)
                    (current, left) = ([], room)
                    continue
                }
                let part = blocks.prefix(fitting)
                blocks = blocks.dropFirst(fitting)
                current.append(
                    PeerDatagram.Placement(group: placement.group, worker: placement.worker, blocks: Array(part))
                )
                left -= 20 + 8 * part.count
            }
        }
        if !current.isEmpty { datagrams.append(current) }
        return datagrams
    }
}
