import Testing

@testable import keyway_bench

struct KeySamplerTests {
    private func counts(
        _ distribution: KeyDistribution, keyCount: Int, isSpread: Bool = true, draws: Int = 200_000
    ) -> [Int] {
        var sampler = KeySampler(distribution, keyCount: keyCount, isSpread: isSpread, threadIndex: 0, threadCount: 1)
        var random = RandomBits(seed: 42, stream: 0)
        var counts = [Int](repeating: 0, count: keyCount)
        for _ in 0..<draws { counts[sampler.next(&random)] += 1 }
        return counts
    }

    @Test func uniformDrawsEveryKeyAlike() {
        #expect(counts(.uniform, keyCount: 100).allSatisfy { abs($0 - 2000) < 225 })
    }

    @Test(arguments: [KeyDistribution.HotKeys.share(0.1), .count(100)])
    func hotKeysGetTheirShare(keys: KeyDistribution.HotKeys) {
        let counts = counts(.hot(keys: keys, share: 0.9), keyCount: 1000).sorted(by: >)
        let hot = counts.prefix(100).reduce(0, +)
        #expect(abs(hot - 180_000) < 700, "\(hot)")
        #expect(counts[99] > 1500 && counts[100] < 60 && counts[999] > 0)
    }

    @Test func sharesAtTheEndsOfTheirRange() {
        #expect(counts(.hot(keys: .count(3), share: 1), keyCount: 10).filter { $0 > 0 }.count == 3)
        #expect(counts(.hot(keys: .count(3), share: 0), keyCount: 10).filter { $0 > 0 }.count == 7)
        #expect(counts(.hot(keys: .count(50), share: 0), keyCount: 10).filter { $0 > 0 }.count == 10)
    }

    @Test func spreadingMovesHotKeysApartAndLosesNone() {
        let side = counts(.zipfian(skew: 0.99), keyCount: 1000, isSpread: false)
        let spread = counts(.zipfian(skew: 0.99), keyCount: 1000)
        #expect(side.sorted() == spread.sorted())
        #expect(side.prefix(10).reduce(0, +) == side.sorted(by: >).prefix(10).reduce(0, +))
        let hottest = spread.indices.sorted { spread[$0] > spread[$1] }.prefix(5).sorted()
        #expect(zip(hottest, hottest.dropFirst()).allSatisfy { $1 - $0 > 50 }, "\(hottest)")
    }

    /// Goal: ranks come to indices one-to-one. Method: with all ranks hot, every index is drawn.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 97, 100, 128])
    func spreadingIsOneToOne(keyCount: Int) {
        let counts = counts(.hot(keys: .count(keyCount), share: 1), keyCount: keyCount, draws: keyCount * 60)
        #expect(counts.allSatisfy { $0 > 0 })
    }

    @Test func keysBeyondThirtyTwoBitsStayInRange() {
        let keyCount = 1_000_000_000_000
        var sampler = KeySampler(
            .zipfian(skew: 0.5), keyCount: keyCount, isSpread: true, threadIndex: 0, threadCount: 1)
        var random = RandomBits(seed: 1, stream: 0)
        let drawn = (0..<1000).map { _ in sampler.next(&random) }
        #expect(drawn.allSatisfy { (0..<keyCount).contains($0) })
        #expect(drawn.contains { $0 > keyCount / 2 } && drawn.contains { $0 < keyCount / 2 })
    }

    @Test(arguments: [(10, 1), (10, 2), (10, 3), (7, 7), (100, 8)])
    func sequentialThreadsVisitEveryKeyOnceARound(keyCount: Int, threadCount: Int) {
        var random = RandomBits(seed: 1, stream: 0)
        var counts = [Int](repeating: 0, count: keyCount)
        for thread in 0..<threadCount {
            var sampler = KeySampler(
                .sequential, keyCount: keyCount, isSpread: true, threadIndex: thread, threadCount: threadCount)
            let ownCount = (keyCount - thread + threadCount - 1) / threadCount
            for _ in 0..<(3 * ownCount) { counts[sampler.next(&random)] += 1 }
        }
        #expect(counts == [Int](repeating: 3, count: keyCount))
    }

    @Test func moreThreadsThanKeysAreNoHarm() {
        var random = RandomBits(seed: 1, stream: 0)
        var sampler = KeySampler(.sequential, keyCount: 3, isSpread: true, threadIndex: 7, threadCount: 8)
        #expect((0..<5).map { _ in sampler.next(&random) } == [1, 1, 1, 1, 1])
    }
}
