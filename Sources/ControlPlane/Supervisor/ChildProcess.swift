internal import CLinux
internal import Glibc

/// What to run as a child.
public struct ChildProgram: Hashable, Sendable {
    /// Absolute path.
    public var executable: String
    /// Without the program's name and without the flags that name inherited descriptors.
    public var arguments: [String]

    public init(executable: String, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }
}

/// A descriptor that a child gets, and the flag that tells it the number.
struct InheritedDescriptor: Hashable, Sendable {
    var number: Int32
    var flag: String
}

/// Starts child processes by `posix_spawn`.
enum ChildProcess {
    /// The first number after standard input, output and error.
    private static let firstInherited: Int32 = 3

    /// Starts `program` with exactly the standard streams and `descriptors`, default signal handling, and a process
    /// group of its own, so that Ctrl-C in a terminal reaches the supervisor only.
    ///
    /// - Returns: the process id.
    static func spawn(_ program: ChildProgram, descriptors: [InheritedDescriptor]) throws(LaunchError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var arguments = [program.executable] + program.arguments
        var target = firstInherited
        for descriptor in descriptors {
            posix_spawn_file_actions_adddup2(&actions, descriptor.number, target)
            arguments += [descriptor.flag, "\(target)"]
            target += 1
        }
        _ = signalbox_spawn_close_from(&actions, target)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        _ = signalbox_spawn_in_own_group(&attributes)

        var argumentPointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in argumentPointers { free(pointer) } }
        var process: pid_t = 0
        let result = posix_spawn(
            &process,
            program.executable,
            &actions,
            &attributes,
            &argumentPointers,
            signalbox_environment()
        )
        guard result == 0 else {
            throw .system("'\(program.executable)' cannot be started: \(systemReason(result)).")
        }
        return process
    }
}
