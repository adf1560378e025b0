/// Names one run of a data plane to the others. Drawn at random at each start, so that nothing of an earlier run is mistaken
/// for it.
public struct PeerID: Hashable, Sendable, CustomStringConvertible {
    let value: UInt64

    init(_ value: UInt64) {
        self.value = value
    }

    public static func random(using generator: inout some RandomNumberGenerator) -> PeerID {
        PeerID(generator.next())
    }

    /// Reads the text form; nil when `text` is none.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 16, let value = UInt64(text, radix: 16) else { return nil }
        self.value = value
    }

    /// 16 hexadecimal digits.
    public var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
