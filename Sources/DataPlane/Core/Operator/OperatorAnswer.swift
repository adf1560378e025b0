/// The answers on a data plane's operator socket, as a value: the bytes of a request go in, those of an answer come out.
public enum OperatorAnswer {
    /// Longest request head in bytes.
    public static let headBytesMax = 8 * 1024

    /// - Parameter head: everything up to the empty line, or what came before the client stopped sending.
    public static func bytes(to head: [UInt8], id: String, _ shared: SharedState, at now: MonotonicTime) -> [UInt8] {
        let line = String(decoding: head.prefix { $0 != ASCII.carriageReturn && $0 != ASCII.lineFeed }, as: UTF8.self)
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[1].utf8.first == ASCII.slash, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0"
        else {
            return response("400 Bad Request", error("The request is no HTTP/1.1 request."))
        }
        guard words[0] == "GET" else {
            return response("405 Method Not Allowed", error("This socket answers GET only."), more: "Allow: GET\r\n")
        }
        let path = words[1].prefix { $0 != "?" }
        if path == "/" {
            let count = shared.explanations.count
            let text = #"{"id":"\#(escaped(id))","serves":["/explain/{request id}"],"explained_picks":\#(count)}"#
            return response("200 OK", text)
        }
        let prefix = "/explain/"
        guard path.hasPrefix(prefix) else { return response("404 Not Found", error("GET / says what is served here.")) }
        let request = String(path.dropFirst(prefix.utf8.count))
        guard let text = shared.explanations.text(of: request, at: now) else {
            let reason = "No recent pick of this request is remembered; picks are, while the setting 'explain' is 1."
            return response("404 Not Found", error(reason))
        }
        return response("200 OK", text)
    }

    private static func error(_ message: String) -> String { #"{"error":"\#(message)"}"# }

    /// A name of visible ASCII characters, for a JSON string.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
    }

    private static func response(_ status: String, _ body: String, more: String = "") -> [UInt8] {
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count + 1)\r\n\(more)"
            + "Connection: close\r\n\r\n"
        return Array((head + body + "\n").utf8)
    }
}
