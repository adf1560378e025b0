/// Finds where a head ends, over as many pieces as it arrives in, reading every byte once.
public struct HeadEnd: Sendable {
    /// How far the bytes have been searched.
    private var searched = 0
    /// Where the current line begins.
    private var lineStart = 0
    /// The end of the first line, once it is whole: its line break excluded.
    public private(set) var firstLineEnd: Int?

    public init() {}

    /// The length of the head, its final empty line included, or nil when more bytes are needed.
    ///
    /// `bytes` must be all bytes of the message so far. A line that ends in a bare line feed is refused at once: RFC
    /// 9112 section 2.2 allows to accept it, and every such leniency has been used to smuggle requests.
    public mutating func find(in bytes: borrowing Span<UInt8>) throws(HTTPFault) -> Int? {
        while let lineFeed = bytes.firstIndex(of: ASCII.lineFeed, in: searched..<bytes.count) {
            guard lineFeed > lineStart, bytes[lineFeed - 1] == ASCII.carriageReturn else {
                throw HTTPFault(400, "A line of the head does not end in CR LF.")
            }
            let isEmpty = lineFeed - 1 == lineStart
            if firstLineEnd == nil { firstLineEnd = lineFeed - 1 }
            searched = lineFeed + 1
            lineStart = searched
            if isEmpty { return searched }
        }
        searched = max(searched, bytes.count)
        return nil
    }
}
