import ControlPlaneCore
import HTTPTypes
import Hummingbird
import NIOCore
import SignalboxProtocol

/// Builds the answers of the admin API.
enum AdminAnswer {
    /// A text as the original sends it, without a line feed.
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        response(status, contentType: "text/plain; charset=utf-8", body: ByteBuffer(string: text))
    }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let body = ByteBuffer(bytes: try JSONText.bytes(value))
        return response(status, contentType: "application/json", body: body)
    }

    /// A text that is JSON already.
    static func json(text: String) -> Response {
        response(.ok, contentType: "application/json", body: ByteBuffer(string: text))
    }

    static func error(_ error: AdminError) -> Response {
        let value = JSONValue.object(["error": .string(error.message), "code": .string(error.code)])
        return (try? json(value, status: error.status)) ?? Response(status: error.status)
    }

    private static func response(_ status: HTTPResponse.Status, contentType: String, body: ByteBuffer) -> Response {
        Response(status: status, headers: [.contentType: contentType], body: ResponseBody(byteBuffer: body))
    }
}

extension Response {
    /// The answer with the version that the request made or saw, in headers that a script reads without parsing a body.
    func showing(_ version: SnapshotVersion) -> Response {
        var response = self
        response.headers[.signalboxEpoch] = version.epoch.description
        response.headers[.signalboxSequence] = String(version.sequence)
        return response
    }
}

extension JSONValue {
    static func version(_ version: SnapshotVersion) -> JSONValue {
        .object([
            "epoch": .string(version.epoch.description),
            "sequence": Int(exactly: version.sequence).map(JSONValue.integer) ?? .null,
        ])
    }
}

extension HTTPField.Name {
    static let signalboxEpoch = known("X-Signalbox-Epoch")
    static let signalboxSequence = known("X-Signalbox-Sequence")
    static let signalboxSourceAddress = known("X-Signalbox-Source-Address")
    static let requestID = known("X-Request-ID")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("'\(name)' is no header name") }
        return name
    }
}
