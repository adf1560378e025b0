/// Where a number stands (RFC 8259 section 6), named after what was read last.
enum JSONNumber: Sendable {
    case minus
    /// A zero in front, which no digit may follow.
    case zero
    case integer
    case point
    case fraction
    case exponent
    case exponentSign
    case exponentDigits

    /// The number may end here.
    var isComplete: Bool {
        switch self {
        case .zero, .integer, .fraction, .exponentDigits: true
        case .minus, .point, .exponent, .exponentSign: false
        }
    }

    /// The number that begins with this byte; nil when none does.
    @inline(__always)
    static func beginning(with byte: UInt8) -> JSONNumber? {
        switch byte {
        case ASCII.minus: .minus
        case ASCII.zero: .zero
        case ASCII.zero...ASCII.nine: .integer
        default: nil
        }
    }

    /// Reads one more byte; nil when it is not a part of the number.
    @inline(__always)
    func next(_ byte: UInt8) throws(HTTPFault) -> JSONNumber? {
        if ASCII.isDigit(byte) { return try nextDigit(byte) }
        switch (self, byte) {
        case (.zero, ASCII.dot), (.integer, ASCII.dot): return .point
        case (.zero, ASCII.lowerE), (.integer, ASCII.lowerE), (.fraction, ASCII.lowerE): return .exponent
        case (.zero, ASCII.upperE), (.integer, ASCII.upperE), (.fraction, ASCII.upperE): return .exponent
        case (.exponent, ASCII.plus), (.exponent, ASCII.minus): return .exponentSign
        default:
            guard isComplete else { throw RequestScanner.invalidValue }
            return nil
        }
    }

    @inline(__always)
    private func nextDigit(_ digit: UInt8) throws(HTTPFault) -> JSONNumber {
        switch self {
        case .integer: return .integer
        case .minus: return digit == ASCII.zero ? .zero : .integer
        case .zero: throw RequestScanner.fault("The body is not JSON: a number begins with a zero.")
        case .point, .fraction: return .fraction
        case .exponent, .exponentSign, .exponentDigits: return .exponentDigits
        }
    }
}
