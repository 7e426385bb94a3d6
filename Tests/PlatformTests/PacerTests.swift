import TestKit
import Testing

@testable import Platform

struct PacerTests {
    private func tick(events: Int, sizeBytes: Int = 0, timeNs: UInt64 = 20_000) -> Pacer.Tick {
        Pacer.Tick(events: events, sizeBytes: sizeBytes, replies: events, timeNs: timeNs)
    }

    private func pacer(
        _ pacing: Pacing, ticks: Int = 200, events: Int, sizeBytes: Int = 0, timeNs: UInt64 = 20_000
    ) -> Pacer {
        var pacer = Pacer(pacing)
        for _ in 0..<ticks { _ = pacer.record(tick(events: events, sizeBytes: sizeBytes, timeNs: timeNs)) }
        return pacer
    }

    /// A loop whose rate and CPU time follow from its pause.
    private struct Loop {
        var pacer = Pacer(.auto)
        var timeUs = 0
        var cpuNs: UInt64 = 0
        var random: SeededRandom
        /// How often each pause was used in the last five seconds of `run`.
        var uses: [String: Int] = [:]

        var settled: String { uses.max { $0.value < $1.value }?.key ?? "" }

        /// - Parameters:
        ///   - rate: bytes a microsecond with this nap, give or take a tenth.
        ///   - cpuShare: of each microsecond.
        ///   - unanswered: requests that wait.
        mutating func run(
            seconds: Int, unanswered: Int = 100_000, rate: (Pause) -> Double, cpuShare: (Pause) -> Double = { _ in 1 }
        ) {
            uses = [:]
            let endUs = timeUs + seconds * 1_000_000
            while timeUs < endUs {
                let pause = pacer.pause
                let noise = Double(90 + random.below(21)) / 100
                timeUs += 500
                cpuNs += UInt64(500_000 * cpuShare(pause))
                let moved = Pacer.Tick(
                    events: 50, sizeBytes: Int(max(1, rate(pause)) * 500 * noise), replies: 50, timeNs: 500_000)
                if pacer.record(moved) { pacer.mark(cpuNs: cpuNs, unansweredCount: unanswered) }
                if endUs - timeUs < 5_000_000 { uses["\(pause)", default: 0] += 1 }
            }
        }
    }

    private func us(_ pause: Pause) -> Double {
        switch pause {
        case .none: 0
        case .yield: 1
        case .nap(let microseconds): Double(microseconds)
        }
    }

    @Test func thePauseThatServesMostIsFound() {
        var loop = Loop(random: .announced())
        loop.run(seconds: 20, rate: { 100 - us($0) / 5 })
        #expect(loop.settled == "none" || loop.settled == "yield", "a saturated loop")
        loop.run(seconds: 20, rate: { 100 + us($0) / 8 })
        #expect(loop.settled == "nap(microseconds: 800)", "many clients wait for replies; found from the other end")
        loop.run(seconds: 20, rate: { 100 - abs(us($0) - 100) / 3 })
        #expect(loop.settled == "nap(microseconds: 100)")
        loop.run(seconds: 20, rate: { $0 == .yield ? 110 : 100 - us($0) / 5 })
        #expect(loop.settled == "yield")
    }

    @Test func overAHollowAnotherHillIsFound() {
        var loop = Loop(random: .announced())
        loop.run(seconds: 20, rate: { [50: 100, 200: 120][us($0)] ?? 80 })
        #expect(loop.settled == "nap(microseconds: 200)")
    }

    @Test func timeSavedCountsHalfAsMuchAsBytesMoved() {
        var loop = Loop(random: .announced())
        loop.run(seconds: 20, rate: { _ in 100 }, cpuShare: { 1 - us($0) / 2_000 })
        #expect(loop.settled == "nap(microseconds: 800)")
        loop.run(seconds: 20, rate: { 100 - us($0) / 50 }, cpuShare: { 1 - us($0) / 2_500 })
        let long = ["nap(microseconds: 400)", "nap(microseconds: 800)"]
        #expect(!long.contains(loop.settled), "2 % of bytes against 2 % of time")
    }

    /// 10 replies in 100 us and `unanswered` of them waiting: each waits `unanswered * 10` us.
    @Test func aNapThatNobodyGainsFromIsShort() {
        var loop = Loop(random: .announced())
        loop.run(seconds: 30, unanswered: 10, rate: { _ in 100 }, cpuShare: { max(0.1, 1 - us($0) / 500) })
        #expect(loop.settled == "nap(microseconds: 50)", "requests wait 100 us")
        loop.run(seconds: 30, unanswered: 50, rate: { _ in 100 }, cpuShare: { max(0.1, 1 - us($0) / 500) })
        #expect(loop.settled == "nap(microseconds: 100)", "requests wait 500 us")
        loop.run(seconds: 30, unanswered: 10, rate: { 100 + us($0) / 10 })
        #expect(loop.settled == "nap(microseconds: 800)", "every longer nap moves more")
    }

    @Test(arguments: [Pacing.off, .auto, .fixed(microseconds: 80)])
    func anIdleLoopNeverPauses(pacing: Pacing) {
        #expect(Pacer(pacing).pause == .none)
        for events in 0...2 {
            for ticks in [1, 7, 10_000] {
                #expect(pacer(pacing, ticks: ticks, events: events, timeNs: 100_000).pause == .none)
            }
        }
    }

    @Test(arguments: [3, 10, 500])
    func aBusyLoopPausesAsAsked(events: Int) {
        #expect(pacer(.off, events: events).pause == .none)
        #expect(pacer(.auto, events: events).pause == .nap(microseconds: 50))
        #expect(pacer(.fixed(microseconds: 80), events: events).pause == .nap(microseconds: 80))
        #expect(pacer(.fixed(microseconds: 0), events: events).pause == .none)
    }

    @Test func manyShortTicksAreBusyToo() {
        #expect(pacer(.fixed(microseconds: 80), events: 1, timeNs: 7_000).pause == .nap(microseconds: 80))
        #expect(pacer(.fixed(microseconds: 80), events: 1, timeNs: 10_000).pause == .none, "one client in a hurry")
    }

    @Test func ticksThatMoveManyBytesDoNotPause() {
        #expect(pacer(.auto, events: 50, sizeBytes: 200_000).pause == .nap(microseconds: 50))
        #expect(pacer(.auto, events: 50, sizeBytes: 300_000).pause == .none)
        #expect(pacer(.fixed(microseconds: 80), events: 50, sizeBytes: 300_000).pause == .none)
        #expect(pacer(.auto, events: 50, sizeBytes: 1 << 30).pause == .none)
    }

    @Test func oneBusyTickIsNoHabit() {
        var pacer = Pacer(.auto)
        _ = pacer.record(tick(events: 10, timeNs: 1))
        #expect(pacer.pause == .none)
    }

    @Test func aBurstIsForgotten() {
        var pacer = pacer(.auto, events: 500, sizeBytes: 200_000)
        var ticks = 0
        while pacer.pause != .none, ticks < 100 {
            _ = pacer.record(tick(events: 1, sizeBytes: 50, timeNs: 110_000))
            ticks += 1
        }
        #expect(ticks < 60)
        for _ in 0..<1_000 {
            _ = pacer.record(tick(events: 2, sizeBytes: 50, timeNs: 110_000))
            #expect(pacer.pause == .none)
        }
    }

    @Test func extremeNumbersAreTaken() {
        for timeNs: UInt64 in [0, 1, 1 << 40] {
            for count in [0, 1, 1 << 40] {
                var pacer = Pacer(.auto)
                for index in 0..<5_000 {
                    let isMark = pacer.record(
                        Pacer.Tick(events: 10, sizeBytes: count & 0xFFFF, replies: count, timeNs: timeNs))
                    if isMark { pacer.mark(cpuNs: UInt64(index), unansweredCount: count & 0xFFFF_FFFF) }
                }
                #expect(us(pacer.pause) >= 0)
            }
        }
    }
}
