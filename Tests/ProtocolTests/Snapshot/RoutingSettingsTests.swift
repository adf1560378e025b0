import Foundation
import SignalboxProtocol
import Testing

@Suite("The settings of a snapshot")
struct RoutingSettingsTests {
    @Test("survive the wire, every one of them")
    func wire() throws {
        var settings = RoutingSettings()
        for key in RoutingSettings.CodingKeys.allCases {
            if let path = RoutingSettings.number(key) { settings[keyPath: path] += 7 }
        }
        settings.halfClose = .allow
        settings.forwardedFields = .remove
        settings.via = "edge"
        let document = try JSONEncoder().encode(settings)
        #expect(try JSONDecoder().decode(RoutingSettings.self, from: document) == settings)
        let fields = try #require(try JSONSerialization.jsonObject(with: document) as? [String: Any])
        #expect(Set(fields.keys) == Set(RoutingSettings.CodingKeys.allCases.map(\.rawValue)))
    }

    @Test("have their defaults where a document says nothing")
    func defaults() throws {
        #expect(try JSONDecoder().decode(RoutingSettings.self, from: Data("{}".utf8)) == RoutingSettings())
    }

    @Test("break a rule one step outside their bounds and none at them")
    func bounds() throws {
        for key in RoutingSettings.CodingKeys.allCases {
            guard let path = RoutingSettings.number(key) else { continue }
            let bounds = try #require(RoutingSettings.bounds(key))
            let values = [(bounds.lowerBound, true), (bounds.upperBound, true)]
            for (value, isAllowed) in values + [(bounds.lowerBound - 1, false), (bounds.upperBound + 1, false)] {
                var snapshot = SampleSnapshot.snapshot()
                // These two are compared with one another besides.
                snapshot.settings.requestLineBytesMax = 1024
                snapshot.settings.headBytesMax = 1024 * 1024
                snapshot.settings[keyPath: path] = value
                #expect(snapshot.violations().isEmpty == isAllowed, "\(key) \(value)")
            }
        }
    }

    @Test("do not allow a request line that is longer than a head")
    func lineWithinHead() {
        var snapshot = SampleSnapshot.snapshot()
        snapshot.settings.requestLineBytesMax = snapshot.settings.headBytesMax + 1
        #expect(snapshot.violations().map(\.path) == ["settings.request_line_bytes_max"])
    }

    @Test(
        "take a name for Via of token characters only",
        arguments: [
            ("", true), ("edge-1.example_x", true), ("a b", false), ("a/b", false), ("é", false), ("a\r\n", false),
        ]
    )
    func via(name: String, isAllowed: Bool) {
        var snapshot = SampleSnapshot.snapshot()
        snapshot.settings.via = name
        #expect(snapshot.violations().isEmpty == isAllowed)
        snapshot.settings.via = name + String(repeating: "a", count: RoutingSettings.viaBytesMax + 1)
        #expect(snapshot.violations().map(\.path) == ["settings.via"])
    }

    @Test("of one model replace those that it names and no others")
    func modelTimeouts() throws {
        var own = ModelTimeouts()
        #expect(own.applied(to: RequestTimeouts()) == RequestTimeouts())
        own.firstByteMilliseconds = 1
        own.requestMilliseconds = 0
        var expected = RequestTimeouts()
        expected.firstByteMilliseconds = 1
        expected.requestMilliseconds = 0
        var standard = RequestTimeouts()
        standard.requestMilliseconds = 9
        #expect(own.applied(to: standard) == expected)
    }

    @Test("of one model are held to the bounds of all models")
    func modelBounds() {
        var snapshot = SampleSnapshot.snapshot()
        var own = ModelTimeouts()
        own.connectMilliseconds = 0
        own.queueMilliseconds = 0
        snapshot.models = [ModelConfiguration(model: "m", timeouts: own)]
        #expect(snapshot.violations().map(\.path) == ["models[0].timeouts.connect_timeout_milliseconds"])
    }
}
