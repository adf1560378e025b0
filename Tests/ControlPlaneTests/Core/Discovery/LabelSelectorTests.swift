import ControlPlaneCore
import Testing

@Suite("Label selectors")
struct LabelSelectorTests {
    @Test(arguments: [
        (["app=sglang"], ["app": "sglang"], true),
        (["app=sglang"], ["app": "other"], false),
        (["app==sglang"], ["app": "sglang"], true),
        (["app=sglang", "role=inference"], ["app": "sglang"], false),
        (["app=sglang,role=inference"], ["app": "sglang", "role": "inference"], true),
        (["app!=sglang"], [:], true),
        (["app!=sglang"], ["app": "sglang"], false),
        (["tier in (gpu, tpu)"], ["tier": "tpu"], true),
        (["tier in (gpu, tpu),app"], ["tier": "tpu"], false),
        (["tier notin (gpu,tpu)"], ["tier": "gpu"], false),
        (["tier notin (gpu,tpu)"], [:], true),
        (["canary"], ["canary": ""], true),
        (["!canary"], ["canary": ""], false),
        (["!canary"], ["app": "x"], true),
        (["example.com/app=x.y_z-1"], ["example.com/app": "x.y_z-1"], true),
        (["app="], ["app": ""], true),
        ([" app = sglang , role "], ["app": "sglang", "role": "r"], true),
    ])
    func selects(_ texts: [String], _ labels: [String: String], _ isMatch: Bool) throws {
        #expect(try LabelSelector(texts).matches(labels) == isMatch)
    }

    @Test(arguments: [[], [""], [",", " "]])
    func nothingMatchesNothing(_ texts: [String]) throws {
        let selector = try LabelSelector(texts)
        #expect(selector.isEmpty)
        #expect(!selector.matches(["app": "x"]) && !selector.matches([:]))
    }

    @Test(arguments: [
        "a=b=c", "=b", "-a=b", "a=-b", "a in b", "a in (b", "a under (b)", "a b in (c)", "/a=b", "a/=b", "a_b/c=d", "!",
        "a=b c",
        "a=\(String(repeating: "x", count: 64))", "ä=b",
    ])
    func refuses(_ text: String) {
        #expect(throws: LabelSelectorError.self) { try LabelSelector([text]) }
    }

    /// The canonical text means the same as what was read.
    @Test func textReadsBack() throws {
        let selector = try LabelSelector(["a = b", "c!=d,e in (f, g)", "h notin (i),j,!k"])
        #expect(selector.description == "a=b,c!=d,e in (f,g),h notin (i),j,!k")
        #expect(try LabelSelector([selector.description]) == selector)
    }

    @Test func hasALimit() {
        #expect(throws: LabelSelectorError.self) {
            try LabelSelector([String](repeating: "key=value", count: LabelSelector.bytesMax / 8))
        }
    }
}
