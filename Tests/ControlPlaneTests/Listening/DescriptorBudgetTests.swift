import Testing

@testable import ControlPlane

@Suite("The budget of descriptors")
struct DescriptorBudgetTests {
    @Test("leaves half to outbound requests and the reserve to the rest", arguments: [256, 400, 1024, 2048])
    func fits(descriptors: Int) {
        let budget = DescriptorBudget(descriptors: descriptors, loops: 2)
        let servers = budget.admin + budget.operators + budget.metrics
        #expect(servers <= descriptors - descriptors / 2 - DescriptorBudget.reserve)
        #expect(budget.admin >= budget.operators)
    }

    @Test("is bounded whatever the system allows")
    func bounds() {
        #expect(DescriptorBudget(descriptors: 1_048_576, loops: 64).admin == 1024)
        #expect(DescriptorBudget(descriptors: 1_048_576, loops: 64).metrics == 64)
        let least = DescriptorBudget(descriptors: 0, loops: 64)
        #expect(least.admin > 0 && least.operators > 0 && least.metrics > 0)
    }
}
