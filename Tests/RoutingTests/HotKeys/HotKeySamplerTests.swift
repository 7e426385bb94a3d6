import TestKit
import Testing

@testable import Routing

struct HotKeySamplerTests {
    /// Samples and the requests that they stand for.
    private func run(
        _ sampler: inout HotKeySampler, _ random: inout SeededRandom, ms: Range<UInt64>, perMs: Int,
        onSample: (Int) -> Void = { _ in }
    ) -> (samples: Int, weight: Int) {
        var samples = 0
        var weight = 0
        var index = 0
        for nowMs in ms {
            for _ in 0..<perMs {
                index += 1
                guard sampler.isDue() else { continue }
                samples += 1
                weight += sampler.next(nowMs: nowMs, random: UInt32(truncatingIfNeeded: random.next()))
                onSample(index)
            }
        }
        return (samples, weight)
    }

    @Test func aQuietPoolIsSeenWhole() {
        var random = SeededRandom.announced()
        var sampler = HotKeySampler(nowMs: 0)
        let seen = run(&sampler, &random, ms: 0..<10_000, perMs: 15)
        #expect(seen.samples == 150_000 && seen.weight == 150_000)
    }

    /// Goal: whatever the load, samples stay within their bound and stand for all requests. Method: loads that change.
    @Test func aBusyPoolIsSampledWithinTheBound() {
        var random = SeededRandom.announced(unlessGiven: 31)
        var sampler = HotKeySampler(nowMs: 0)
        for (second, perMs) in [500, 500, 20, 200, 1_000, 1, 500].enumerated() {
            let start = UInt64(second) * 1_000
            let seen = run(&sampler, &random, ms: start..<(start + 1_000), perMs: perMs)
            // A burst has twice the rate, and as much again each time that the gap doubles on its way.
            #expect(seen.samples < 15_625 + 6 * 3_125, "\(seen.samples) samples at \(perMs) a millisecond")
            #expect(abs(Double(seen.weight) / Double(perMs * 1_000) - 1) < 0.05, "\(seen) at \(perMs) a millisecond")
        }
    }

    @Test func aSteadyLoadOfHalfAMillionIsSeenOnceIn32() {
        var random = SeededRandom.announced(unlessGiven: 32)
        var sampler = HotKeySampler(nowMs: 0)
        _ = run(&sampler, &random, ms: 0..<1_000, perMs: 500)
        let seen = run(&sampler, &random, ms: 1_000..<5_000, perMs: 500)
        #expect((31.0...33.0).contains(2_000_000 / Double(seen.samples)), "\(seen)")
    }

    /// Goal: no place in a pipeline is seen more often than another. Method: pipelines of 16, and of the mean gap.
    @Test(arguments: [16, 32])
    func pipelinesDoNotHideRequests(depth: Int) {
        var random = SeededRandom.announced(unlessGiven: 33)
        var sampler = HotKeySampler(nowMs: 0)
        _ = run(&sampler, &random, ms: 0..<1_000, perMs: 512)
        var places = [Int](repeating: 0, count: depth)
        let seen = run(&sampler, &random, ms: 1_000..<9_000, perMs: 512) { places[$0 % depth] += 1 }
        let mean = Double(seen.samples) / Double(depth)
        #expect(places.allSatisfy { abs(Double($0) / mean - 1) < 5 / mean.squareRoot() }, "\(places)")
    }

    /// Goal: a pool that falls silent is seen whole again soon. Method: one request a millisecond behind half a million
    /// a second. The period in which the flood ends still has a wide gap, and so has the one behind it.
    @Test func aFloodIsForgotten() {
        var random = SeededRandom.announced()
        var sampler = HotKeySampler(nowMs: 0)
        _ = run(&sampler, &random, ms: 0..<1_000, perMs: 500)
        let first = run(&sampler, &random, ms: 1_000..<1_400, perMs: 1)
        #expect(first.samples >= 6)
        let later = run(&sampler, &random, ms: 1_400..<2_400, perMs: 1)
        #expect(later.samples == 1_000 && later.weight == 1_000)
    }

    @Test func timeMayStandStillAndRunBackwards() {
        var random = SeededRandom.announced(unlessGiven: 34)
        var sampler = HotKeySampler(nowMs: 5_000)
        let still = run(&sampler, &random, ms: 5_000..<5_001, perMs: 1_000_000)
        #expect(abs(Double(still.weight) / 1_000_000 - 1) < 0.05 && still.samples < 40_000, "\(still)")
        let back = run(&sampler, &random, ms: 0..<1_000, perMs: 10)
        #expect(back.samples > 0)
    }

    @Test func offIsNeverDue() {
        var sampler = HotKeySampler.off
        #expect(!(0..<100_000).contains { _ in sampler.isDue() })
    }
}
