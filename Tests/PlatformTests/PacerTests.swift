import TestKit
import Testing

@testable import Platform

struct PacerTests {
    private func pacer(
        _ pacing: Pacing, ticks: Int = 200, events: Int, sizeBytes: Int = 0, timeNs: UInt64 = 20_000
    ) -> Pacer {
        var pacer = Pacer(pacing)
        for _ in 0..<ticks { pacer.record(events: events, sizeBytes: sizeBytes, timeNs: timeNs) }
        return pacer
    }

    /// A loop whose rate follows from the nap: `rate(nap)` bytes a microsecond, give or take a tenth.
    /// - Returns: the naps of the last second of `seconds`, with how often each was used.
    private func settledNap(seconds: Int = 20, _ rate: (Int) -> Double) -> Int {
        var random = SeededRandom.announced()
        var pacer = Pacer(.auto)
        var timeUs = 0
        var uses: [Int: Int] = [:]
        while timeUs < seconds * 1_000_000 {
            let nap = pacer.napUs
            let tickUs = 100
            let noise = Double(90 + random.below(21)) / 100
            pacer.record(
                events: 10, sizeBytes: Int(rate(nap) * Double(tickUs) * noise), timeNs: UInt64(tickUs) * 1_000)
            timeUs += tickUs
            if timeUs > (seconds - 5) * 1_000_000 { uses[nap, default: 0] += 1 }
        }
        return uses.max { $0.value < $1.value }!.key
    }

    @Test func theNapThatServesMostIsFound() {
        #expect(settledNap { 100 - Double($0) / 5 } == 0, "a saturated loop")
        #expect(settledNap { 100 + Double($0) / 5 } == 200, "many clients wait for replies")
        #expect(settledNap { 100 - abs(Double($0) - 100) / 3 } == 100)
    }

    @Test func withoutAGainTheFirstNapStays() {
        #expect(settledNap { _ in 100 } == 50)
    }

    @Test(arguments: [Pacing.off, .auto, .fixed(microseconds: 80)])
    func anIdleLoopNeverNaps(pacing: Pacing) {
        #expect(Pacer(pacing).napUs == 0)
        for events in 0...2 {
            for ticks in [1, 7, 10_000] { #expect(pacer(pacing, ticks: ticks, events: events).napUs == 0) }
        }
    }

    @Test(arguments: [3, 10, 500])
    func aBusyLoopNapsAsAsked(events: Int) {
        #expect(pacer(.off, events: events).napUs == 0)
        #expect(pacer(.auto, events: events).napUs == 50)
        #expect(pacer(.fixed(microseconds: 80), events: events).napUs == 80)
        #expect(pacer(.fixed(microseconds: 0), events: events).napUs == 0)
    }

    @Test func ticksThatMoveManyBytesDoNotNap() {
        #expect(pacer(.auto, events: 50, sizeBytes: 200_000).napUs == 50)
        #expect(pacer(.auto, events: 50, sizeBytes: 300_000).napUs == 0)
        #expect(pacer(.fixed(microseconds: 80), events: 50, sizeBytes: 300_000).napUs == 0)
        #expect(pacer(.auto, events: 50, sizeBytes: 1 << 30).napUs == 0)
    }

    @Test func oneBusyTickIsNoHabit() {
        var pacer = Pacer(.auto)
        pacer.record(events: 10, sizeBytes: 0, timeNs: 1)
        #expect(pacer.napUs == 0)
    }

    @Test func aBurstIsForgotten() {
        var pacer = pacer(.auto, events: 500, sizeBytes: 200_000)
        var ticks = 0
        while pacer.napUs > 0, ticks < 100 {
            pacer.record(events: 1, sizeBytes: 50, timeNs: 110_000)
            ticks += 1
        }
        #expect(ticks < 60)
        for _ in 0..<1_000 {
            pacer.record(events: 2, sizeBytes: 50, timeNs: 110_000)
            #expect(pacer.napUs == 0)
        }
    }

    @Test func extremeTimesAreTaken() {
        for timeNs: UInt64 in [0, 1, .max] {
            #expect(pacer(.auto, ticks: 5_000, events: 10, sizeBytes: 100, timeNs: timeNs).napUs >= 0)
        }
    }
}
