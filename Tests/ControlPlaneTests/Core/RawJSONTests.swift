import Testing

@testable import ControlPlaneCore

@Suite("Raw JSON")
struct RawJSONTests {
    private func elements(_ text: String) -> [String]? {
        RawJSON.elements(ofArray: "data", in: Array(text.utf8))?.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "hands out the elements of an array byte for byte",
        arguments: [
            (#"{"data":[]}"#, []),
            (#"{"data":[ ]}"#, []),
            (#"{"data":[1]}"#, ["1"]),
            (
                #" { "a" : {"data":[9]} , "data" : [ {"x" : 1.50}, {"y":[1,2]} ] } "#,
                [#"{"x" : 1.50}"#, #"{"y":[1,2]}"#]
            ),
            (#"{"data":["a,]}","b\"],",null ,true]}"#, [#""a,]}""#, #""b\"],""#, "null", "true"]),
            (#"{"data":[1],"data":[2]}"#, ["2"]),
            (#"{"data":[{"k":"\\"},{}]}"#, [#"{"k":"\\"}"#, "{}"]),
        ] as [(String, [String])]
    )
    func splits(text: String, expected: [String]) {
        #expect(elements(text) == expected)
    }

    @Test(
        "has no elements where there is no such array",
        arguments: [
            "", "{", "[]", "{}", #"{"data":{}}"#, #"{"data":1}"#, #"{"data":[1"#, #"{"data":[1,]}"#, #"{"data":[1]"#,
            #"{"data":[1]} x"#, #"{"data":["a]}"#, #"{"data":[1}]}"#, #"{"data" [1]}"#, #"{data:[1]}"#, #"{"data":["\"#,
        ]
    )
    func refuses(text: String) {
        #expect(elements(text) == nil)
    }

    @Test("refuses deep nesting instead of following it")
    func depth() {
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(elements("{\"data\":[\(deep)]}") == nil)
    }

    @Test("survives every cut of a text")
    func cuts() {
        let text = Array(#"{"a":"\"]","data":[{"id":"m","x":[1,{"y":"}"}]},2]}"#.utf8)
        for length in 0..<text.count {
            #expect(RawJSON.elements(ofArray: "data", in: Array(text[..<length])) == nil)
        }
        #expect(RawJSON.elements(ofArray: "data", in: text)?.count == 2)
    }
}
