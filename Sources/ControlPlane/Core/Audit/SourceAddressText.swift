/// The rule for addresses that a data plane states on behalf of its client.
public enum SourceAddressText {
    /// Whether `text` looks like an IPv4 or IPv6 address, with a zone at most: 1 to 64 of `[0-9A-Za-z.:%]`.
    public static func isAcceptable(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x3A).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "%")
            }
    }
}
