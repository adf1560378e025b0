import FoundationEssentials
public import SignalboxProtocol

/// What a worker says about the models that it serves.
public enum ModelDiscovery {
    /// Most cards that are kept of one worker; a base model with its adapters has some dozens.
    public static let cardsMax = 1024

    /// The cards of a `/v1/models` answer, each byte for byte as it stands there; nil when it is no such answer.
    public static func cards(ofModelsAnswer body: [UInt8]) -> [ModelCard]? {
        guard let elements = RawJSON.elements(ofArray: "data", in: body), elements.count <= cardsMax else { return nil }
        var cards: [ModelCard] = []
        for element in elements {
            guard JSONGrammar.isValue(element), let card = String(validating: element, as: UTF8.self),
                let head = try? JSONDecoder().decode(CardHead.self, from: Data(element))
            else { return nil }
            cards.append(ModelCard(id: head.id, card: card))
        }
        return cards
    }

    /// Whether two lists of cards differ in nothing but the time of creation, which some engines set anew for every
    /// answer: that alone is no news.
    static func saySame(_ old: [ModelCard], _ new: [ModelCard]) -> Bool {
        old.count == new.count
            && zip(old, new).allSatisfy { old, new in
                old == new || (old.id == new.id && timeless(old) != nil && timeless(old) == timeless(new))
            }
    }

    private static func timeless(_ card: ModelCard) -> [String: JSONValue]? {
        guard var fields = try? JSONText.value([String: JSONValue].self, from: card.card) else { return nil }
        fields["created"] = nil
        return fields
    }

    /// The model's name in an answer of `/get_model_info` or `/server_info`; nil when it names none.
    public static func modelID(ofInfoAnswer body: [UInt8]) -> String? {
        guard let info = try? JSONDecoder().decode(InfoHead.self, from: Data(body)) else { return nil }
        return [info.servedModelName, info.modelPath].compactMap(\.self).first { !$0.isEmpty }
    }

    private struct CardHead: Decodable {
        var id: String
    }

    private struct InfoHead: Decodable {
        var servedModelName: String?
        var modelPath: String?

        enum CodingKeys: String, CodingKey {
            case servedModelName = "served_model_name"
            case modelPath = "model_path"
        }
    }
}
