/// The rule for identifiers of requests that clients may choose.
public enum RequestIDText {
    public static let charactersMax = 128

    /// Whether a client's identifier may go into logs and the audit trail: 1 to 128 of `[A-Za-z0-9._:-]`.
    public static func isAcceptable(_ text: String) -> Bool {
        (1...charactersMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2E || byte == 0x5F || byte == 0x3A || byte == 0x2D
            }
    }
}
