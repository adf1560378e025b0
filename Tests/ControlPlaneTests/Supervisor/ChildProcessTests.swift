import Glibc
import Testing

import class Foundation.FileManager

@testable import Supervisor

@Suite(.timeLimit(.minutes(1))) struct ChildProcessTests {
    /// Runs a shell script as a child that has the write end of a pipe; returns what it wrote and how it ended.
    private func run(_ script: String, inheriting extra: [InheritedDescriptor] = []) throws -> (String, ChildExit) {
        let output = try Pipe()
        let process = try ChildProcess.spawn(
            ChildProgram(executable: "/bin/sh", arguments: ["-c", script, "sh"]),
            descriptors: [InheritedDescriptor(number: output.writeEnd.number, flag: "--output-fd")] + extra
        )
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let readEnd = output.intoReadEnd()
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(readEnd.number, &bytes, bytes.count)
        return (String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self), ChildExit(waitStatus: status))
    }

    @Test("A child gets the standard streams and what it is given, nothing else")
    func descriptors() throws {
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        let output = try Pipe()
        let lifeline = try Pipe()
        let process = try ChildProcess.spawn(
            ChildProgram(executable: "/bin/sh", arguments: ["-c", "exec <&4; read line", "sh"]),
            descriptors: [
                InheritedDescriptor(number: output.writeEnd.number, flag: "--ready-fd"),
                InheritedDescriptor(number: lifeline.readEnd.number, flag: "--lifeline-fd"),
            ]
        )
        // The loader and the shell open files of their own for a moment; one that was inherited would stay.
        let expected = ["0", "1", "2", "3", "4"]
        let deadline = ContinuousClock.now + .seconds(10)
        var descriptors: [String] = []
        while descriptors != expected && ContinuousClock.now < deadline {
            descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").sorted()
        }
        #expect(descriptors == expected)
        _ = lifeline.intoReadEnd()
        waitpid(process, nil, 0)
    }

    @Test("A child is told the numbers of what it inherits")
    func numbers() throws {
        let other = try Pipe()
        let extra = InheritedDescriptor(number: other.readEnd.number, flag: "--lifeline-fd")
        let (text, status) = try run("echo \"$@\" >&3", inheriting: [extra])
        #expect(status == .exited(0))
        #expect(text == "--output-fd 3 --lifeline-fd 4\n")
    }

    @Test("A child has its own process group and no blocked or ignored signals")
    func signals() throws {
        let (text, _) = try run(
            "exec >&3; awk '/^Sig(Blk|Ign)/ {print $2}' /proc/self/status; test $(ps -o pgid= -p $$) = $$ && echo own"
        )
        let lines = text.split(separator: "\n")
        #expect(lines.last == "own")
        // Signals 32 and 33 belong to the C library, which leaves them as they were.
        let masks = lines.dropLast().map { (UInt64($0, radix: 16) ?? .max) & 0x7FFF_FFFF }
        #expect(masks == [0, 0])
    }

    @Test("The end of the lifeline reaches a child when its only write end closes")
    func lifeline() throws {
        let lifeline = try Pipe()
        let number = lifeline.readEnd.number
        let process = try ChildProcess.spawn(
            ChildProgram(executable: "/bin/sh", arguments: ["-c", "read line <&3; exit 7", "sh"]),
            descriptors: [InheritedDescriptor(number: number, flag: "--lifeline-fd")]
        )
        _ = lifeline.intoReadEnd()
        var status: Int32 = 0
        waitpid(process, &status, 0)
        #expect(ChildExit(waitStatus: status) == .exited(7))
    }

    @Test("A program that does not exist is an error that names it")
    func missing() {
        let error = #expect(throws: LaunchError.self) {
            try ChildProcess.spawn(ChildProgram(executable: "/no/such/program", arguments: []), descriptors: [])
        }
        #expect(error?.message.contains("/no/such/program") == true)
    }
}
