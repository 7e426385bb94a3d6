import Testing

@testable import Session

struct WatchdogTests {
    @Test func aLongTurnIsToldOnce() {
        var watch = WorkerWatch()
        #expect(watch.look(busySinceMs: 9_500, turns: 10, moves: 5, nowMs: 10_000) == .well)
        #expect(watch.look(busySinceMs: 9_500, turns: 10, moves: 5, nowMs: 11_000) == .stuck(ms: 1_500))
        #expect(watch.look(busySinceMs: 9_500, turns: 10, moves: 5, nowMs: 12_000) == .well)
        #expect(watch.look(busySinceMs: 12_100, turns: 11, moves: 6, nowMs: 13_200) == .stuck(ms: 1_100))
    }

    @Test func aWorkerThatWaitsIsWellHoweverLong() {
        var watch = WorkerWatch()
        for second: UInt64 in 1...100 {
            #expect(watch.look(busySinceMs: 0, turns: 7, moves: 7, nowMs: second * 1_000) == .well)
        }
    }

    @Test func turnsWithoutWorkAreASpin() {
        var watch = WorkerWatch()
        #expect(watch.look(busySinceMs: 0, turns: 500_000, moves: 0, nowMs: 1_000) == .well, "nothing to compare with")
        #expect(watch.look(busySinceMs: 0, turns: 600_000, moves: 1_999, nowMs: 2_000) == .spinning(turnCount: 100_000))
        #expect(watch.look(busySinceMs: 0, turns: 700_000, moves: 4_000, nowMs: 3_000) == .well, "work enough")
        #expect(watch.look(busySinceMs: 0, turns: 720_000, moves: 4_000, nowMs: 4_000) == .well, "not many turns")
    }
}
