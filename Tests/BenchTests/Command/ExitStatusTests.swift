import Testing

@testable import keyway_bench

struct ExitStatusTests {
    private func result(_ kinds: [String], count: UInt64 = 100) -> RunResult {
        var phase = PhaseResult(targetIndex: 0, roundIndex: 0, intendedRatePerS: nil)
        phase.requestCount = count
        phase.errors = kinds.map { ErrorTally(kind: $0, count: 1, example: "") }
        return RunResult(
            command: [], version: "", startedAtS: 0, machine: "", targets: [], workload: "", phases: [phase])
    }

    @Test func errorsFailARun() {
        #expect(ExitStatus.of(result([]), wasInterrupted: false) == 0)
        #expect(ExitStatus.of(result(["ERR"]), wasInterrupted: false) == 1)
        #expect(ExitStatus.of(result(["wrong"]), wasInterrupted: true) == 1)
        #expect(ExitStatus.of(result([], count: 0), wasInterrupted: false) == 1)
        #expect(ExitStatus.of(result([], count: 0), wasInterrupted: true) == 130)
        #expect(ExitStatus.of(result([]), wasInterrupted: true) == 130)
    }

    @Test func inASearchOnlyWrongValuesDo() {
        for (kind, status) in [("unanswered", 0), ("stale", 1)] as [(String, Int32)] {
            var whole = result([])
            whole.searches = [
                SearchResult(
                    targetIndex: 0, goal: "", highestRatePerS: nil,
                    steps: [SearchStep(ratePerS: 1, phase: result([kind]).phases[0], holds: false)])
            ]
            #expect(ExitStatus.of(whole, wasInterrupted: false) == status, "\(kind)")
        }
    }
}
