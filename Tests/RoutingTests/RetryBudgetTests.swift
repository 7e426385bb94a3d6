import Testing

@testable import Routing

struct RetryBudgetTests {
    private func spend(_ budget: inout RetryBudget, requests: Int, nowMs: UInt64) -> Int {
        var count = 0
        while count < 100_000, budget.spend(requestCount: requests, nowMs: nowMs) { count += 1 }
        return count
    }

    @Test func aFifthOfTheRequestsAndTenASecond() {
        var budget = RetryBudget(percent: 20, perSecond: 10, nowMs: 0)
        #expect(spend(&budget, requests: 0, nowMs: 0) == 100, "what ten seconds save")
        #expect(spend(&budget, requests: 1_000, nowMs: 0) == 200)
        #expect(spend(&budget, requests: 1_000, nowMs: 500) == 5)
        #expect(spend(&budget, requests: 1_004, nowMs: 500) == 0, "less than one")
        #expect(spend(&budget, requests: 1_005, nowMs: 500) == 1)
    }

    @Test func savingsAreBounded() {
        var budget = RetryBudget(percent: 20, perSecond: 10, nowMs: 0)
        #expect(spend(&budget, requests: 50_000_000, nowMs: 10_000_000) == 1_100)
    }

    @Test func timePassesInSmallSteps() {
        var budget = RetryBudget(percent: 0, perSecond: 3, nowMs: 0)
        _ = spend(&budget, requests: 0, nowMs: 0)
        var count = 0
        for nowMs: UInt64 in 1...10_000 where budget.spend(requestCount: 0, nowMs: nowMs) { count += 1 }
        #expect((29...30).contains(count))
    }

    @Test func noneMeansNone() {
        var budget = RetryBudget(percent: 0, perSecond: 0, nowMs: 0)
        #expect(spend(&budget, requests: 1_000, nowMs: 100_000) == 0)
    }
}
