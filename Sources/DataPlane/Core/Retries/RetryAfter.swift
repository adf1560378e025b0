extension FieldTable {
    /// The seconds of a `Retry-After` field (RFC 9110 section 10.2.3); nil when there is none, or it is a date.
    func retryAfterSeconds(in bytes: borrowing Span<UInt8>) -> Int? {
        for field in fields where bytes.equalsIgnoringCase(field.nameRange, "retry-after") {
            let value = field.valueRange
            guard (1...9).contains(value.count) else { return nil }
            var seconds = 0
            for index in value {
                guard ASCII.isDigit(bytes[index]) else { return nil }
                seconds = seconds * 10 + Int(bytes[index] - ASCII.zero)
            }
            return seconds
        }
        return nil
    }
}
