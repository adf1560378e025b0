#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where a control plane keeps its files when no flag says so.
public enum StandardPaths {
    /// `$XDG_RUNTIME_DIR/signalbox`, else a folder of the user below the temporary folder.
    public static func runtime(environment: [String: String]) -> String {
        if let base = absolute(environment["XDG_RUNTIME_DIR"]) { return "\(base)/signalbox" }
        let temporary = absolute(environment["TMPDIR"]) ?? "/tmp"
        return "\(temporary)/signalbox-\(getuid())"
    }

    /// `signalbox.db` in `$XDG_STATE_HOME/signalbox`, else in `/var/lib/signalbox` where that can be written, else in
    /// `~/.local/state/signalbox`.
    public static func database(environment: [String: String]) -> String {
        if let base = absolute(environment["XDG_STATE_HOME"]) { return "\(base)/signalbox/signalbox.db" }
        let system = "/var/lib/signalbox"
        let isSystemWritable = access(system, W_OK) == 0 || (access(system, F_OK) != 0 && access("/var/lib", W_OK) == 0)
        if isSystemWritable { return "\(system)/signalbox.db" }
        guard let home = absolute(environment["HOME"]) else { return "\(system)/signalbox.db" }
        return "\(home)/.local/state/signalbox/signalbox.db"
    }

    /// The path without a slash at its end; nil when it is missing or relative, as the XDG rules demand.
    private static func absolute(_ path: String?) -> String? {
        guard var path, path.hasPrefix("/") else { return nil }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
