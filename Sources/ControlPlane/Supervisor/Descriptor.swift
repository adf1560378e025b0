internal import CLinux
internal import Glibc

/// A file descriptor with exactly one owner: it is closed when its value ends, and by exec.
struct Descriptor: ~Copyable, Sendable {
    /// Descriptors of the supervisor stay at or above this number, so that they never lie where a child expects
    /// an inherited one.
    private static let lowest: Int32 = 64

    let number: Int32

    /// Takes over `number` and moves it out of the way; nil when there are no descriptors left.
    init?(taking number: Int32) {
        guard number >= 0 else { return nil }
        let moved = signalbox_fcntl(number, F_DUPFD_CLOEXEC, Descriptor.lowest)
        close(number)
        guard moved >= 0 else { return nil }
        self.number = moved
    }

    deinit {
        close(number)
    }

    /// Lets reading and writing return at once when nothing can be done.
    func stopBlocking() {
        _ = signalbox_fcntl(number, F_SETFL, O_NONBLOCK)
    }
}

/// The two ends of a pipe.
struct Pipe: ~Copyable {
    let readEnd: Descriptor
    let writeEnd: Descriptor

    init() throws(LaunchError) {
        var ends: [Int32] = [-1, -1]
        guard signalbox_pipe(&ends) == 0 else { throw .system("No pipe can be made: \(systemReason()).") }
        guard let writeEnd = Descriptor(taking: ends[1]), let readEnd = Descriptor(taking: ends[0]) else {
            throw .system("No pipe can be made: \(systemReason()).")
        }
        self.readEnd = readEnd
        self.writeEnd = writeEnd
    }

    /// Closes the write end and gives away the read end, which no longer blocks.
    consuming func intoReadEnd() -> Descriptor {
        readEnd.stopBlocking()
        return readEnd
    }
}
