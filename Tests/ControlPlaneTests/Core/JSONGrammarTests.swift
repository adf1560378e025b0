import Testing

@testable import ControlPlaneCore

@Suite("The JSON grammar")
struct JSONGrammarTests {
    @Test(
        "accepts every kind of value",
        arguments: [
            "{}", "[]", " [ ] ", #"{"a":1,"b":[true,false,null]}"#, "0", "-0", "-1.5e+10", "1E5", #""""#,
            #""\"\\\/\b\f\n\r\t\u00aF""#, "\"ü\"", "\t\n\r 1 ",
        ]
    )
    func accepts(text: String) {
        #expect(JSONGrammar.isValue(text.utf8))
    }

    @Test(
        "refuses everything else",
        arguments: [
            "", " ", "{", "[", "[1,]", #"{"a":1,}"#, "[1 2]", #"{"a" 1}"#, "{a:1}", "01", "+1", "1.", ".5", "1e", "-",
            "tru", "nulll", "'a'", #"""#, #""\x""#, #""\u12g4""#, #""\u12"#, "\"\n\"", "[1]]", "NaN", "// c\n1",
        ]
    )
    func refuses(text: String) {
        #expect(!JSONGrammar.isValue(text.utf8))
    }

    @Test("refuses nesting beyond the limit")
    func depth() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(JSONGrammar.isValue(nested(128).utf8))
        #expect(!JSONGrammar.isValue(nested(100_000).utf8))
    }
}
