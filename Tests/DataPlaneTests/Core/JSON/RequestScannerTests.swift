import Testing

@testable import DataPlaneCore

struct RequestScannerTests {
    private func scan(_ text: String) throws -> (model: String?, stream: Bool) {
        let bytes = Array(text.utf8)
        let result = try RequestScan.scan(bytes.span)
        return (result.model.map { String(decoding: bytes[$0], as: UTF8.self) }, result.stream)
    }

    @Test(
        "Model and stream are found at the top level only",
        arguments: [
            (#"{"model":"m","stream":true}"#, "m", true),
            (#" { "stream" : true , "x":[1,{"model":"inner"}], "model" : "m/é" } "#, "m/é", true),
            (#"{"a":{"model":"inner","stream":true}}"#, nil, false),
            (#"{"model":7,"stream":"true"}"#, nil, false),
            (#"{"model":"m","stream":false}"#, "m", false),
            (#"[{"model":"m"}]"#, nil, false), ("7", nil, false), ("{}", nil, false),
            (#"{"messages":[],"model":"m"}"#, "m", false),
        ] as [(String, String?, Bool)]
    )
    func findings(text: String, model: String?, stream: Bool) throws {
        let result = try scan(text)
        #expect(result.model == model)
        #expect(result.stream == stream)
    }

    @Test(
        "What RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "{a:1}", "01", "-", "1.", "1e", "+1",
            ".5", "tru", "nul", "\"\t\"", "\"\\x\"", "\"\\u12g4\"", "\"abc", "{} {}", "[}", "{]", "NaN", "'a'",
            "{\"a\" 1}", "[1", "\u{FEFF}{}",
        ]
    )
    func invalid(text: String) {
        #expect(throws: HTTPFault.self) { try scan(text) }
    }

    @Test("Lone surrogate escapes and long strings are grammatical and pass")
    func oddities() throws {
        #expect(try scan(#"{"a":"\ud800","model":"m"}"#).model == "m")
        let long = "{\"prompt\":\"" + String(repeating: "x\\n\u{20AC}", count: 200_000) + "\",\"model\":\"m\"}"
        #expect(try scan(long).model == "m")
        for number in ["0", "-0", "1.5e+10", "1E-7", "123456789012345678901234567890"] {
            _ = try scan("[\(number)]")
        }
    }

    @Test("A second model key and nesting beyond 128 levels are refused")
    func limits() throws {
        #expect(throws: HTTPFault(400, "The body has two 'model' keys.")) {
            try scan(#"{"model":"a","x":1,"model":"b"}"#)
        }
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try scan(deep)
        #expect(throws: HTTPFault(400, "The body's JSON is nested too deeply.")) { try scan("[" + deep + "]") }
        #expect(throws: HTTPFault.self) { try scan(String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test(
        "Bytes that are not UTF-8 are refused",
        arguments: [
            [0x80], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80],
            [0xC3],
            [0xE2, 0x82], [0xFF],
        ] as [[UInt8]]
    )
    func badUTF8(bytes: [UInt8]) {
        let text = Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)
        #expect(throws: HTTPFault(400, "The body is not valid UTF-8.")) { try RequestScan.scan(text.span) }
    }

    @Test(
        "A string means the same with escapes and without",
        arguments: [
            (#"meta\/a"#, "meta/a"), (#"\u006dodel"#, "model"), (#"a\"b\\c"#, "a\"b\\c"), (#"\ud83d\ude00"#, "😀"),
            (#"\ud800x"#, "\u{FFFD}x"), (#"\ud800\u0041"#, "\u{FFFD}A"), ("é", "é"),
            (#"\b\f\n\r\t"#, "\u{8}\u{C}\n\r\t"),
        ]
    )
    func escapes(text: String, meaning: String) {
        let bytes = Array(text.utf8)
        #expect(String(decoding: JSONString.decode(bytes.span, 0..<bytes.count), as: UTF8.self) == meaning)
    }

    @Test("Keys are compared by what they mean, so that no second model hides behind an escape")
    func escapedKeys() throws {
        #expect(try scan(#"{"\u006dodel":"m","str\u0065am":true}"#) == ("m", true))
        #expect(throws: HTTPFault.self) { try scan(#"{"model":"a","mod\u0065l":"b"}"#) }
    }

    @Test("What is found appears while the body arrives, and a model not before its string has ended")
    func found() throws {
        let body = Array(#"{"stream":true,"messages":[{"content":"model"}],"model":"m","prompt":"abc"}"#.utf8)
        let modelEnd = 59
        var scanner = RequestScanner()
        for index in body.indices {
            try scanner.take(body.span.extracting(index..<index + 1))
            #expect(scanner.found.sawModel == (index >= modelEnd - 1))
            #expect(scanner.found.model == (index >= modelEnd - 1 ? 57..<58 : nil))
            #expect(scanner.found.stream == (index >= 13))
            let textEnd = min(index + 1, 47)
            let text = index >= 26 ? RoutingText(source: .messages, range: 26..<textEnd) : nil
            #expect(scanner.found.text == text)
        }
    }

    @Test("A model that is no string was there all the same")
    func modelOfAnotherType() throws {
        for value in ["7", "null", "true", "[\"m\"]", "{\"model\":\"m\"}"] {
            let bytes = Array("{\"model\":\(value)}".utf8)
            let result = try RequestScan.scan(bytes.span)
            #expect(result.sawModel)
            #expect(result.model == nil)
            #expect(throws: HTTPFault(400, "The body has two 'model' keys.")) {
                try scan("{\"model\":\(value),\"model\":\"m\"}")
            }
        }
    }

    @Test(
        "The routing text is the value of the first key in the list of sources that is a string or an array",
        arguments: [
            (#"{"prompt":"p","messages":[1]}"#, .messages, "[1]"),
            (#"{"messages":[1],"prompt":"p"}"#, .messages, "[1]"),
            (#"{"text":"a","prompt":"p"}"#, .text, #""a""#), (#"{"messages":null,"prompt": "p" }"#, .prompt, #""p""#),
            (#"{"input":["a", {"input":"b"}] }"#, .input, #"["a", {"input":"b"}]"#), (#"{"query":""}"#, .query, #""""#),
            (#"{"input_ids":[1,[2]]}"#, .inputIDs, "[1,[2]]"), (#"{"prompt":"a","prompt":"b"}"#, .prompt, #""b""#),
            (#"{"in\u0070ut\u005fids":[1]}"#, .inputIDs, "[1]"), (#"{"x":{"prompt":"p"}}"#, nil, ""),
            (#"{"prompt":7,"text":true,"input":{}}"#, nil, ""), (#"["prompt","p"]"#, nil, ""),
        ] as [(String, RoutingText.Source?, String)]
    )
    func routingText(body: String, source: RoutingText.Source?, text: String) throws {
        let bytes = Array(body.utf8)
        let found = try RequestScan.scan(bytes.span).text
        #expect(found?.source == source)
        #expect(found.map { String(decoding: bytes[$0.range], as: UTF8.self) } ?? "" == text)
    }

    @Test(
        "A key of another name is not taken for one that matters",
        arguments: [
            "\\u0000model", "model\\u0000", "Model", "mode", "models", "m\u{F6}del", "0123456789abcdef", "\\u016dodel",
        ]
    )
    func otherKeys(key: String) throws {
        let bytes = Array("{\"\(key)\":\"x\"}".utf8)
        #expect(try RequestScan.scan(bytes.span) == RequestScan())
    }

    @Test("The adapter is found, one or several; a null is none")
    func adapter() throws {
        func adapter(_ body: String) throws -> String? {
            let bytes = Array(body.utf8)
            return try RequestScan.scan(bytes.span).adapter.map { String(decoding: bytes[$0], as: UTF8.self) }
        }
        #expect(try adapter(#"{"text":"x","lora_path":"a1"}"#) == #""a1""#)
        #expect(try adapter(#"{"lora_path":["a1",null],"text":["x","y"]}"#) == #"["a1",null]"#)
        #expect(try adapter(#"{"lora_path":null,"text":"x"}"#) == nil)
        #expect(try adapter(#"{"sampling":{"lora_path":"a1"}}"#) == nil)
    }

    @Test(
        "The packed names of the keys spell the keys",
        arguments: [
            (.model, "model"), (.stream, "stream"), (.messages, "messages"), (.text, "text"), (.prompt, "prompt"),
            (.input, "input"), (.query, "query"), (.inputIDs, "input_ids"),
            (.adapter, "lora_path"),
        ] as [(RequestKey, String)]
    )
    func keys(key: RequestKey, name: String) {
        var reader = RequestKeyReader()
        for byte in name.utf8 { reader.append(byte) }
        #expect(reader.key == key)
    }

    @Test("A million keys, nesting without end and very long strings are read in bounded memory and quickly")
    func bombs() throws {
        let keys = "{" + (0..<1_000_000).map { "\"k\($0)\":0" }.joined(separator: ",") + ",\"model\":\"m\"}"
        #expect(try scan(keys).model == "m")
        let long = String(repeating: "k", count: 1 << 20)
        #expect(try scan("{\"\(long)\":\"\(long)\",\"model\":\"m\"}").model == "m")
        let deep = String(repeating: "[{\"a\":", count: 50_000)
        #expect(throws: HTTPFault(400, "The body's JSON is nested too deeply.")) { try scan(deep) }
        #expect(MemoryLayout<RequestScanner>.size <= 256)
    }
}
