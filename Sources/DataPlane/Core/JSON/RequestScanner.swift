/// Reads the JSON body of a request in pieces of any size, each byte once: one value (RFC 8259) in valid UTF-8.
///
/// Lone surrogate escapes are grammatical and pass. Nesting deeper than ``depthMax`` and a second top-level `model` are
/// refused, because router and engine must not disagree on what was asked. Memory does not grow with the body: the stack
/// of open containers is a bit per level, and of the text nothing is kept. A scanner that has thrown is of no more use.
public struct RequestScanner: Sendable {
    /// Deepest nesting that is accepted (architecture section 5).
    public static let depthMax = 128

    /// What the next byte is a part of.
    enum State: Sendable {
        /// The beginning of a value.
        case value
        /// The first element of an array, or its end.
        case firstElement
        /// The first key of an object, or its end.
        case firstKey
        case key
        case colon
        /// A comma, or the end of the container, or nothing when no container is open.
        case afterValue
        /// The inside of a string.
        case text
        /// What follows a backslash.
        case escape
        /// The hexadecimal digits of a `\u` escape, with the value of those before.
        case escapeDigits(left: UInt8, unit: UInt16)
        /// The rest of a multi-byte sequence of UTF-8.
        case sequence(UTF8Sequence.Rest)
        /// The rest of `true`, `false` or `null`, its next byte in the lowest bits.
        case literal(rest: UInt32)
        case number(JSONNumber)
    }

    /// What a string is.
    enum Role: Sendable {
        case value
        case key
        /// A key of the top level, which is read.
        case topLevelKey
    }

    var state = State.value
    var role = Role.value
    /// The first byte of the value of ``key``.
    var opening: UInt8 = 0
    /// Open containers.
    var depth: UInt8 = 0
    /// Bit n: the container n levels further out than the innermost one is an object, else an array.
    var objects: UInt128 = 0
    var keyReader = RequestKeyReader()
    /// The top-level key whose value is being read, if the proxy looks at it.
    var key: RequestKey?
    /// Where the value of ``key`` begins.
    var valueStart = 0
    /// Bytes of the pieces that were taken.
    var offset = 0
    var result = RequestScan()
    /// Why it has thrown: two readers of the body could disagree on the model.
    var namesTwoModels = false

    public init() {}

    /// Takes the next bytes of the body.
    public mutating func take(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        var index = 0
        while index < bytes.count {
            if case .text = state {
                index =
                    role == .topLevelKey
                    ? keyReader.take(bytes, from: index) : JSONText.end(bytes, from: index)
                guard index < bytes.count else { break }
            }
            try step(bytes[index], at: offset &+ index)
            index &+= 1
        }
        offset &+= bytes.count
    }

    /// The body is complete; throws when the JSON value is not.
    public mutating func finish() throws(HTTPFault) -> RequestScan {
        if case .number(let number) = state, number.isComplete { try endValue(at: offset) }
        switch state {
        case .afterValue where depth == 0: return result
        case .text: throw RequestScanner.fault("The body is not JSON: a string does not end.")
        case .sequence: throw RequestScanner.invalidUTF8
        case .literal, .number: throw RequestScanner.invalidValue
        default: throw RequestScanner.fault("The body is not JSON: it ends too early.")
        }
    }

    /// What has been found so far. `model` appears when its string has ended, a text as soon as it begins.
    public var found: RequestScan {
        guard let text = openText else { return result }
        var found = result
        found.text = RoutingText.preferred(result.text, text)
        return found
    }

    /// The routing text that is being read, up to the last byte that was taken.
    private var openText: RoutingText? {
        guard let source = key?.routingText, opening == ASCII.doubleQuote || opening == ASCII.leftBracket else {
            return nil
        }
        return RoutingText(source: source, range: valueStart..<offset)
    }
}

extension RequestScanner {
    static var invalidUTF8: HTTPFault { fault("The body is not valid UTF-8.") }
    static var invalidValue: HTTPFault { fault("The body is not JSON: a value is not valid.") }

    static func fault(_ message: StaticString) -> HTTPFault { HTTPFault(400, message) }
}
