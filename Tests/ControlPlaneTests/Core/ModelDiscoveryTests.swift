import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

@Suite("Model discovery")
struct ModelDiscoveryTests {
    private func cards(_ text: String) -> [ModelCard]? {
        ModelDiscovery.cards(ofModelsAnswer: Array(text.utf8))
    }

    @Test("keeps each card as the worker wrote it")
    func keepsCards() {
        let found = cards(#"{"object":"list","data":[{"id":"m", "max_model_len" : 4096, "x":1.50},{"id":"ü"}]}"#)
        #expect(
            found == [
                ModelCard(id: "m", card: #"{"id":"m", "max_model_len" : 4096, "x":1.50}"#),
                ModelCard(id: "ü", card: #"{"id":"ü"}"#),
            ]
        )
    }

    @Test(
        "refuses what is no list of cards",
        arguments: [
            "", "[]", "no", #"{"data":[1]}"#, #"{"data":[{}]}"#, #"{"data":[{"id":5}]}"#, #"{"data":[{"id":"a",}]}"#,
        ]
    )
    func refuses(text: String) {
        #expect(cards(text) == nil)
    }

    @Test("refuses bytes that are not UTF-8")
    func invalidText() {
        let body = Array(#"{"data":[{"id":""#.utf8) + [0xFF] + Array(#""}]}"#.utf8)
        #expect(ModelDiscovery.cards(ofModelsAnswer: body) == nil)
    }

    @Test("refuses endless lists")
    func bounded() {
        let many = Array(repeating: #"{"id":"m"}"#, count: ModelDiscovery.cardsMax + 1).joined(separator: ",")
        #expect(cards("{\"data\":[\(many)]}") == nil)
    }

    @Test("finds the name in model and server information")
    func names() {
        #expect(ModelDiscovery.modelID(ofInfoAnswer: Array(#"{"model_path":"/m"}"#.utf8)) == "/m")
        let both = #"{"served_model_name":"s","model_path":"/m"}"#
        #expect(ModelDiscovery.modelID(ofInfoAnswer: Array(both.utf8)) == "s")
        #expect(ModelDiscovery.modelID(ofInfoAnswer: Array("{}".utf8)) == nil)
    }

    @Test("takes a new time of creation for no news, anything else for news")
    func news() {
        let old = [ModelCard(id: "m", card: #"{"id":"m","created":1,"max_model_len":10}"#)]
        let later = [ModelCard(id: "m", card: #"{"id":"m","created":2,"max_model_len":10}"#)]
        let longer = [ModelCard(id: "m", card: #"{"id":"m","created":1,"max_model_len":20}"#)]
        #expect(ModelDiscovery.saySame(old, later))
        #expect(!ModelDiscovery.saySame(old, longer))
        #expect(!ModelDiscovery.saySame(old, []))
    }
}
