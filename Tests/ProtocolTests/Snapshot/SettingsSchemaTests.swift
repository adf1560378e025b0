import Foundation
import SignalboxProtocol
import Testing

@Suite("The settings in openapi/snapshot.schema.json")
struct SettingsSchemaTests {
    private struct Schema: Decodable {
        var definitions: [String: Definition]

        enum CodingKeys: String, CodingKey { case definitions = "$defs" }
    }

    private struct Definition: Decodable {
        var properties: [String: Property]?
    }

    private struct Property: Decodable {
        var minimum: Double?
        var maximum: Double?
        var choices: [String]?
        var standard: Value?

        enum CodingKeys: String, CodingKey {
            case minimum, maximum
            case choices = "enum"
            case standard = "default"
        }
    }

    private enum Value: Decodable, Equatable {
        case number(Int)
        case word(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = .word(try container.decode(String.self))
            }
        }
    }

    private func properties(_ definition: String) throws -> [String: Property] {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let data = try Data(contentsOf: root.appending(path: "openapi/snapshot.schema.json"))
        let schema = try JSONDecoder().decode(Schema.self, from: data)
        return try #require(schema.definitions[definition]?.properties)
    }

    @Test("have the names, bounds, choices and defaults of the software")
    func settings() throws {
        let properties = try properties("settings")
        #expect(Set(properties.keys) == Set(RoutingSettings.CodingKeys.allCases.map(\.rawValue)))
        let standard = try JSONDecoder().decode([String: Value].self, from: JSONEncoder().encode(RoutingSettings()))
        for key in RoutingSettings.CodingKeys.allCases {
            let property = try #require(properties[key.rawValue])
            let bounds = RoutingSettings.bounds(key)
            #expect(property.minimum == bounds.map { Double($0.lowerBound) }, "\(key)")
            #expect(property.maximum == bounds.map { Double($0.upperBound) }, "\(key)")
            #expect(property.standard == standard[key.rawValue], "\(key)")
        }
        #expect(properties["half_close"]?.choices == HalfClose.allCases.map(\.rawValue))
        #expect(properties["forwarded_fields"]?.choices == ForwardedFields.allCases.map(\.rawValue))
    }

    @Test("may differ between models exactly where the software lets them, within the same bounds")
    func timeouts() throws {
        let properties = try properties("timeouts")
        #expect(Set(properties.keys) == Set(ModelTimeouts.CodingKeys.allCases.map(\.rawValue)))
        for (name, property) in properties {
            let bounds = try #require(RoutingSettings.CodingKeys(rawValue: name).flatMap(RoutingSettings.bounds))
            #expect(property.minimum == Double(bounds.lowerBound), "\(name)")
            #expect(property.maximum == Double(bounds.upperBound), "\(name)")
        }
    }
}
