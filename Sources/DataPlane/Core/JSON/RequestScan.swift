/// What a proxy needs to know of a JSON request body, found in one pass without building anything.
public struct RequestScan: Sendable, Equatable {
    /// The top-level `model`, between its quotation marks and still escaped, in bytes from the beginning of the body;
    /// nil when it is absent or no string.
    public var model: Range<Int>?
    /// A top-level `model` was there, whatever its value.
    public var sawModel = false
    /// The top-level `lora_path`, a string or an array with its quotation marks or brackets; nil when it is absent or neither.
    public var adapter: Range<Int>?
    /// The top-level `stream` is `true`.
    public var stream = false
    /// What the request is routed by when a policy looks at its content; nil when the body has nothing of the kind.
    public var text: RoutingText?

    public init() {}

    /// Reads a whole body with a ``RequestScanner``.
    public static func scan(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> RequestScan {
        var scanner = RequestScanner()
        try scanner.take(bytes)
        return try scanner.finish()
    }
}

/// Where the text is that a request is routed by: the value of one top-level key, as it stands in the body.
public struct RoutingText: Sendable, Equatable {
    /// The keys that may hold the text. In a body with several of them the first one of this list counts.
    public enum Source: UInt8, Sendable, Comparable {
        case messages, text, prompt, input, query, inputIDs

        public static func < (one: Source, other: Source) -> Bool { one.rawValue < other.rawValue }
    }

    public var source: Source
    /// The value with its quotation marks or brackets, in bytes from the beginning of the body. While the value has not
    /// ended, this reaches to the last byte that was read.
    public var range: Range<Int>

    public init(source: Source, range: Range<Int>) {
        self.source = source
        self.range = range
    }

    /// The one that counts of two. The later one of two values of the same key counts, as in most readers of JSON.
    static func preferred(_ earlier: RoutingText?, _ later: RoutingText) -> RoutingText {
        guard let earlier, earlier.source < later.source else { return later }
        return earlier
    }
}
