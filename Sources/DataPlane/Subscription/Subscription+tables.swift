import CLinux
import DataPlaneCore
import Glibc
import Logging
import SignalboxProtocol

/// From a snapshot to the tables of the threads.
extension Subscription {
    func restore(_ snapshot: Snapshot, _ digest: SnapshotDigest) {
        do {
            hand(try compile(snapshot, digest), report: .restored)
            current = (snapshot, digest)
        } catch {
            logger.warning("The cached snapshot cannot be used.", metadata: ["reason": "\(error.description)"])
        }
    }

    func apply(_ snapshot: Snapshot, _ digest: SnapshotDigest, _ received: [UInt8]) {
        do {
            let table = try compile(snapshot, digest)
            current = (snapshot, digest)
            if cache != nil { lines = received }
            hand(table, report: .acknowledge)
        } catch {
            logger.error(
                "A snapshot was refused.",
                metadata: ["version": "\(snapshot.version)", "reason": "\(error.description)"]
            )
            perform { try state.rejected(snapshot.version, error) }
        }
    }

    /// Observations or addresses have changed: the same snapshot makes another table.
    func recompile() {
        guard let current else { return }
        do {
            // The threads may have swapped already while the acknowledgement is still owed.
            hand(try compile(current.snapshot, current.digest), report: update?.report ?? .nothing)
        } catch {
            logger.error("The routing table cannot be compiled again.", metadata: ["reason": "\(error.description)"])
        }
    }

    func compile(
        _ snapshot: Snapshot,
        _ digest: SnapshotDigest
    ) throws(SnapshotRejection) -> RoutingTable {
        known.forget(allBut: snapshot)
        var hosts: Set<String> = []
        for worker in snapshot.workers {
            if let url = try? WorkerURL(worker.url) { hosts.insert(url.host) }
        }
        return try compiler.compile(
            snapshot,
            digest: digest,
            observed: observations,
            addresses: resolver.addresses(of: hosts)
        )
    }

    func hand(_ table: RoutingTable, report: Report) {
        let newUpdate = TableUpdate(table, threads: mailboxes.count, appliedDescriptor: appliedDescriptor)
        let isFirst = update == nil
        update = (newUpdate, report)
        shared.setPlaces(of: table)
        if isFirst, let peers, shared.usesPrefixIndex {
            // A data plane that knows nothing of the caches would scatter what they hold.
            isHeld = true
            peers.wantCopy()
        }
        guard !isHeld else { return }
        for mailbox in mailboxes { mailbox.post(.table(newUpdate)) }
    }

    /// The copy has ended, with or without a content: the threads get the newest table.
    func releaseFirstTable() {
        guard let peers else { return }
        Mailbox.clear(peers.copiedDescriptor)
        guard isHeld, let (update, _) = update else { return }
        isHeld = false
        for mailbox in mailboxes { mailbox.post(.table(update)) }
    }

    func reportApplied() {
        Mailbox.clear(appliedDescriptor)
        guard let (update, report) = update, update.isApplied else { return }
        self.update = (update, .nothing)
        if let current { compiler.retire(allBut: current.snapshot) }
        trimMemory(workers: update.table.workers.count)
        guard report != .nothing, let version = update.table.version, let digest = update.table.digest else { return }
        logger.info(
            report == .restored ? "The cached snapshot is applied." : "A snapshot is applied.",
            metadata: [
                "version": "\(version)", "workers": "\(update.table.workers.count)",
                "ready": "\(update.table.readyCount)",
            ]
        )
        shared.origin.source = report == .restored ? .cache : .controlPlane
        sayReady()
        if report == .restored {
            state.restored(version, digest: digest)
            return
        }
        perform { try state.applied(version, digest: digest) }
        if let cache, !lines.isEmpty {
            cache.save(lines)
            lines = []
        }
    }

    /// Tells whoever started the process, once, that it serves.
    func sayReady() {
        guard let descriptor = readyDescriptor else { return }
        readyDescriptor = nil
        var byte: UInt8 = 1
        _ = unsafe write(descriptor, &byte, 1)
        close(descriptor)
    }

    /// Gives back what reading and compiling has left behind: behind the first table, which is where the start ends, and
    /// behind large ones.
    func trimMemory(workers: Int) {
        guard !hasTrimmed || workers >= 1_000 else { return }
        hasTrimmed = true
        signalbox_trim_memory()
    }
}
