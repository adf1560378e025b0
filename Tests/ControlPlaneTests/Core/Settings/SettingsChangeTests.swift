import ControlPlaneCore
import SignalboxProtocol
import Testing

@Suite("A change of settings")
struct SettingsChangeTests {
    @Test("takes numbers, words, and null for the default")
    func values() throws {
        let change = try SettingsChange(
            body: ["queue_timeout_milliseconds": .integer(0), "half_close": "allow", "via": .null]
        )
        #expect(
            change.values == [
                .queueTimeoutMilliseconds: .number(0), .halfClose: .word("allow"), .via: SettingValue?.none,
            ]
        )
    }

    @Test(
        "is refused with one sentence that names the setting and what it may be",
        arguments: [
            (
                ["queue_timeout_milliseconds": .integer(-1)],
                "The setting 'queue_timeout_milliseconds' must be a whole number from 0 to 86400000, not -1."
            ),
            (
                ["queue_timeout_milliseconds": "5"],
                "The setting 'queue_timeout_milliseconds' must be a whole number from 0 to 86400000, not '5'."
            ),
            (
                ["fields_max": .number(20.5)],
                "The setting 'fields_max' must be a whole number from 16 to 4096, not a number."
            ),
            (["half_close": "maybe"], "The setting 'half_close' must be abort or allow, not 'maybe'."),
            (["half_close": .integer(1)], "The setting 'half_close' must be abort or allow, not 1."),
            (
                ["forwarded_fields": .boolean(true)],
                "The setting 'forwarded_fields' must be append, replace, remove or pass, not a boolean."
            ),
            (
                ["via": "two words"],
                "The setting 'via' must be a name of at most 64 letters, digits and -._, or empty, not 'two words'."
            ),
            (["pending_wait_milliseconds": .integer(1)], "There is no setting 'pending_wait_milliseconds'."),
        ] as [([String: JSONValue], String)]
    )
    func refusals(body: [String: JSONValue], sentence: String) throws {
        let error = try #require(throws: SettingError.self) { try SettingsChange(body: body) }
        #expect(error.description == sentence)
    }

    @Test("of one model takes the limits that begin once the model is known")
    func model() throws {
        let change = try ModelSettingsChange(
            body: ["first_byte_timeout_milliseconds": .integer(5), "queue_timeout_milliseconds": .null]
        )
        #expect(change.values == [.firstByteMilliseconds: 5, .queueMilliseconds: Int?.none])
    }

    @Test(
        "of one model is refused for what all models share, with the reason",
        arguments: [
            ("head_timeout_milliseconds", "because it applies before the model of a request is known"),
            ("upload_idle_timeout_milliseconds", "because it applies before the model of a request is known"),
            ("keep_alive_timeout_milliseconds", "because it applies before the model of a request is known"),
            ("spool_bytes_max", "because it applies to a data plane as a whole"),
            ("connect_timeout_milliseconds", "must be a whole number from 1 to 86400000, not 0."),
            ("no_such_setting", "There is no setting 'no_such_setting'."),
        ]
    )
    func modelRefusals(name: String, reason: String) throws {
        let error = try #require(throws: SettingError.self) { try ModelSettingsChange(body: [name: .integer(0)]) }
        #expect(error.description.contains(name))
        #expect(error.description.contains(reason))
    }

    @Test("rules agree with the snapshot's bounds for every setting")
    func rules() {
        for key in RoutingSettings.CodingKeys.allCases {
            guard let bounds = RoutingSettings.bounds(key) else {
                #expect(!key.rule.accepts(.number(1)))
                continue
            }
            #expect(key.rule == .number(bounds))
            #expect(!key.rule.accepts(.word("\(bounds.lowerBound)")))
        }
    }
}
