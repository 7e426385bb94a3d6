import TestKit
import Testing

@testable import keyway_bench

struct PhaseControlTests {
    /// Goal: threads together take on exactly as many operations as the window has.
    @Test(arguments: [0, 1, 7, 10_000])
    func claimsAddUp(_ count: Int) throws {
        let control = try PhaseControl(threadCount: 4, names: [], requestCount: count, bell: try Bell())
        let taken = try concurrently(4) { thread in
            var sum = 0
            while true {
                let part = control.claim(thread + 1)
                if part == 0 { return sum }
                sum += part
            }
        }
        #expect(taken.reduce(0, +) == count)
        #expect(!control.hasClaims)
    }

    @Test func withoutACountThereIsNoEnd() throws {
        let control = try PhaseControl(threadCount: 1, names: [], requestCount: nil, bell: try Bell())
        #expect(control.claim(1_000_000) == 1_000_000 && control.hasClaims)
    }

    @Test func aWindowIsOnlyEverCutShorter() throws {
        let control = try PhaseControl(threadCount: 1, names: [], requestCount: nil, bell: try Bell())
        control.run(startNs: 1, windowStartNs: 2, windowEndNs: 100)
        control.cutShort(nowNs: 200)
        #expect(control.windowEndNs == 100)
        control.cutShort(nowNs: 50)
        #expect(control.windowEndNs == 50 && control.stage == .running)
    }

    @Test func talliesGoRound() throws {
        let control = try PhaseControl(threadCount: 1, names: ["get"], requestCount: nil, bell: try Bell())
        var tally = Tally(names: ["get"])
        tally.record(kind: 0, latencyNs: 5)
        let fresh = control.hand(over: tally, stepIndex: 3)
        #expect(fresh.operations.map(\.count) == [0])
        let handed = control.collect()
        #expect(handed.map(\.stepIndex) == [3] && handed[0].tally.operations[0].count == 1)
        #expect(control.collect().isEmpty)
        control.giveBack(handed[0].tally)
        #expect(control.hand(over: fresh, stepIndex: nil).operations.map(\.count) == [0])
    }
}
