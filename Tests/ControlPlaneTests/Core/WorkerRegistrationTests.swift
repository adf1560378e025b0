import FoundationEssentials
import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

@Suite("A worker's registration")
struct WorkerRegistrationTests {
    private func read(_ json: String) throws -> WorkerRegistration {
        try WorkerRegistration(body: try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)))
    }

    @Test("reads all fields")
    func fields() throws {
        let registration = try read(
            #"{"url":"HTTP://Host:1/","model_id":"m","priority":7,"cost":2,"weight":3,"labels":{"a":"b"},"#
                + #""disable_health_check":true,"health_check_timeout_secs":4,"#
                + #""worker_type":"regular","runtime":"sglang"}"#
        )
        #expect(registration.url.description == "http://host:1")
        #expect(registration.urlGiven == "HTTP://Host:1/")
        #expect(registration.source == .api)
        #expect(registration.modelGiven == "m")
        #expect(
            registration.properties
                == WorkerProperties(
                    weight: 3,
                    priority: 7,
                    cost: 2,
                    labels: ["a": "b"],
                    health: WorkerHealthSettings(isEnabled: false, timeoutSeconds: 4)
                )
        )
    }

    @Test(
        "names the field that is wrong",
        arguments: [
            ("{}", "missing field `url`"),
            (#"{"url":null}"#, "missing field `url`"),
            (#"{"url":1}"#, "field `url`: an integer, expected a string"),
            (#"{"url":"http://h","urll":1}"#, "unknown field `urll`"),
            (#"{"url":"http://h","weight":0}"#, "`weight` must be from 1 to 1000"),
            (#"{"url":"http://h","weight":1.5}"#, "`weight`"),
            (#"{"url":"http://h","cost":-1}"#, "`cost`"),
            (#"{"url":"http://h","labels":{"a":1}}"#, "`labels.a`"),
            (#"{"url":"http://h","labels":[]}"#, "`labels`"),
            (#"{"url":"http://h","api_key":"k"}"#, "`api_key` is not supported yet"),
            (#"{"url":"http://h","worker_type":"decode"}"#, "`worker_type`"),
            (#"{"url":"http://h","dp_aware":true}"#, "`dp_aware`"),
            (#"{"url":"http://h","bootstrap_port":0}"#, "`bootstrap_port`"),
            ("[]", "must be a JSON object"),
        ]
    )
    func wrongFields(json: String, sentence: String) throws {
        let error = try #require(throws: WorkerRegistrationError.self) { try read(json) }
        #expect(error.description.contains(sentence), "\(error)")
        guard case .field = error else {
            Issue.record("\(error) blames no field")
            return
        }
    }

    @Test("refuses a URL that is none, and https until it works")
    func urls() throws {
        let error = try #require(throws: WorkerRegistrationError.self) { try read(#"{"url":"h:1"}"#) }
        #expect(error.description == "Worker URL 'h:1' has no scheme; write http://h:1.")
        #expect(throws: WorkerRegistrationError.transportSecurity) {
            try WorkerRegistration(url: "https://h", source: .api)
        }
    }

    @Test("bounds labels")
    func labels() {
        let many = (0...64).map { "\"k\($0)\":\"v\"" }.joined(separator: ",")
        #expect(throws: WorkerRegistrationError.self) { try read(#"{"url":"http://h","labels":{\#(many)}}"#) }
        let long = String(repeating: "x", count: 1025)
        #expect(throws: WorkerRegistrationError.self) { try read(#"{"url":"http://h","labels":{"a":"\#(long)"}}"#) }
        #expect(throws: WorkerRegistrationError.self) { try read(#"{"url":"http://h","labels":{"":"a"}}"#) }
    }
}
