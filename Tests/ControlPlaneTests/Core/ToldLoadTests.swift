import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

struct ToldLoadTests {
    private let start = Duration.seconds(100)
    private let interval = Duration.seconds(2)
    private var incarnation: IncarnationID {
        var generator = SystemRandomNumberGenerator()
        return .random(using: &generator)
    }

    @Test("A load is told with its age until three intervals have passed without a newer one")
    func ages() throws {
        var load = ToldLoad()
        #expect(load.message(of: incarnation, at: start, interval: interval) == nil)
        load.replied(.tokens(42), at: start)
        let message = try #require(load.message(of: incarnation, at: start + .seconds(5), interval: interval))
        #expect(message.tokens == 42 && message.ageMilliseconds == 5_000 && message.freshMilliseconds == 6_000)
        load.replied(.failed(reason: "It hangs."), at: start + .seconds(5))
        #expect(load.isFresh(at: start + .milliseconds(5_999), interval: interval) && load.reason == "It hangs.")
        #expect(load.message(of: incarnation, at: start + .seconds(6), interval: interval) == nil)
        load.replied(.tokens(7), at: start + .seconds(7))
        #expect(load.reason == nil && load.tokens == 7)
    }

    @Test("A worker that has no answer is left in peace for a minute; one that failed is not")
    func pauses() {
        var load = ToldLoad()
        load.replied(.failed(reason: "x"), at: start)
        #expect(load.isDue(at: start))
        load.replied(.unsupported(reason: "404"), at: start)
        #expect(!load.isDue(at: start + .seconds(59)) && load.isDue(at: start + .seconds(60)))
    }

    @Test("Workers are asked for the sake of the models that they serve")
    func use() {
        let two = PolicyConfiguration(name: .powerOfTwo)
        let other = PolicyConfiguration(name: .leastLoad)
        let models = [ModelConfiguration(model: "a", policy: two), ModelConfiguration(model: "b", policy: other)]
        #expect(!ToldLoad.isUsed(other, [models[1]]) && ToldLoad.isUsed(other, models) && ToldLoad.isUsed(two, []))
        #expect(ToldLoad.isUsed(other, models, served: ["a", "c"]) && !ToldLoad.isUsed(other, models, served: ["b"]))
        #expect(ToldLoad.isUsed(other, models, served: []) && !ToldLoad.isUsed(other, [models[1]], served: []))
    }
}
