import Testing

@testable import Upstream

@Suite struct RestartPolicyTests {
    @Test func delaysDoubleFromTheMinimumToTheMaximum() {
        var policy = RestartPolicy()
        for longestMs in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000] {
            for random: UInt32 in [0, 1, 12_345, .max] {
                var twin = policy
                #expect((longestMs / 2...longestMs).contains(twin.delayMs(afterUptimeMs: 0, random: random)))
            }
            _ = policy.delayMs(afterUptimeMs: 0, random: 0)
        }
    }

    @Test func deathsTogetherDoNotMeanStartsTogether() {
        let delays = (UInt32(0)..<64).map { random in
            var policy = RestartPolicy()
            return policy.delayMs(afterUptimeMs: 0, random: random)
        }
        #expect(Set(delays).count > 32)
    }

    @Test func onlyALongRunForgivesTheDeathsBefore() {
        var policy = RestartPolicy()
        for _ in 0..<5 { _ = policy.delayMs(afterUptimeMs: 0, random: 0) }
        #expect(policy.delayMs(afterUptimeMs: RestartPolicy.stableAfterMs - 1, random: 0) >= 1_600)
        #expect(policy.deathCount == 6)
        #expect(policy.delayMs(afterUptimeMs: RestartPolicy.stableAfterMs, random: 0) <= 100)
        #expect(policy.deathCount == 1)
    }

    @Test func endlessDeathsNeitherOverflowNorWaitLongerThanTheMaximum() {
        var policy = RestartPolicy()
        for _ in 0..<100_000 { _ = policy.delayMs(afterUptimeMs: 0, random: 0) }
        #expect(policy.delayMs(afterUptimeMs: 0, random: .max) <= RestartPolicy.delayMaxMs)
    }
}
