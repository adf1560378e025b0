/// What a request says of the trace that it belongs to (W3C Trace Context, level 1).
struct TraceContext {
    /// There is one `traceparent`, and it is well-formed (section 3.2.2).
    private(set) var isValid = false
    /// Every `tracestate` is a list of at most 32 members in all (section 3.3).
    private(set) var isStateValid = true

    init(_ fields: FieldTable, in bytes: borrowing Span<UInt8>) {
        var parents = 0
        var members = 0
        for field in fields.fields {
            if field.name == .traceparent {
                parents += 1
                isValid = parents == 1 && TraceContext.isParent(field.valueRange, bytes)
            } else if field.name == .tracestate {
                var list = TokenList(field.valueRange)
                while let member = list.next(in: bytes) {
                    members += 1
                    if members > TraceContext.membersMax || !TraceContext.isMember(member, bytes) {
                        isStateValid = false
                    }
                }
            }
        }
    }

    private static let membersMax = 32

    /// `00-` trace id `-` parent id `-` flags; later versions may have more behind it (section 4.3).
    private static func isParent(_ value: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        let start = value.lowerBound
        guard value.count >= 55, isHexadecimal(start..<start + 2, bytes), !bytes.equals(start..<start + 2, "ff") else {
            return false
        }
        let isFirstVersion = bytes.equals(start..<start + 2, "00")
        guard value.count == 55 || !isFirstVersion && bytes[start + 55] == UInt8(ascii: "-") else { return false }
        let dashes = bytes[start + 2] == 0x2D && bytes[start + 35] == 0x2D && bytes[start + 52] == 0x2D
        return dashes && isIdentifier(start + 3..<start + 35, bytes) && isIdentifier(start + 36..<start + 52, bytes)
            && isHexadecimal(start + 53..<start + 55, bytes)
    }

    /// Hexadecimal digits that are not all zero.
    private static func isIdentifier(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        guard isHexadecimal(range, bytes) else { return false }
        for index in range where bytes[index] != UInt8(ascii: "0") { return true }
        return false
    }

    private static func isHexadecimal(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        for index in range {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): continue
            default: return false
            }
        }
        return true
    }

    /// A key, an equals sign, and a value without one.
    private static func isMember(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "="), in: range) else { return false }
        guard (1...256).contains(equals - range.lowerBound), (1...256).contains(range.upperBound - equals - 1) else {
            return false
        }
        for index in range.lowerBound..<equals {
            switch bytes[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "@"):
                continue
            default: return false
            }
        }
        for index in equals + 1..<range.upperBound {
            guard (0x20...0x7E).contains(bytes[index]), bytes[index] != UInt8(ascii: "=") else { return false }
        }
        return true
    }

    /// Appends the field that begins a trace.
    ///
    /// It is marked as sampled: a worker that traces decides as it does for a request without a trace by default, to record.
    static func appendNew(to buffer: inout ByteBuffer, using generator: inout some RandomNumberGenerator) {
        buffer.append("traceparent: 00-")
        appendDigits(generator.next() | 1, to: &buffer)
        appendDigits(generator.next(), to: &buffer)
        buffer.append("-")
        appendDigits(generator.next() | 1, to: &buffer)
        buffer.append("-01\r\n")
    }

    private static func appendDigits(_ value: UInt64, to buffer: inout ByteBuffer) {
        for shift in stride(from: 60, through: 0, by: -4) {
            let digit = UInt8(value >> UInt64(shift) & 0xF)
            buffer.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
