/// The request methods that routes distinguish (RFC 9110 section 9); names are case-sensitive.
public enum HTTPMethod: Sendable, Equatable {
    case get
    case head
    case post
    case put
    case delete
    case patch
    case options
    case connect
    /// Any other token.
    case other

    init(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) {
        switch range.count {
        case 3 where bytes.equals(range, "GET"): self = .get
        case 3 where bytes.equals(range, "PUT"): self = .put
        case 4 where bytes.equals(range, "POST"): self = .post
        case 4 where bytes.equals(range, "HEAD"): self = .head
        case 5 where bytes.equals(range, "PATCH"): self = .patch
        case 6 where bytes.equals(range, "DELETE"): self = .delete
        case 7 where bytes.equals(range, "OPTIONS"): self = .options
        case 7 where bytes.equals(range, "CONNECT"): self = .connect
        default: self = .other
        }
    }
}
