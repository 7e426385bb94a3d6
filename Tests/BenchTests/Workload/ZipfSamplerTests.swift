import Foundation
import Testing

@testable import keyway_bench

struct ZipfSamplerTests {
    /// Goal: the shares are exactly those of the definition. Method: 400,000 draws a skew over 1,000 ranks; each of the
    /// first ranks and each tail must lie within five standard deviations of its true share.
    @Test(arguments: [0.1, 0.5, 0.99, 1.0, 1.000_001, 1.5, 2.0, 5.0]) func sharesAreThoseOfTheDefinition(skew: Double) {
        let (rankCount, drawCount) = (1000, 400_000)
        var sampler = ZipfSampler(count: rankCount, skew: skew)
        var random = RandomBits(seed: 11, stream: 0)
        var counts = [Int](repeating: 0, count: rankCount)
        for _ in 0..<drawCount { counts[sampler.next(&random)] += 1 }
        let weights = (1...rankCount).map { pow(Double($0), -skew) }
        let sum = weights.reduce(0, +)
        func check(_ ranks: Range<Int>) {
            let share = weights[ranks].reduce(0, +) / sum
            let expected = share * Double(drawCount)
            let deviation = (expected * (1 - share)).squareRoot()
            let got = Double(counts[ranks].reduce(0, +))
            #expect(abs(got - expected) <= 5 * deviation + 1, "ranks \(ranks): \(got) for \(expected)")
        }
        for rank in 0..<20 { check(rank..<(rank + 1)) }
        for start in [20, 100, 500, 900] { check(start..<rankCount) }
    }

    @Test func aThousandMillionRanksNeedNoTable() {
        var sampler = ZipfSampler(count: 1_000_000_000, skew: 0.99)
        var random = RandomBits(seed: 2, stream: 0)
        var first = 0
        var upperHalf = 0
        for _ in 0..<200_000 {
            let rank = sampler.next(&random)
            #expect((0..<1_000_000_000).contains(rank))
            if rank == 0 { first += 1 }
            if rank >= 500_000_000 { upperHalf += 1 }
        }
        // The sum of k^-0.99 over 10^9 ranks is 23.60; the integral from 5 * 10^8 on is 0.850.
        #expect(abs(Double(first) / 200_000 - 1 / 23.60) < 0.003)
        #expect(abs(Double(upperHalf) / 200_000 - 0.850 / 23.60) < 0.003)
    }

    @Test func oneRankIsAlwaysDrawn() {
        var sampler = ZipfSampler(count: 1, skew: 5)
        var random = RandomBits(seed: 2, stream: 0)
        #expect((0..<100).allSatisfy { _ in sampler.next(&random) == 0 })
    }
}
