/// A message's head as an independent, slow and simple reader sees it: lines first, then fields (RFC 9112 section 2).
struct PlainHead {
    struct Field {
        /// In lower case.
        var name: String
        /// Without white space around it.
        var value: [UInt8]
    }

    enum Reading {
        case incomplete
        case invalid
        case head(PlainHead)
    }

    static let fieldsMax = 128
    static let hopByHop: Set<String> = [
        "connection", "content-length", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-signalbox-source-address",
        "x-signalbox-explain", "x-signalbox-snapshot", "x-signalbox-worker",
    ]

    var firstLine: [UInt8]
    var fields: [Field] = []
    /// Bytes of the head, its empty line included.
    var count: Int

    /// Reads the lines up to the first empty one. A line feed without its carriage return spoils the message at once.
    static func lines(of bytes: ArraySlice<UInt8>) -> (lines: [[UInt8]], count: Int, isWhole: Bool)? {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        for (offset, byte) in bytes.enumerated() {
            guard byte == 0x0A else {
                line.append(byte)
                continue
            }
            guard line.last == 0x0D else { return nil }
            line.removeLast()
            if line.isEmpty { return (lines, offset + 1, true) }
            lines.append(line)
            line = []
        }
        return (lines, bytes.count, false)
    }

    static func read(_ bytes: ArraySlice<UInt8>) -> Reading {
        guard let (lines, count, isWhole) = lines(of: bytes) else { return .invalid }
        guard isWhole else { return .incomplete }
        guard let first = lines.first, lines.count - 1 <= fieldsMax else { return .invalid }
        var head = PlainHead(firstLine: first, count: count)
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: 0x3A), colon > 0, line[..<colon].allSatisfy(isTokenByte),
                line[(colon + 1)...].allSatisfy(isValueByte)
            else { return .invalid }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            head.fields.append(Field(name: name, value: trimmed(line[(colon + 1)...])))
        }
        return .head(head)
    }

    func values(_ name: String) -> [[UInt8]] { fields.filter { $0.name == name }.map(\.value) }

    /// The elements of all fields of a name that is a list, in lower case.
    func elements(_ name: String) -> [String] {
        values(name).flatMap { value in
            value.split(separator: 0x2C).map { String(decoding: PlainHead.trimmed($0), as: UTF8.self).lowercased() }
        }.filter { !$0.isEmpty }
    }

    /// Whether a `Connection` field makes the field hop-by-hop.
    func isNominated(_ name: String) -> Bool {
        let options = elements("connection")
        return options.contains { $0 != "close" && $0 != "keep-alive" } && options.contains(name)
    }

    /// The fields that a proxy has to pass on, as `name: value`.
    func endToEnd(without dropped: Set<String>) -> [String] {
        fields.filter { field in
            !PlainHead.hopByHop.contains(field.name) && !dropped.contains(field.name) && !isNominated(field.name)
        }.map { "\($0.name): \(shown($0.value))" }
    }

    // MARK: - Grammar

    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39) ~= byte }

    static func isValueByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x09, 0x20...0x7E, 0x80...0xFF: true
        default: false
        }
    }

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return Array(bytes[first...last])
    }
}
