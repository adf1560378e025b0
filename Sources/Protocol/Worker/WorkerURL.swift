/// Where a worker listens, read from the text that an operator gave.
///
/// Two texts name the same worker when their normalised forms are equal: scheme and host in lower case, the default
/// port explicit, no trailing slash (architecture section 4, RFC 3986 section 6.2).
public struct WorkerURL: Hashable, Sendable, CustomStringConvertible {
    /// Longest accepted text in bytes; longer ones are a mistake or an attack.
    public static let bytesMax = 2048

    public enum Scheme: String, Hashable, Sendable {
        case http
        case https

        var defaultPort: UInt16 { self == .http ? 80 : 443 }
    }

    public let scheme: Scheme
    /// Lower case; an IPv6 address stands without its brackets.
    public let host: String
    public let port: UInt16
    /// Empty, or a path that starts with a slash and does not end with one; it goes before every request's path.
    public let path: String

    /// The host as it stands in a URL or a `Host` header: IPv6 addresses in brackets.
    public var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// The value of the `Host` header for requests to this worker: without the port when it is the scheme's default.
    public var authority: String { port == scheme.defaultPort ? bracketedHost : "\(bracketedHost):\(port)" }

    /// The normalised form, which is the worker's identity.
    public var description: String { "\(scheme.rawValue)://\(bracketedHost):\(port)\(path)" }

    /// Reads `text`; the error is a sentence for the operator who wrote it.
    public init(_ text: String) throws(WorkerURLError) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= WorkerURL.bytesMax else { throw .tooLong(bytes: text.utf8.count) }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .forbiddenCharacter }
        // No part that is allowed has one, and a password before it must not be repeated, wherever it stands.
        guard !text.contains("@") else { throw .userinfo }
        guard let schemeEnd = text.firstRange(of: "://") else { throw .noScheme(text) }
        let schemeText = text[..<schemeEnd.lowerBound].lowercased()
        guard let scheme = Scheme(rawValue: schemeText) else { throw .unknownScheme(schemeText) }

        let rest = text[schemeEnd.upperBound...]
        guard !rest.contains("#") else { throw .fragment }
        guard !rest.contains("?") else { throw .query }
        let authorityEnd = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<authorityEnd]

        let (host, portText) = try WorkerURL.split(authority)
        self.scheme = scheme
        self.host = host
        self.port = try WorkerURL.port(portText, standard: scheme.defaultPort)
        self.path = try WorkerURL.path(rest[authorityEnd...])
    }

    /// Separates host and port; the host comes back in lower case and without brackets.
    private static func split(_ authority: Substring) throws(WorkerURLError) -> (String, Substring?) {
        if authority.first == "[" {
            guard let close = authority.firstIndex(of: "]") else { throw .badHost(String(authority)) }
            let host = authority[authority.index(after: authority.startIndex)..<close]
            let tail = authority[authority.index(after: close)...]
            guard host.contains(":"), host.utf8.allSatisfy({ isHexDigit($0) || $0 == 0x3A || $0 == 0x2E }) else {
                throw .badHost(String(host))
            }
            guard tail.isEmpty || tail.first == ":" else { throw .badHost(String(authority)) }
            return (host.lowercased(), tail.isEmpty ? nil : tail.dropFirst())
        }
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, host.utf8.count <= 253 else { throw .badHost(String(authority)) }
        guard host.utf8.allSatisfy(isHostByte) else { throw .badHost(String(host)) }
        return (host.lowercased(), parts.count > 1 ? parts[1] : nil)
    }

    private static func port(_ text: Substring?, standard: UInt16) throws(WorkerURLError) -> UInt16 {
        guard let text, !text.isEmpty else { return standard }
        guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(text), port > 0 else {
            throw .badPort(String(text))
        }
        return port
    }

    private static func path(_ text: Substring) throws(WorkerURLError) -> String {
        var path = text
        while path.last == "/" { path = path.dropLast() }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard !segments.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else { throw .badPath(String(text)) }
        guard path.utf8.allSatisfy(isPathByte) else { throw .badPath(String(text)) }
        return String(path)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Letters, digits, hyphen, dot and underscore: host names as DNS, containers and Kubernetes make them.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "-._~/!$&'()*+,;=:".utf8.contains(byte)
    }
}

/// Why a text is not the URL of a worker.
public enum WorkerURLError: Error, Hashable, Sendable, CustomStringConvertible {
    case empty
    case tooLong(bytes: Int)
    case forbiddenCharacter
    case noScheme(String)
    case unknownScheme(String)
    case userinfo
    case query
    case fragment
    case badHost(String)
    case badPort(String)
    case badPath(String)

    public var description: String {
        switch self {
        case .empty: "Worker URL is empty; give one such as http://host:8000."
        case .tooLong(let bytes): "Worker URL has \(bytes) bytes; at most \(WorkerURL.bytesMax) are allowed."
        case .forbiddenCharacter: "Worker URL has a space, a control character or a character outside ASCII."
        case .noScheme(let text): "Worker URL '\(text)' has no scheme; write http://\(text)."
        case .unknownScheme(let scheme): "Worker URL has the scheme '\(scheme)'; only http is supported."
        case .userinfo: "Worker URL has a user name or password before '@'; that is not allowed."
        case .query: "Worker URL has a query after '?'; that is not allowed."
        case .fragment: "Worker URL has a fragment after '#'; that is not allowed."
        case .badHost(let host): "Worker URL has no valid host: '\(host)'."
        case .badPort(let port): "Worker URL has the port '\(port)'; it must be a number from 1 to 65535."
        case .badPath(let path): "Worker URL has a path that is not allowed: '\(path)'."
        }
    }
}
