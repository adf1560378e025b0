import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A stream of whole lines that keeps nobody waiting: what its reader does not take is lost, and counted.
///
/// A pipe whose reader hangs would else stop every thread that logs, and with it the end of the process.
final class LineStream: Sendable {
    static let standardError = LineStream(descriptor: STDERR_FILENO, losses: .shared)

    /// Most bytes that a pipe takes as one (PIPE_BUF), so that lines of several processes do not mix.
    private static let pieceBytes = 4096
    /// How long a reader that was quick so far may take.
    private static let patienceMilliseconds: Int32 = 100

    private struct State {
        var isStuck = false
        var linesLost = 0
        /// A line broke off in the middle.
        var isTorn = false
    }

    private let descriptor: Int32
    private let losses: LogLosses
    private let state = Mutex(State())

    init(descriptor: Int32, losses: LogLosses = LogLosses()) {
        self.descriptor = descriptor
        self.losses = losses
    }

    /// Writes lines, each with its line feed.
    ///
    /// - Parameter notice: makes the line that tells how many lines were lost before.
    func write(_ lines: UnsafeRawBufferPointer, notice: (_ linesLost: Int) -> String) {
        state.withLock { state in
            if state.linesLost > 0, isWritable(state) {
                let text = Array(((state.isTorn ? "\n" : "") + notice(state.linesLost)).utf8)
                state.isStuck = false
                guard text.withUnsafeBytes({ put($0[...]) }) else {
                    state.isTorn = true
                    return lose(lines[...], &state)
                }
                state.linesLost = 0
                state.isTorn = false
            }
            var rest = lines[...]
            while !rest.isEmpty {
                let piece = LineStream.piece(of: rest)
                guard isWritable(state) else {
                    state.isStuck = true
                    return lose(rest, &state)
                }
                state.isStuck = false
                guard put(piece) else {
                    state.isTorn = true
                    return lose(rest, &state)
                }
                rest = rest[piece.endIndex...]
            }
        }
    }

    private func lose(_ lines: Slice<UnsafeRawBufferPointer>, _ state: inout State) {
        let lost = lines.count { $0 == UInt8(ascii: "\n") }
        state.linesLost += lost
        losses.add(lost)
    }

    /// As many whole lines as a pipe takes as one; a longer line by itself.
    private static func piece(of lines: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        guard lines.count > pieceBytes else { return lines }
        let window = lines.prefix(pieceBytes)
        if let end = window.lastIndex(of: UInt8(ascii: "\n")) { return lines[lines.startIndex...end] }
        let end = lines.firstIndex(of: UInt8(ascii: "\n")) ?? lines.index(before: lines.endIndex)
        return lines[lines.startIndex...end]
    }

    /// A closed stream counts as writable: the write then says so, and nothing waits.
    private func isWritable(_ state: State) -> Bool {
        var descriptors = [pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)]
        return poll(&descriptors, 1, state.isStuck ? 0 : LineStream.patienceMilliseconds) > 0
    }

    /// Whether all was written.
    private func put(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        var written = 0
        while written < bytes.count {
            #if canImport(Glibc)
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            #else
            let count = Musl.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            #endif
            if count > 0 {
                written += count
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
