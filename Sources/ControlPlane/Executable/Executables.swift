import Glibc
import Supervisor

/// Finds the programs that `launch` runs.
enum Executables {
    private static let pathBytesMax = 4096

    /// The file of this very process, whatever it was called by.
    static func own() throws -> String {
        var buffer = [UInt8](repeating: 0, count: pathBytesMax)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? -1
        }
        guard count > 0 else {
            throw LaunchError(message: "The program's own file cannot be found below /proc.", exitStatus: 71)
        }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    /// Looks in the folder of `neighbour`, then in `$PATH`.
    static func find(_ name: String, beside neighbour: String) throws -> String {
        let folder = neighbour.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let candidates = ([folder] + path.split(separator: ":").map(String.init)).map { "\($0)/\(name)" }
        guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw LaunchError(
                message: "The program '\(name)' is neither in '\(folder)' nor in $PATH; install it beside signalbox.",
                exitStatus: 72
            )
        }
        return found
    }
}
