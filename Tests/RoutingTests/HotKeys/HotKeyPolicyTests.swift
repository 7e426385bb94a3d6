import Testing

@testable import Routing

struct HotKeyPolicyTests {
    private func key(
        _ text: String = "user:1", reads: Double = 0, writes: Double = 0, share: Double = 100, samples: Double = 100
    ) -> HotKey {
        HotKey(
            key: ShownKey(bytes: Array(text.utf8), sizeBytes: text.utf8.count, hash: 1), poolIndex: 0, shardIndex: 0,
            heat: HeatRate(readsPerSecond: reads, writesPerSecond: writes), sharePercent: share, sampleCount: samples)
    }

    @Test func everyThresholdMustBeMet() {
        var policy = HotKeyPolicy()
        policy.requestsPerSecondMin = 1_000
        policy.sharePercentMin = 10
        policy.readsPerWriteMin = 4
        #expect(policy.isHot(key(reads: 800, writes: 200, share: 10), wasHot: false))
        #expect(!policy.isHot(key(reads: 799, writes: 200, share: 10), wasHot: false))
        #expect(!policy.isHot(key(reads: 800, writes: 200, share: 9.9), wasHot: false))
        #expect(!policy.isHot(key(reads: 800, writes: 201, share: 10), wasHot: false))
        #expect(!policy.isHot(key(reads: 800, writes: 200, samples: 7), wasHot: false))
        #expect(policy.isHot(key(reads: 1_000), wasHot: false), "no writes at all")
    }

    @Test func zeroTurnsARuleOff() {
        var policy = HotKeyPolicy()
        policy.requestsPerSecondMin = 0
        policy.sharePercentMin = 0
        #expect(policy.isHot(key(writes: 1, share: 0), wasHot: false))
    }

    /// Goal: a key near a threshold does not flap. Method: a rate that goes up and down around it.
    @Test func whatIsHotStaysSoUntilHalf() {
        var policy = HotKeyPolicy()
        policy.requestsPerSecondMin = 1_000
        policy.readsPerWriteMin = 0
        var isHot = false
        let states = [900.0, 999, 1_000, 999, 1_001, 501, 500, 499, 999, 1_000].map { rate in
            isHot = policy.isHot(key(reads: rate), wasHot: isHot)
            return isHot
        }
        #expect(states == [false, false, true, true, true, true, true, false, false, true])
        #expect(policy.isHot(key(reads: 2_000, share: 0.5), wasHot: true))
        #expect(!policy.isHot(key(reads: 2_000, share: 0.4), wasHot: true))
    }

    @Test func prefixesDecideWhatIsLookedAt() {
        var policy = HotKeyPolicy()
        policy.includedPrefixes = [Array("user:".utf8), Array("item:".utf8)]
        policy.excludedPrefixes = [Array("user:admin".utf8)]
        for (text, isHot) in [("user:1", true), ("item:", true), ("use", false), ("user:admin:1", false), ("", false)] {
            #expect(policy.isHot(key(text, reads: 5_000), wasHot: false) == isHot, "\(text)")
            #expect(policy.isHot(key(text, reads: 5_000), wasHot: true) == isHot, "\(text)")
        }
        policy.includedPrefixes = []
        #expect(policy.isHot(key("", reads: 5_000), wasHot: false))
    }
}
