import GRDB

/// A database that cannot be opened, as one sentence that names the file and what to do.
public struct StoreOpenError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String

    init(path: String, reason: String) {
        description = "The database \(path) \(reason)"
    }

    init(path: String, cause: DatabaseError) {
        let reason =
            switch cause.resultCode {
            case .SQLITE_NOTADB, .SQLITE_CORRUPT:
                "is damaged or no SQLite database; move it away or restore a copy, or name another with --database"
            case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
                "cannot be opened; check that its folder exists and is writable, or name another with --database"
            case .SQLITE_READONLY:
                "is not writable; change its permissions or name another with --database"
            case .SQLITE_FULL:
                "cannot be written, because the disk is full"
            case .SQLITE_BUSY, .SQLITE_LOCKED:
                "is locked by another program; end that program first"
            default:
                "cannot be used"
            }
        self.init(path: path, reason: "\(reason) (\(cause.message ?? "SQLite error \(cause.resultCode.rawValue)")).")
    }
}
