import Histogram
import Testing

@testable import keyway_bench

struct WarningsTests {
    private func quiet() -> RunResult {
        var result = SampleResults.comparison(rounds: 5)
        result.phases[1].errors = []
        for index in result.phases.indices {
            result.phases[index].latencies = SampleResults.latencies(ns: Array(repeating: 90_000, count: 100_000))
        }
        return result
    }

    private func expect(
        _ words: String, after change: (inout RunResult) -> Void, at place: SourceLocation = #_sourceLocation
    ) {
        var result = quiet()
        change(&result)
        let warnings = Warnings.of(result)
        #expect(warnings.count == 1 && warnings[0].contains(words), "\(warnings)", sourceLocation: place)
    }

    @Test func aGoodRunHasNone() { #expect(Warnings.of(quiet()).isEmpty) }

    @Test func eachReasonForDoubtIsSaidOnce() {
        expect("nothing was measured") { $0.phases = [] }
        expect("cut short") { $0.phases[3].isCutShort = true }
        expect("2 rounds a target") { $0.phases.removeLast(6) }
        expect("the shortest window is 4.9 s") {
            for index in $0.phases.indices { $0.phases[index].durationNs = 4_900_000_000 }
        }
        expect("threads were 95.0 % busy") { $0.phases[2].loadCPUNs = 9_500_000_000 }
        expect("keyway: 1 error on") { $0.phases[1].errors = [ErrorTally(kind: "ERR", count: 1, example: "")] }
        expect("its rounds differ by") { $0.phases[0].requestCount = $0.phases[0].requestCount * 3 / 2 }
        expect("never sent") { $0.phases[0].unsentCount = 5 }
        expect("keyway: not measured") { $0.phases.removeAll { $0.targetIndex == 1 } }
        expect("process 5: gone") { result in
            for index in result.phases.indices where result.phases[index].targetIndex == 0 {
                result.phases[index].complaints = ["process 5: gone"]
            }
        }
        expect("counted as one hour") {
            $0.phases[0].latencies.record(Latencies.highestNs)
        }
        expect("only 100 requests a target") {
            $0.phases = $0.phases.map { phase in
                var phase = phase
                phase.latencies = SampleResults.latencies(ns: Array(repeating: 1, count: 20))
                return phase
            }
        }
        expect("held at none of the 0 rates") {
            $0.searches = [SearchResult(targetIndex: 0, goal: "p99<1us", highestRatePerS: nil, steps: [])]
        }
    }

    @Test func aRateThatWasNotReachedIsSaid() {
        var result = SampleResults.empty
        result.targets = [Target(label: "x", place: .unix(path: "/x"))]
        for round in 0..<3 {
            var phase = PhaseResult(targetIndex: 0, roundIndex: round, intendedRatePerS: 100_000)
            phase.durationNs = 10_000_000_000
            phase.requestCount = 980_000
            phase.latencies = SampleResults.latencies(ns: Array(repeating: 90_000, count: 100_000))
            result.phases.append(phase)
        }
        let warnings = Warnings.of(result)
        #expect(warnings.count == 1 && warnings[0].contains("98,000 requests/s of the intended 100,000"))
    }

    @Test func aSearchThatFoundTheLoadsOwnLimitIsSaid() {
        var result = quiet()
        var phase = SampleResults.phase(seconds: 5)
        phase.loadCPUNs = 4_900_000_000
        let step = SearchStep(ratePerS: 100, phase: phase, holds: true)
        result.searches = [SearchResult(targetIndex: 1, goal: "p99<1ms", highestRatePerS: 100, steps: [step])]
        #expect(Warnings.of(result).count == 1 && Warnings.of(result)[0].contains("98.0 % busy"))
    }

    @Test func whichErrorsTheRatesCountIsSaid() {
        let words = "error replies are in the rates and latencies, what was lost"
        expect(words) { $0.phases[1].errors = [ErrorTally(kind: "ERR", count: 1, example: "")] }
        expect("what was lost or never answered is not") {
            $0.phases[1].errors = [ErrorTally(kind: "lost", count: 1, example: "")]
        }
    }

    @Test func repliesThatAreNotRightComeFirst() {
        var result = quiet()
        result.phases[0].errors = [ErrorTally(kind: "stale", count: 2, example: "key 5")]
        #expect(Warnings.of(result).first?.contains("--verify found replies that are not right: 2 stale") == true)
    }
}
