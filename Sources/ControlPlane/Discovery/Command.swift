import CLinux
import Foundation
import Synchronization

/// Runs a program and takes what it writes on standard output; what it writes elsewhere is thrown away.
struct Command: Sendable {
    /// With a slash a path, else looked for in `PATH`.
    var program: String
    var arguments: [String]
    /// The whole of it.
    var environment: [String: String]
    var timeout: Duration
    var outputBytesMax = 1024 * 1024

    /// Waits for its end on a thread of its own. Whatever happens, nothing of its process group lives on: cancelling the
    /// task kills it, too.
    func output() async throws(CommandError) -> [UInt8] {
        let isCancelled = CancellationMark()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let thread = Thread { continuation.resume(returning: run(until: isCancelled)) }
                thread.name = "command"
                thread.start()
            }
        } onCancel: {
            isCancelled.set()
        }
        return try result.get()
    }

    private func run(until isCancelled: CancellationMark) -> Result<[UInt8], CommandError> {
        var ends: [Int32] = [-1, -1]
        guard signalbox_pipe(&ends) == 0 else { return .failure(.notStarted(String(cString: strerror(errno)))) }
        defer { close(ends[0]) }
        let process = spawn(output: ends[1])
        close(ends[1])
        switch process {
        case .failure(let error): return .failure(error)
        case .success(let process):
            let deadline = ContinuousClock.now + timeout
            let output = read(ends[0], until: deadline, isCancelled)
            let status = wait(for: process, until: deadline, isCancelled, isWanted: output.isSuccess)
            return output.flatMap { bytes in status.map { _ in bytes } }
        }
    }

    private func spawn(output: Int32) -> Result<pid_t, CommandError> {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        _ = signalbox_spawn_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        _ = signalbox_spawn_in_own_group(&attributes)

        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var process: pid_t = 0
        let error = posix_spawnp(&process, program, &actions, &attributes, &words, &variables)
        return error == 0 ? .success(process) : .failure(.notStarted(String(cString: strerror(error))))
    }

    /// Up to the end of its output.
    private func read(
        _ descriptor: Int32,
        until deadline: ContinuousClock.Instant,
        _ isCancelled: CancellationMark
    ) -> Result<[UInt8], CommandError> {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            if let reason = reasonToStop(deadline, isCancelled) { return .failure(reason) }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, Command.lookMilliseconds) > 0 else { continue }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return .success(output) }
            output += buffer.prefix(count)
            guard output.count <= outputBytesMax else { return .failure(.tooMuch) }
        }
    }

    /// Waits for its end, and then for nothing that it has left behind.
    private func wait(
        for process: pid_t,
        until deadline: ContinuousClock.Instant,
        _ isCancelled: CancellationMark,
        isWanted: Bool
    ) -> Result<Void, CommandError> {
        var result: Result<Void, CommandError>?
        while isWanted, result == nil {
            var information = siginfo_t()
            // Its number stays its own until it is waited for below, so that no other group is killed.
            let ended = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
            if ended != 0 || information.si_signo == SIGCHLD { break }
            if let reason = reasonToStop(deadline, isCancelled) { result = .failure(reason) }
            usleep(2_000)
        }
        kill(-process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        if let result { return result }
        return status == 0 ? .success(()) : .failure(.ended(status))
    }

    /// How often a program that says nothing is looked at.
    private static let lookMilliseconds: Int32 = 20

    private func reasonToStop(
        _ deadline: ContinuousClock.Instant,
        _ isCancelled: CancellationMark
    ) -> CommandError? {
        if isCancelled.isSet { return .cancelled }
        return ContinuousClock.now < deadline ? nil : .timedOut(timeout)
    }
}

/// Why a program gave no output, as the rest of a sentence about it.
enum CommandError: Error, Hashable, CustomStringConvertible {
    case notStarted(String)
    /// As `wait` tells it.
    case ended(Int32)
    case timedOut(Duration)
    case tooMuch
    case cancelled

    var description: String {
        switch self {
        case .notStarted(let reason): "cannot be started: \(reason)"
        case .ended(let status) where status & 0x7F == 0: "ended with status \((status >> 8) & 0xFF)"
        case .ended(let status): "was ended by signal \(status & 0x7F)"
        case .timedOut(let timeout): "did not end within \(timeout)"
        case .tooMuch: "said too much"
        case .cancelled: "was cancelled"
        }
    }
}

/// Tells a thread that nobody waits for it any more.
private final class CancellationMark: Sendable {
    private let mark = Atomic<Bool>(false)

    var isSet: Bool { mark.load(ordering: .acquiring) }

    func set() { mark.store(true, ordering: .releasing) }
}

extension Result {
    fileprivate var isSuccess: Bool {
        if case .success = self { true } else { false }
    }
}
