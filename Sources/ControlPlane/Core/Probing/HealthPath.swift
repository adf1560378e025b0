/// The rule for the path that a health probe asks for.
public enum HealthPath {
    public static let bytesMax = 1024

    /// The rule as the end of a sentence.
    public static let rule =
        "must begin with '/' and have only visible ASCII characters, at most \(bytesMax), and no '#'."

    /// Whether the path can stand in a request as it is.
    public static func isAcceptable(_ path: String) -> Bool {
        path.utf8.first == UInt8(ascii: "/") && path.utf8.count <= bytesMax
            && path.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }
}
