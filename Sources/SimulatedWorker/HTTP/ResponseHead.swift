import NIOCore
import NIOHTTP1

/// The head of a response, written as bytes at once.
///
/// Own code instead of NIO's encoder, as faults need responses that no encoder writes, and as this is on the path that
/// is measured.
struct ResponseHead {
    /// How the end of the body is known.
    enum Framing: Hashable {
        case length(Int)
        case chunked
        /// By the end of the connection, for HTTP/1.0 clients.
        case closing
        /// There is no body, as with status 204.
        case none
    }

    var status = 200
    var contentType: StaticString = "application/json"
    var framing: Framing
    var closesConnection = false
    /// Further header lines, each with its line end.
    var extraLines = ""

    /// Appends the head with its empty line.
    func write(identity: String, into buffer: inout ByteBuffer) {
        if status == 200 {
            buffer.writeStaticString("HTTP/1.1 200 OK\r\nContent-Type: ")
        } else {
            buffer.writeStaticString("HTTP/1.1 ")
            buffer.writeDecimal(status)
            buffer.writeStaticString(" ")
            buffer.writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
            buffer.writeStaticString("\r\nContent-Type: ")
        }
        buffer.writeStaticString(contentType)
        switch framing {
        case .length(let length):
            buffer.writeStaticString("\r\nContent-Length: ")
            buffer.writeDecimal(length)
        case .chunked: buffer.writeStaticString("\r\nTransfer-Encoding: chunked")
        case .closing, .none: break
        }
        if closesConnection { buffer.writeStaticString("\r\nConnection: close") }
        buffer.writeStaticString("\r\nX-Simulated-Worker: ")
        buffer.writeString(identity)
        buffer.writeStaticString("\r\n")
        if !extraLines.isEmpty { buffer.writeString(extraLines) }
        buffer.writeStaticString("\r\n")
    }
}
