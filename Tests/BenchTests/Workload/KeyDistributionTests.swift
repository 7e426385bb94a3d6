import Testing

@testable import keyway_bench

struct KeyDistributionTests {
    @Test(arguments: [
        ("uniform", KeyDistribution.uniform, "uniform"), ("random", .uniform, "uniform"),
        ("Sequential", .sequential, "sequential"), ("seq", .sequential, "sequential"),
        ("zipfian", .zipfian(skew: 0.99), "zipfian 0.99"), ("zipf:1", .zipfian(skew: 1), "zipfian 1"),
        ("zipfian:1.25", .zipfian(skew: 1.25), "zipfian 1.25"),
        ("hot:10%:90%", .hot(keys: .share(0.1), share: 0.9), "90 % on the hottest 10 %"),
        ("hot:100:99.5%", .hot(keys: .count(100), share: 0.995), "99.5 % on the hottest 100"),
    ]) func whatIsUnderstood(text: String, distribution: KeyDistribution, summary: String) throws {
        #expect(try KeyDistribution.parse(text) == distribution)
        #expect(distribution.summary == summary)
    }

    @Test(arguments: [
        ("", "use uniform, sequential"), ("gauss", "use uniform, sequential"), ("uniform:1", "use uniform"),
        ("zipfian:0", "above 0 up to 5"), ("zipfian:5.1", "above 0 up to 5"), ("zipfian:nan", "above 0 up to 5"),
        ("zipfian:", "above 0 up to 5"), ("hot:10%", "hot:10%:90%"), ("hot:0:90%", "number of keys from 1 on"),
        ("hot:0%:90%", "share of all keys above 0"), ("hot:10%:90", "no share of the accesses"),
        ("hot:10%:101%", "no share of the accesses"), ("hot:101%:1%", "share of all keys"),
    ]) func whatIsNotUnderstoodIsExplained(text: String, words: String) {
        let said = failureText { _ = try KeyDistribution.parse(text) }
        #expect(said.contains(words) && said.contains("\"\(text)\""), "\(said)")
    }

    @Test func hotKeysAreAtLeastOneAndAtMostAll() {
        #expect(KeyDistribution.HotKeys.share(0.1).count(of: 5) == 1)
        #expect(KeyDistribution.HotKeys.share(0.1).count(of: 1000) == 100)
        #expect(KeyDistribution.HotKeys.count(10).count(of: 5) == 5)
    }
}
