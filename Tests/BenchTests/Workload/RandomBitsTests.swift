import Testing

@testable import keyway_bench

struct RandomBitsTests {
    /// Source: the first numbers that the authors' C code gives for this state.
    @Test func agreesWithTheReference() {
        var random = RandomBits(state: (1, 2, 3, 4))
        #expect((0..<4).map { _ in random.next() } == [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240])
    }

    @Test func sameSeedSameNumbersOtherSeedOrStreamOthers() {
        func first(_ seed: UInt64, _ stream: UInt64) -> [UInt64] {
            var random = RandomBits(seed: seed, stream: stream)
            return (0..<4).map { _ in random.next() }
        }
        #expect(first(1, 2) == first(1, 2))
        #expect(first(1, 2) != first(2, 1))
        #expect(first(0, 0) != first(0, 1))
        #expect(Set((0..<1000).map { first(7, $0)[0] }).count == 1000)
    }

    @Test func boundedNumbersFillTheirRangeEvenly() {
        var random = RandomBits(seed: 5, stream: 0)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<100_000 { counts[Int(random.next(below: 10))] += 1 }
        // Five standard deviations of a binomial with p 0.1.
        #expect(counts.allSatisfy { abs($0 - 10_000) < 475 }, "\(counts)")
        #expect((0..<1000).allSatisfy { _ in (0..<1).contains(random.nextUnit()) })
        #expect(random.next(below: 1) == 0)
    }
}
