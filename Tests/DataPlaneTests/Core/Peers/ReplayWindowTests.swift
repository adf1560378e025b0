import Testing

@testable import DataPlaneCore

struct ReplayWindowTests {
    /// A window that expectations may change.
    private final class Box {
        var window = ReplayWindow()

        func accept(_ counter: UInt64) -> Bool { window.accept(counter) }
    }

    @Test("In order everything is accepted, and nothing twice")
    func inOrder() {
        let window = Box()
        #expect(!window.accept(0))
        for counter in UInt64(1)...1_000 {
            #expect(window.accept(counter))
            #expect(!window.accept(counter))
        }
    }

    @Test("Within the window the order does not matter; what is older is refused", arguments: [1, 63, 64, 65, 1_000])
    func edge(distance: UInt64) {
        let window = Box()
        #expect(window.accept(5_000))
        #expect(window.accept(5_000 - distance) == (distance < ReplayWindow.width))
        #expect(!window.accept(5_000 - distance))
        #expect(!window.accept(5_000))
    }

    @Test("A jump of any size forgets nothing that could be accepted again", arguments: [1, 63, 64, 65, .max - 10])
    func jump(step: UInt64) {
        let window = Box()
        #expect(window.accept(10))
        #expect(window.accept(10 + step))
        #expect(!window.accept(10))
        #expect(!window.accept(10 + step))
    }

    @Test(
        "Whatever comes in whatever order: none twice, and none that is new and within the window refused",
        arguments: 1...20
    )
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let window = Box()
        var accepted: Set<UInt64> = []
        var highest: UInt64 = 0
        for _ in 0..<5_000 {
            // Near the highest, before and behind it; now and then a jump.
            let jump = random.next() % 50 == 0 ? random.next() % 200 : 0
            let counter = max(100, highest) + jump - random.next() % 100 + random.next() % 20
            let isAcceptable =
                counter > highest || (highest - counter < ReplayWindow.width && !accepted.contains(counter))
            #expect(window.accept(counter) == (isAcceptable && counter > 0))
            if isAcceptable { accepted.insert(counter) }
            highest = max(highest, counter)
            #expect(window.window.highest == highest)
        }
    }
}
