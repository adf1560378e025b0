/// Percent-encoding of URLs (RFC 3986 section 2.1).
public enum PercentCoding {
    /// Decodes `%XX`; what is no valid escape stays as it is.
    public static func decoded(_ text: Substring, plusIsSpace: Bool = false) -> String {
        var result: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%"), let high = digit(bytes.first), let low = digit(bytes.dropFirst().first) {
                result.append(high << 4 | low)
                bytes = bytes.dropFirst(2)
            } else {
                result.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case .some(let byte) where (0x30...0x39).contains(byte): byte - 0x30
        case .some(let byte) where (0x41...0x46).contains(byte): byte - 0x41 + 10
        case .some(let byte) where (0x61...0x66).contains(byte): byte - 0x61 + 10
        default: nil
        }
    }
}
