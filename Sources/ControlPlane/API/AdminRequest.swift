import ControlPlaneCore
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// Reads what handlers need from a request.
extension Request {
    var query: QueryString {
        let target = head.path ?? ""
        guard let mark = target.firstIndex(of: "?") else { return QueryString("") }
        return QueryString(target[target.index(after: mark)...])
    }

    /// The body as JSON.
    ///
    /// - Throws: ``AdminError`` with 400 when it is none, 413 when it is too long.
    func json() async throws -> JSONValue {
        let buffer = try await body.collect(upTo: AdminContext.bodyBytesMax)
        guard JSONGrammar.isValue(buffer.readableBytesView),
            let value = try? JSONDecoder().decode(JSONValue.self, from: Data(buffer.readableBytesView))
        else {
            throw AdminError.badRequest("Failed to parse the request body as JSON.")
        }
        return value
    }

    /// The body as a JSON object.
    func jsonObject() async throws -> [String: JSONValue] {
        let value = try await json()
        guard case .object(let fields) = value else {
            throw AdminError.unprocessable("The body must be a JSON object, not \(value.kind).")
        }
        return fields
    }
}

extension QueryString {
    /// A whole number; the standard value when the parameter is missing.
    func integer(_ name: String, standard: Int, in range: ClosedRange<Int>) throws -> Int {
        guard let text = self[name] else { return standard }
        guard let number = Int(text), range.contains(number) else {
            throw AdminError.badRequest(
                "The query parameter '\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound)."
            )
        }
        return number
    }
}

extension AdminContext {
    /// A piece of the path, decoded.
    func pathParameter(_ name: String) throws -> String {
        guard let text = coreContext.parameters.get(name) else {
            throw AdminError.badRequest("The path lacks its \(name).")
        }
        return PercentCoding.decoded(text[...])
    }
}
