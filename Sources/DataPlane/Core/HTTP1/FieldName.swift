/// The header fields that a proxy has to understand; every other one is passed on as it is.
public enum FieldName: UInt8, Sendable {
    case other
    case authorization
    case connection
    case contentEncoding
    case contentLength
    case contentType
    case cookie
    case date
    case expect
    case explain
    case host
    case http2Settings
    case keepAlive
    case proxyAuthenticate
    case proxyAuthorization
    case proxyConnection
    case requestID
    case routingKey
    case snapshot
    case sourceAddress
    case targetWorker
    case te
    case traceparent
    case tracestate
    case trailer
    case transferEncoding
    case upgrade
    case via
    case worker
    case xForwardedFor
    case xForwardedProto

    /// Recognises a name, without regard to case; the length decides which names are compared at all.
    init(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) {
        switch range.count {
        case 2 where bytes.equalsIgnoringCase(range, "te"): self = .te
        case 3 where bytes.equalsIgnoringCase(range, "via"): self = .via
        case 4 where bytes.equalsIgnoringCase(range, "host"): self = .host
        case 4 where bytes.equalsIgnoringCase(range, "date"): self = .date
        case 6 where bytes.equalsIgnoringCase(range, "expect"): self = .expect
        case 6 where bytes.equalsIgnoringCase(range, "cookie"): self = .cookie
        case 7 where bytes.equalsIgnoringCase(range, "upgrade"): self = .upgrade
        case 7 where bytes.equalsIgnoringCase(range, "trailer"): self = .trailer
        case 10 where bytes.equalsIgnoringCase(range, "connection"): self = .connection
        case 10 where bytes.equalsIgnoringCase(range, "keep-alive"): self = .keepAlive
        case 10 where bytes.equalsIgnoringCase(range, "tracestate"): self = .tracestate
        case 11 where bytes.equalsIgnoringCase(range, "traceparent"): self = .traceparent
        case 12 where bytes.equalsIgnoringCase(range, "content-type"): self = .contentType
        case 12 where bytes.equalsIgnoringCase(range, "x-request-id"): self = .requestID
        case 13 where bytes.equalsIgnoringCase(range, "authorization"): self = .authorization
        case 14 where bytes.equalsIgnoringCase(range, "content-length"): self = .contentLength
        case 14 where bytes.equalsIgnoringCase(range, "http2-settings"): self = .http2Settings
        case 15 where bytes.equalsIgnoringCase(range, "x-forwarded-for"): self = .xForwardedFor
        case 16 where bytes.equalsIgnoringCase(range, "content-encoding"): self = .contentEncoding
        case 16 where bytes.equalsIgnoringCase(range, "proxy-connection"): self = .proxyConnection
        case 17 where bytes.equalsIgnoringCase(range, "transfer-encoding"): self = .transferEncoding
        case 17 where bytes.equalsIgnoringCase(range, "x-forwarded-proto"): self = .xForwardedProto
        case 17 where bytes.equalsIgnoringCase(range, "x-smg-routing-key"): self = .routingKey
        case 18 where bytes.equalsIgnoringCase(range, "proxy-authenticate"): self = .proxyAuthenticate
        case 18 where bytes.equalsIgnoringCase(range, "x-signalbox-worker"): self = .worker
        case 19 where bytes.equalsIgnoringCase(range, "x-signalbox-explain"): self = .explain
        case 19 where bytes.equalsIgnoringCase(range, "x-smg-target-worker"): self = .targetWorker
        case 19 where bytes.equalsIgnoringCase(range, "proxy-authorization"): self = .proxyAuthorization
        case 20 where bytes.equalsIgnoringCase(range, "x-signalbox-snapshot"): self = .snapshot
        case 26 where bytes.equalsIgnoringCase(range, "x-signalbox-source-address"): self = .sourceAddress
        default: self = .other
        }
    }

    /// Fields that concern one connection only and are never passed on (RFC 9110 section 7.6.1), the framing fields
    /// that a proxy writes anew, and those that only this proxy may set.
    var isHopByHop: Bool {
        switch self {
        case .connection, .contentLength, .explain, .http2Settings, .keepAlive, .proxyAuthenticate, .proxyAuthorization,
            .proxyConnection, .snapshot, .sourceAddress, .te, .trailer, .transferEncoding, .upgrade, .worker:
            true
        case .other, .authorization, .contentEncoding, .contentType, .cookie, .date, .expect, .host, .requestID,
            .routingKey, .targetWorker, .traceparent, .tracestate, .via, .xForwardedFor, .xForwardedProto:
            false
        }
    }
}
