import Testing

@testable import SimulatedWorker

@Suite("Fault plan")
struct FaultPlanTests {
    private var generator = SplitMix(state: 1)

    private func fault(_ specification: String) throws -> Fault { try Fault(specification: specification) }

    @Test("Without a path a fault is about what generates, with a path about what starts with it")
    mutating func paths() throws {
        var plan = FaultPlan()
        _ = try plan.add(fault("status=500"), at: .zero)
        _ = try plan.add(fault("status=404,path=/v1/models"), at: .zero)
        func status(_ path: String, _ generates: Bool) -> Int? {
            plan.decide(path: path, generates: generates, at: .zero, using: &generator).status
        }
        #expect(status("/generate", true) == 500)
        #expect(status("/health", false) == nil)
        #expect(status("/v1/models", false) == 404)
    }

    @Test("A count is used up by the requests it hits")
    mutating func count() throws {
        var plan = FaultPlan()
        _ = try plan.add(fault("status=500,count=2"), at: .zero)
        let hits = (0..<5).map { _ in
            plan.decide(path: "/generate", generates: true, at: .zero, using: &generator) != .none
        }
        #expect(hits == [true, true, false, false, false])
        #expect(plan.entries.isEmpty)
    }

    @Test("A fault ends when its time is over")
    mutating func duration() throws {
        var plan = FaultPlan()
        _ = try plan.add(fault("refuse,slow_accept_ms=5,for_ms=100"), at: .seconds(1))
        #expect(plan.nextEnd == .milliseconds(1100))
        #expect(
            plan.acceptRule(at: .milliseconds(1099)) == FaultPlan.AcceptRule(refuses: true, delay: .milliseconds(5))
        )
        #expect(plan.acceptRule(at: .milliseconds(1100)) == FaultPlan.AcceptRule())
        #expect(plan.nextEnd == nil)
    }

    @Test("A probability hits its part of the requests")
    mutating func probability() throws {
        var plan = FaultPlan()
        _ = try plan.add(fault("status=500,probability=0.3"), at: .zero)
        var hits = 0
        for _ in 0..<10_000 {
            let decision = plan.decide(path: "/generate", generates: true, at: .zero, using: &generator)
            if decision.status != nil { hits += 1 }
        }
        #expect((2800...3200).contains(hits))
    }

    @Test("Faults about health say nothing about requests, and add up")
    mutating func health() throws {
        var plan = FaultPlan()
        _ = try plan.add(fault("health_status=500"), at: .zero)
        _ = try plan.add(fault("delay_health_ms=30"), at: .zero)
        let health = plan.health(at: .zero)
        #expect(health.status == 500)
        #expect(health.delay == .milliseconds(30))
        #expect(plan.decide(path: "/generate", generates: true, at: .zero, using: &generator) == .none)
    }

    @Test("One fault or all are removed, and there is a limit")
    mutating func remove() throws {
        var plan = FaultPlan()
        let first = try plan.add(fault("status=500"), at: .zero)
        for _ in 1..<FaultPlan.entriesMax { _ = try plan.add(fault("status=501"), at: .zero) }
        #expect(throws: FaultError.self) { try plan.add(fault("status=502"), at: .zero) }
        #expect(plan.remove(number: first) == 1)
        #expect(plan.remove(number: first) == 0)
        #expect(plan.remove() == FaultPlan.entriesMax - 1)
    }
}
