import NIOCore

extension ByteBuffer {
    /// Writes a text as a JSON string with its quotes.
    mutating func writeJSON(_ text: String) {
        writeInteger(UInt8(ascii: "\""))
        writeJSONFragment(text)
        writeInteger(UInt8(ascii: "\""))
    }

    /// Writes the inside of a JSON string: escaped, without the quotes.
    mutating func writeJSONFragment(_ text: String) {
        let needsEscape = text.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
        guard needsEscape else {
            writeString(text)
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): writeStaticString("\\\"")
            case UInt8(ascii: "\\"): writeStaticString("\\\\")
            case 0x0A: writeStaticString("\\n")
            case 0x0D: writeStaticString("\\r")
            case 0x09: writeStaticString("\\t")
            case 0..<0x20:
                writeStaticString("\\u00")
                writeInteger(ByteBuffer.hexadecimalDigit(byte >> 4))
                writeInteger(ByteBuffer.hexadecimalDigit(byte & 15))
            default: writeInteger(byte)
            }
        }
    }

    /// Writes a number in decimal digits.
    mutating func writeDecimal(_ number: Int) {
        guard number >= 0 else {
            writeString(String(number))
            return
        }
        var digits: UInt64 = 0
        var count = 0
        var rest = number
        repeat {
            guard count < 8 else {
                writeString(String(number))
                return
            }
            digits = digits << 8 | UInt64(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
            count += 1
        } while rest > 0
        for _ in 0..<count {
            writeInteger(UInt8(truncatingIfNeeded: digits))
            digits >>= 8
        }
    }

    /// Writes `"name":number`, with a comma before it unless it is the first member.
    mutating func writeMember(_ name: StaticString, _ number: Int, isFirst: Bool = false) {
        writeStaticString(isFirst ? "\"" : ",\"")
        writeStaticString(name)
        writeStaticString("\":")
        writeDecimal(number)
    }

    /// Writes `"name":number` with a fraction, with a comma before it unless it is the first member.
    mutating func writeMember(_ name: StaticString, _ number: Double, isFirst: Bool = false) {
        writeStaticString(isFirst ? "\"" : ",\"")
        writeStaticString(name)
        writeStaticString("\":")
        writeString(number.isFinite ? "\(number)" : "0")
    }

    /// Writes `"name":"text"`, with a comma before it unless it is the first member.
    mutating func writeMember(_ name: StaticString, _ text: String, isFirst: Bool = false) {
        writeStaticString(isFirst ? "\"" : ",\"")
        writeStaticString(name)
        writeStaticString("\":")
        writeJSON(text)
    }

    /// Writes a parsed document back.
    mutating func writeJSON(_ value: JSONValue) {
        switch value {
        case .null: writeStaticString("null")
        case .bool(let flag): writeStaticString(flag ? "true" : "false")
        case .integer(let number): writeDecimal(number)
        case .number(let number): writeString("\(number)")
        case .string(let text): writeJSON(text)
        case .array(let elements):
            writeStaticString("[")
            for (position, element) in elements.enumerated() {
                if position > 0 { writeStaticString(",") }
                writeJSON(element)
            }
            writeStaticString("]")
        case .object(let members):
            writeStaticString("{")
            for (position, member) in members.enumerated() {
                if position > 0 { writeStaticString(",") }
                writeJSON(member.name)
                writeStaticString(":")
                writeJSON(member.value)
            }
            writeStaticString("}")
        }
    }

    /// The ASCII digit of a number below 16.
    static func hexadecimalDigit(_ number: UInt8) -> UInt8 {
        number < 10 ? UInt8(ascii: "0") + number : UInt8(ascii: "a") + number - 10
    }
}
