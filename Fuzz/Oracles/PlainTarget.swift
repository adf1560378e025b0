import Glibc

/// Request targets and hosts as an independent reader judges them (RFC 9112 section 3.2, RFC 3986).
enum PlainTarget {
    /// Path and query of a valid target; nil when the target is refused.
    static func forwarded(_ target: ArraySlice<UInt8>, method: String) -> String? {
        let text = String(decoding: target, as: UTF8.self)
        guard method != "CONNECT", !target.isEmpty, target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !text.contains(where: { "#\"<>".contains($0) }),
            !text.prefix(while: { $0 != "?" }).contains(where: { "\\^`{}".contains($0) })
        else {
            return nil
        }
        guard hasWholePercentEncodings(text) else { return nil }
        if text == "*" { return method == "OPTIONS" ? text : nil }
        var origin = text
        if text.count > 7, text.prefix(7).lowercased() == "http://" {
            let rest = text.dropFirst(7)
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            guard isHost(Array(authority.utf8)[...]) else { return nil }
            origin = String(rest.dropFirst(authority.count))
            // An empty path is '/' (RFC 9112 section 3.2.1), at which nobody reads a query.
            if origin.isEmpty || origin.hasPrefix("?") { origin = "/" }
        }
        guard origin.hasPrefix("/") else { return nil }
        let path = origin.prefix { $0 != "?" }
        for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            let plain = segment.lowercased().split(separator: "%2e", omittingEmptySubsequences: false)
                .joined(separator: ".")
            if plain == "." || plain == ".." { return nil }
        }
        return origin
    }

    /// `uri-host [ ":" port ]`, without user information.
    static func isHost(_ bytes: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        guard bytes.allSatisfy({ $0 < 0x80 }) else { return false }
        let host: Substring
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<bracket]
            guard isIPv6(String(address)) || isFuture(address) else { return false }
            host = text[...bracket]
        } else {
            host = text.prefix { $0 != ":" }
            guard !host.isEmpty,
                host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) || "-._~%!$&'()*+;=".contains($0) }),
                hasWholePercentEncodings(host)
            else { return false }
        }
        let port = text.dropFirst(host.count)
        guard !port.isEmpty else { return true }
        let digits = port.dropFirst()
        guard port.hasPrefix(":"), digits.utf8.allSatisfy(PlainHead.isDigit) else { return false }
        return digits.isEmpty || (Int(digits.drop { $0 == "0" }) ?? (digits.allSatisfy { $0 == "0" } ? 0 : .max)) <= 65_535
    }

    /// As the C library reads it.
    private static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, text, &address) == 1
    }

    private static func isFuture(_ text: Substring) -> Bool {
        let parts = text.dropFirst().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard text.hasPrefix("v") || text.hasPrefix("V"), parts.count == 2 else { return false }
        return !parts[0].isEmpty && parts[0].allSatisfy(\.isHexDigit) && !parts[1].isEmpty
            && parts[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || "-._~!$&'()*+,;=:".contains($0) }
    }

    private static func hasWholePercentEncodings(_ text: some StringProtocol) -> Bool {
        text.split(separator: "%", omittingEmptySubsequences: false).dropFirst().allSatisfy { part in
            part.count >= 2 && part.prefix(2).allSatisfy(\.isHexDigit)
        }
    }
}
