internal import FoundationEssentials

/// One page of a list of pods.
public struct PodPage: Hashable, Sendable {
    public var pods: [Pod]
    /// What a watch from this state begins with.
    public var resourceVersion: String
    /// What asks for the next page; nil on the last one.
    public var continuation: String?
    /// Entries that cannot be read as pods.
    public var unreadable: Int

    public init(pods: [Pod], resourceVersion: String, continuation: String? = nil, unreadable: Int = 0) {
        self.pods = pods
        self.resourceVersion = resourceVersion
        self.continuation = continuation
        self.unreadable = unreadable
    }

    /// Reads a `PodList`; nil when it is none.
    public init?(json bytes: [UInt8]) {
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)) else { return nil }
        pods = document.items.compactMap { $0.object?.pod }
        resourceVersion = document.metadata.resourceVersion ?? ""
        continuation = document.metadata.continue.flatMap { $0.isEmpty ? nil : $0 }
        unreadable = document.items.count - pods.count
    }

    private struct Document: Decodable {
        struct Metadata: Decodable {
            var resourceVersion: String?
            var `continue`: String?
        }

        /// An entry that breaks the rules harms no other one.
        struct Entry: Decodable {
            var object: PodObject?

            init(from decoder: any Decoder) throws {
                object = try? PodObject(from: decoder)
            }
        }

        var metadata: Metadata
        var items: [Entry]

        private enum CodingKeys: CodingKey { case kind, metadata, items }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            // Whatever else answers in the API server's place: taken as an empty list, it would end every worker.
            guard try container.decode(String.self, forKey: .kind) == "PodList", container.contains(.items) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .kind,
                    in: container,
                    debugDescription: "This is no list of pods."
                )
            }
            metadata = try container.decode(Metadata.self, forKey: .metadata)
            // An empty list may be null.
            items = try container.decodeIfPresent([Entry].self, forKey: .items) ?? []
        }
    }
}
