import Testing

@testable import keyway_bench

struct ValueSamplerTests {
    private func draws(_ text: String) throws -> [Int: Int] {
        var sampler = ValueSampler(try ValueSize.parse(text))
        var random = RandomBits(seed: 9, stream: 0)
        var counts: [Int: Int] = [:]
        for _ in 0..<100_000 { counts[sampler.next(&random), default: 0] += 1 }
        return counts
    }

    @Test func fixedIsFixed() throws {
        #expect(try draws("77") == [77: 100_000])
    }

    @Test func rangesAreEvenAndReachBothEnds() throws {
        let counts = try draws("10-19")
        #expect(Set(counts.keys) == Set(10...19))
        #expect(counts.values.allSatisfy { abs($0 - 10_000) < 475 })
    }

    @Test func weightsAreKept() throws {
        let counts = try draws("64:9,1kb:1")
        #expect(Set(counts.keys) == [64, 1024])
        #expect(abs(counts[1024]! - 10_000) < 475)
    }

    @Test func zipfPrefersTheSmallest() throws {
        let counts = try draws("zipf:5-8:1")
        // 1 : 1/2 : 1/3 : 1/4 of 25/12.
        #expect(abs(counts[5]! - 48_000) < 800 && abs(counts[8]! - 12_000) < 520)
        #expect(Set(counts.keys) == Set(5...8))
    }

    @Test func sharesEndAtTheTop() {
        #expect(shares([1]) == [.max])
        #expect(shares([1, 1]).last == .max)
        #expect(abs(Double(shares([1, 3])[0]) / 0x1p64 - 0.25) < 1e-12)
    }
}
