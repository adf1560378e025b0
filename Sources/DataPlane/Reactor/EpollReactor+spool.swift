import DataPlaneCore

/// Temporary files of connections: jobs go to the spool thread, replies come back through the mailbox.
extension EpollReactor {
    mutating func spool(_ bytes: borrowing Span<UInt8>, of id: ConnectionID) {
        guard isOpen(id) else { return }
        let index = Int(id.slot)
        let file: SpoolID
        if let present = sockets[index].spool {
            file = present
        } else {
            spoolCount += 1
            file = SpoolID(thread: thread, number: spoolCount)
            sockets[index].spool = file
        }
        unsentBytes += bytes.count
        let copy = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
        spools.add(.write(file, id, copy))
    }

    mutating func readSpool(_ range: Range<Int>, of id: ConnectionID) {
        guard isOpen(id), let file = sockets[Int(id.slot)].spool else { return }
        spools.add(.read(file, id, range))
    }

    mutating func discardSpool(of id: ConnectionID) {
        guard isOpen(id), let file = sockets[Int(id.slot)].spool else { return }
        sockets[Int(id.slot)].spool = nil
        spools.add(.discard(file))
    }

    /// Whether a reply is about the file that its connection has now.
    func isCurrent(_ file: SpoolID, of id: ConnectionID) -> Bool {
        isOpen(id) && sockets[Int(id.slot)].spool == file
    }
}
