import ControlPlaneCore
import SignalboxProtocol
import Testing

@Suite("The flags of settings")
struct SettingFlagTests {
    @Test("have names of their own, and a help that tells the default")
    func table() {
        let flags = RoutingSettings.CodingKeys.allCases.map(SettingFlag.init)
        let names = flags.flatMap(\.names)
        #expect(Set(names).count == names.count)
        #expect(SettingFlag(.queueTimeoutMilliseconds).names == ["timeout-queue-secs", "queue-timeout-secs"])
        #expect(SettingFlag(.requestTimeoutMilliseconds).name == "--request-timeout-secs")
        #expect(SettingFlag(.firstByteTimeoutMilliseconds).help.hasSuffix("(default: as stored, at first 1800)."))
        #expect(SettingFlag(.forwardedFields).help.hasSuffix("(default: as stored, at first append)."))
        #expect(SettingFlag(.via).help.hasSuffix("(default: as stored, at first signalbox)."))
    }

    @Test(
        "read text in their own unit",
        arguments: [
            (.connectTimeoutMilliseconds, "0.25", .number(250)), (.connectTimeoutMilliseconds, "0.001", .number(1)),
            (.queueTimeoutMilliseconds, "0", .number(0)), (.queueTimeoutMilliseconds, "86400", .number(86_400_000)),
            (.payloadBytesMax, "1", .number(1)), (.fieldsMax, "16", .number(16)), (.connectionsMax, "0", .number(0)),
            (.halfClose, "allow", .word("allow")), (.forwardedFields, "pass", .word("pass")), (.via, "", .word("")),
        ] as [(RoutingSettings.CodingKeys, String, SettingValue)]
    )
    func values(key: RoutingSettings.CodingKeys, text: String, value: SettingValue) throws {
        #expect(try SettingFlag(key).value(text) == value)
    }

    @Test(
        "refuse other text with one sentence that names the flag and what it takes",
        arguments: [
            (
                .connectTimeoutMilliseconds, "0",
                "--timeout-connect-secs must be a number of seconds from 0.001 to 86400 with at most three decimals,"
                    + " not '0'."
            ),
            (
                .requestTimeoutMilliseconds, "-1",
                "--request-timeout-secs must be a number of seconds from 0 to 86400 with at most three decimals,"
                    + " not '-1'."
            ),
            (
                .payloadBytesMax, "0",
                "--max-payload-size must be a whole number of bytes from 1 to 68719476736, not '0'."
            ),
            (.fieldsMax, "many", "--max-header-fields must be a whole number from 16 to 4096, not 'many'."),
            (.halfClose, "ALLOW", "--half-close must be abort or allow, not 'ALLOW'."),
            (.forwardedFields, "", "--forwarded-fields must be append, replace, remove or pass, not ''."),
            (.via, "a b", "--via must be a name of at most 64 letters, digits and -._, or empty, not 'a b'."),
        ] as [(RoutingSettings.CodingKeys, String, String)]
    )
    func refusals(key: RoutingSettings.CodingKeys, text: String, sentence: String) throws {
        let error = try #require(throws: SettingFlagError.self) { try SettingFlag(key).value(text) }
        #expect(error.description == sentence)
    }
}
