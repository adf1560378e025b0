#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where the database is, by its one real name, so that two names cannot open it twice.
public enum DatabasePath {
    /// Makes the folder of a database when it is missing, and follows symbolic links.
    ///
    /// - Throws: ``StartupError`` when the folder cannot be made, or when the file has a second name (a hard link),
    ///   which no lock beside the file can see.
    public static func prepare(_ path: String) throws -> String {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        do {
            try Folder.create(folder)
        } catch {
            throw StartupError(.cannotCreate, "\(error) Choose another place with --database.")
        }
        var information = stat()
        if stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG, information.st_nlink > 1 {
            throw StartupError(
                .cannotCreate,
                "The database \(path) has \(information.st_nlink) names (hard links), so it cannot be locked. "
                    + "Remove the others or choose another with --database."
            )
        }
        return resolve(path) ?? resolve(folder).map { $0 == "/" ? "/\(name)" : "\($0)/\(name)" } ?? path
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
