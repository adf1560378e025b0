/// The keys of a request body's top level that the proxy looks at.
///
/// The raw value is the name as ``RequestKeyReader`` packs it: a 1, then the bytes of the name.
enum RequestKey: UInt128 {
    case model = 0x01_6D6F_6465_6C
    case stream = 0x01_7374_7265_616D
    case messages = 0x01_6D65_7373_6167_6573
    case text = 0x01_7465_7874
    case prompt = 0x01_7072_6F6D_7074
    case input = 0x01_696E_7075_74
    case query = 0x01_7175_6572_79
    case inputIDs = 0x01_696E_7075_745F_6964_73
    case adapter = 0x01_6C6F_7261_5F70_6174_68

    /// The text that requests are routed by, if that is what the key is for.
    var routingText: RoutingText.Source? {
        switch self {
        case .model, .stream, .adapter: nil
        case .messages: .messages
        case .text: .text
        case .prompt: .prompt
        case .input: .input
        case .query: .query
        case .inputIDs: .inputIDs
        }
    }
}

/// A key while it is read, byte by byte and as it is meant, so that an escape in it hides nothing.
struct RequestKeyReader: Sendable {
    /// The 1 in front keeps names of different lengths apart; a name of more than 15 bytes leaves it in the top byte.
    private var packed: UInt128 = 1

    /// No key that the proxy looks at is as long, or has such a character.
    private(set) var isOther = false

    /// The key, when it is complete and one that the proxy looks at.
    var key: RequestKey? { isOther ? nil : RequestKey(rawValue: packed) }

    /// Takes the letters and underscores that keys are made of, and returns the index of the first other byte.
    @inline(__always)
    mutating func take(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, ASCII.isLetter(bytes[index]) || bytes[index] == ASCII.underscore {
            append(bytes[index])
            index &+= 1
        }
        return index
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        guard packed >> 120 == 0 else {
            isOther = true
            return
        }
        packed = packed << 8 | UInt128(byte)
    }

    /// Takes what a `\u` escape stands for.
    mutating func append(unit: UInt16) {
        if unit < 0x80 { append(UInt8(unit)) } else { isOther = true }
    }
}
