public import SignalboxProtocol

/// How a person names a registered worker in a path: by its id or by its URL.
public enum WorkerReference: Hashable, Sendable {
    case id(WorkerID)
    case url(WorkerURL)

    /// Reads the text after percent-decoding; the error is a sentence for the person.
    public init(_ text: String) throws(WorkerReferenceError) {
        if let id = WorkerID(text) {
            self = .id(id)
        } else if text.contains("://"), let url = try? WorkerURL(text) {
            self = .url(url)
        } else {
            throw WorkerReferenceError(text: String(text.prefix(256)))
        }
    }
}

/// A text that names no worker because it is neither a UUID nor a URL.
public struct WorkerReferenceError: Error, Hashable, Sendable, CustomStringConvertible {
    public var text: String

    public var description: String {
        "Invalid worker_id '\(text)' (expected UUID or a percent-encoded worker URL)."
    }
}
