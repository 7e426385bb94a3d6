import Histogram
import Testing
import TestKit

@testable import keyway_bench

struct ComparisonTests {
    @Test func aSpreadTakesTheMiddle() {
        #expect(Spread([3, 1, 2])?.median == 2)
        #expect(Spread([4, 1, 2, 3])?.median == 2.5)
        #expect(Spread([nil, .nan, 7, .infinity]) == Spread([7]))
        #expect(Spread([nil, .nan]) == nil)
        #expect(Spread([Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude])?.median.isFinite == true)
    }

    /// Goal: a slow round of the machine slows both and leaves the ratio alone.
    @Test func ratiosAreTakenWithinARound() {
        var result = SampleResults.empty
        result.targets = SampleResults.comparison(rounds: 0).targets
        for (round, speed) in [1.0, 0.5, 0.25].enumerated() {
            for target in 0..<2 {
                var phase = PhaseResult(targetIndex: target, roundIndex: round, intendedRatePerS: nil)
                phase.durationNs = 1_000_000_000
                phase.requestCount = UInt64(1000 * speed) * (target == 0 ? 4 : 3)
                result.phases.append(phase)
            }
        }
        let comparison = Comparison(result)
        #expect(comparison.ratio(.rate, of: 1) == Spread([0.75]))
        #expect(comparison.ratio(.rate, of: 0) == nil && comparison.ratio(.rate, of: 2) == nil)
        #expect(comparison.ratio(.p50, of: 1) == nil && comparison.ratio(.cpu, of: 1) == nil)
        #expect(comparison.targets[0].over(.rate)?.median == 2000)
    }

    @Test func aRoundThatOneTargetLacksCountsInNoRatio() {
        var result = SampleResults.comparison(rounds: 3)
        result.phases.removeLast()
        result.phases.removeFirst()
        let comparison = Comparison(result)
        let ratio = comparison.ratio(.rate, of: 1)
        #expect(ratio != nil && ratio?.lowest == ratio?.highest)
        #expect(comparison.targets.map(\.phases.count) == [2, 2])
    }

    @Test func roundsAddUp() {
        let result = SampleResults.comparison(rounds: 4)
        let keyway = Comparison(result).targets[1]
        let phases = result.phases.filter { $0.targetIndex == 1 }
        #expect(keyway.latencies.totalCount == phases.reduce(0) { $0 + $1.latencies.totalCount })
        #expect(keyway.operations.map(\.name) == ["get", "set"] && keyway.operations[0].missCount == 48)
        #expect(keyway.errors.map(\.kind) == ["TIMEOUT", "lost"] && keyway.errors[0].count == 17)
        #expect(keyway.processes.map(\.pid) == [102, 101])
        #expect(keyway.processes[0].cpuNs == phases.reduce(0) { $0 + $1.processes[0].cpuNs })
        #expect(keyway.over(.cpu)?.median == 10_200)
    }
}
