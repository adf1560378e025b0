import Testing

@testable import DataPlaneCore

struct RoutingTextReaderTests {
    @Test(
        "The text of a request is what a person wrote, without the JSON around it",
        arguments: [
            (#""hello""#, false, "hello"), (#"["a","b"]"#, false, "a b"), ("[1,2,-3]", false, "1 2 -3"),
            (#"[{"role":"user","content":"hi"}]"#, true, "hi"),
            (#"[{"content":"hi","role":"user"},{"role":"assistant","content":"there"}]"#, true, "hi there"),
            (
                #"[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"u"}}]}]"#,
                true, "see"
            ),
            (#"[ { "role" : "user" , "content" : "a \"b\" c" } ]"#, true, #"a \"b\" c"#),
            (#"[{"role":"user","name":"content","content":"x"}]"#, true, "x"),
            ("[]", true, ""), (#"[{"content":null}]"#, true, ""),
            (#"[{"role":"user","content":"cut of"#, true, "cut of"),
        ]
    )
    func text(json: String, isMessages: Bool, expected: String) {
        let bytes = Array(json.utf8)
        var text: [UInt8] = []
        RoutingTextReader.append(bytes.span, 0..<bytes.count, isMessages: isMessages, to: &text)
        #expect(String(decoding: text, as: UTF8.self) == expected)
    }

    @Test("No cut of a body breaks it")
    func cuts() {
        let bytes = Array(#"[{"role":"user","content":"a \"q\" \\"},{"content":["x",{"text":"y"}]}]"#.utf8)
        for end in 0...bytes.count {
            var text: [UInt8] = []
            RoutingTextReader.append(bytes.span, 0..<end, isMessages: true, to: &text)
            #expect(text.count <= end)
        }
    }
}
