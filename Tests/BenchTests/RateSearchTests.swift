import Testing
import TestKit

@testable import keyway_bench

/// The search against model servers.
struct RateSearchTests {
    private static let goal = try? SearchGoal("p99<1ms")

    /// A step at `rate` on a server whose p99 passes 1 ms above `limitPerS`, and which answers `capacityPerS` at most.
    private func step(_ rate: Double, limitPerS: Double, capacityPerS: Double = .infinity) -> PhaseResult {
        var phase = PhaseResult(targetIndex: 0, roundIndex: 0, intendedRatePerS: rate)
        phase.durationNs = 10_000_000_000
        phase.requestCount = UInt64(min(rate, capacityPerS) * 10)
        phase.latencies = SampleResults.latencies(
            ns: Array(repeating: rate <= limitPerS ? 500_000 : 2_000_000, count: 200))
        return phase
    }

    private func search(
        _ estimatePerS: Double, limits: RateSearch.Limits = RateSearch.Limits(), _ run: (Double) -> PhaseResult
    ) -> SearchResult {
        var search = RateSearch(rules: SearchRules(goal: Self.goal), closedLoopRatePerS: estimatePerS, limits: limits)
        while let rate = search.nextRatePerS { search.tell(run(rate)) }
        return search.result(targetIndex: 3)
    }

    @Test(arguments: [0.007, 0.02, 0.3, 0.74, 0.75, 0.76, 0.99, 1, 1.4, 7])
    func theHighestRateIsFoundWithinThePrecision(share: Double) throws {
        let limit = 100_000 * share
        let result = search(100_000) { step($0, limitPerS: limit) }
        let found = try #require(result.highestRatePerS)
        #expect(found <= limit && found >= limit / 1.025, "\(found) for \(limit)")
        #expect(result.steps.count <= 20 && result.goal == "p99<1ms" && result.targetIndex == 3)
    }

    /// Goal: one wrong verdict anywhere misleads nobody. Method: every step of a quiet search in turn is turned round.
    @Test func oneNoisyStepIsFoundOut() throws {
        let limit = 83_000.0
        let quietCount = search(100_000) { step($0, limitPerS: limit) }.steps.count
        for noisy in 0..<quietCount {
            var index = 0
            let result = search(100_000, limits: RateSearch.Limits(stepCountMax: 100)) { rate in
                defer { index += 1 }
                let holds = (rate <= limit) != (index == noisy)
                return step(rate, limitPerS: holds ? .infinity : 0)
            }
            let found = try #require(result.highestRatePerS, "noise at \(noisy)")
            #expect(found <= limit && found >= limit / 1.025, "noise at \(noisy): \(found)")
        }
    }

    @Test func aNoisyServerStillEndsNearItsLimit() throws {
        var random = SeededRandom.announced()
        for _ in 0..<200 {
            let limit = Double.random(in: 20_000...150_000, using: &random)
            let result = search(100_000, limits: RateSearch.Limits(stepCountMax: 60)) { rate in
                // Within 5 % of its limit the server may do either.
                let shaken = limit * Double.random(in: 0.95...1.05, using: &random)
                return step(rate, limitPerS: shaken)
            }
            let found = try #require(result.highestRatePerS)
            #expect(found >= limit * 0.92 && found <= limit * 1.06, "\(found) for \(limit)")
            #expect(result.steps.count < 60)
        }
    }

    @Test func aGoalThatNeverHoldsEnds() {
        let result = search(100_000) { step($0, limitPerS: 0) }
        #expect(result.highestRatePerS == nil)
        #expect(result.steps.count < 12 && result.steps.allSatisfy { !$0.holds })
    }

    @Test func aServerWithoutEndIsBoundedBySteps() {
        let result = search(100_000, limits: RateSearch.Limits(stepCountMax: 9)) { step($0, limitPerS: .infinity) }
        #expect(result.steps.count == 9)
        #expect(result.highestRatePerS == result.steps.map(\.ratePerS).max())
    }

    @Test func theAnswerStaysWithWhatTheServerAchieves() throws {
        let result = search(100_000) { step($0, limitPerS: .infinity, capacityPerS: 90_000) }
        let found = try #require(result.highestRatePerS)
        #expect(found <= 91_000 && found > 88_000)
    }

    @Test(arguments: [0, -1, .nan, .infinity] as [Double])
    func withoutAnEstimateThereIsNothingToTry(estimate: Double) {
        let search = RateSearch(rules: SearchRules(), closedLoopRatePerS: estimate)
        #expect(search.nextRatePerS == nil && search.highestRatePerS == nil)
    }

    @Test func slowServersAreSearchedToo() throws {
        let result = search(2) { step($0, limitPerS: 1.3) }
        #expect(try #require(result.highestRatePerS) <= 1.3)
    }

    /// Goal: whatever the verdicts are, the search ends and its answer has held. Method: coin tosses.
    @Test func coinTossesEndWithAnAnswerThatHeld() {
        var random = SeededRandom.announced()
        for _ in 0..<500 {
            let result = search(100_000, limits: RateSearch.Limits(stepCountMax: 40)) { rate in
                step(rate, limitPerS: random.below(2) == 0 ? .infinity : 0)
            }
            #expect(result.steps.count <= 40)
            if let found = result.highestRatePerS {
                let verdicts = result.steps.filter { $0.ratePerS == found }.map(\.holds)
                #expect(verdicts.count(where: \.self) * 2 > verdicts.count)
            }
        }
    }

    @Test func aStepHoldsOnlyWhenEverythingDoes() {
        let rules = SearchRules(goal: Self.goal)
        let good = step(1_000, limitPerS: 2_000)
        #expect(rules.holds(good))
        var late = good
        late.requestCount = 9_800
        #expect(!rules.holds(late))
        var failing = good
        failing.errors = [ErrorTally(kind: "ERR", count: 11, example: "")]
        #expect(!rules.holds(failing))
        failing.errors = [ErrorTally(kind: "ERR", count: 10, example: "")]
        #expect(rules.holds(failing))
        var slow = good
        slow.latencies = SampleResults.latencies(ns: [2_000_000])
        #expect(!rules.holds(slow) && SearchRules().holds(slow))
        #expect(!SearchRules().holds(PhaseResult(targetIndex: 0, roundIndex: 0, intendedRatePerS: nil)))
    }

    @Test func aCurveReachesItsMaximumInEqualSteps() {
        #expect(RateCurve.rates(maximumRatePerS: 100, count: 4) == [25, 50, 75, 100])
        #expect(RateCurve.rates(maximumRatePerS: 0, count: 4).isEmpty)
        #expect(RateCurve.rates(maximumRatePerS: .nan, count: 4).isEmpty)
        let phases = [50.0, 100].map { step($0, limitPerS: 0, capacityPerS: 60) }
        let curve = RateCurve.result(targetIndex: 1, phases: phases)
        #expect(curve.highestRatePerS == nil && curve.goal.isEmpty && curve.steps.map(\.holds) == [true, false])
    }
}
