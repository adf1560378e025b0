internal import FoundationEssentials

/// One line of a watch.
public enum PodWatchEvent: Hashable, Sendable {
    /// The pod is so now: `ADDED` or `MODIFIED`.
    case applied(Pod, resourceVersion: String)
    /// It is gone, or is selected no longer. The pod is the one that was.
    case deleted(Pod, resourceVersion: String)
    /// Nothing happened up to here.
    case bookmark(resourceVersion: String)
    /// The server ends the watch; 410: what it should have gone on from is forgotten.
    case failed(status: Int, message: String)
    /// A line that cannot be read, with what is wrong.
    case unreadable(String)

    /// Reads one line.
    public init(json line: [UInt8]) {
        do {
            self = try JSONDecoder().decode(Document.self, from: Data(line)).event
        } catch {
            self = .unreadable("An event of the watch is no JSON, or has another form than the API of pods.")
        }
    }

    private struct Document: Decodable {
        var event: PodWatchEvent

        private enum CodingKeys: CodingKey { case type, object }

        struct Failure: Decodable {
            var code: Int?
            var message: String?
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            let type = try container.decode(String.self, forKey: .type)
            if type == "ERROR" {
                let failure = try container.decode(Failure.self, forKey: .object)
                event = .failed(status: failure.code ?? 500, message: failure.message ?? "no message")
                return
            }
            let object = try container.decode(PodObject.self, forKey: .object)
            let version = object.metadata.resourceVersion ?? ""
            switch (type, object.pod) {
            case ("BOOKMARK", _): event = .bookmark(resourceVersion: version)
            case ("ADDED", let pod?), ("MODIFIED", let pod?): event = .applied(pod, resourceVersion: version)
            case ("DELETED", let pod?): event = .deleted(pod, resourceVersion: version)
            case (_, nil): event = .unreadable("An event of the watch has a pod without name or uid.")
            default: event = .unreadable("An event of the watch has the unknown type '\(type.prefix(32))'.")
            }
        }
    }
}
