import TestKit
import Testing

@testable import Upstream

struct BackoffTests {
    @Test func theDelayDoublesUpToItsCeiling() {
        let backoff = Backoff(firstMs: 50, maxMs: 2_000)
        for (failureCount, ceiling) in [
            (1, 50), (2, 100), (3, 200), (6, 1_600), (7, 2_000), (64, 2_000), (.max, 2_000),
        ] {
            #expect(backoff.delayMs(failureCount: failureCount, random: 0) == ceiling / 2)
            let delays = (0..<5_000).map { backoff.delayMs(failureCount: failureCount, random: UInt32($0)) }
            #expect(delays.min() == ceiling / 2 && delays.max() == ceiling)
        }
    }

    @Test func aCeilingBelowTheFirstDelayIsTheFirstDelay() {
        #expect(Backoff(firstMs: 100, maxMs: 10).maxMs == 100)
    }

    @Test func thereIsNoRestOfZero() {
        for random in [UInt32(0), 1, .max] {
            #expect(Backoff(firstMs: 0, maxMs: 0).delayMs(failureCount: 9, random: random) == 1)
            #expect(Backoff(firstMs: 1, maxMs: 1).delayMs(failureCount: 9, random: random) == 1)
        }
    }

    @Test func anyNumbersStayWithinTheirBounds() {
        var random = SeededRandom.announced()
        for _ in 0..<10_000 {
            let backoff = Backoff(
                firstMs: random.below(1 << random.below(32)), maxMs: random.below(1 << random.below(32)))
            let failureCount = 1 + random.below(1 << random.below(62))
            let delayMs = backoff.delayMs(failureCount: failureCount, random: UInt32(truncatingIfNeeded: random.next()))
            #expect(delayMs >= 1 && delayMs <= max(1, backoff.maxMs))
            #expect(delayMs >= min(backoff.firstMs, backoff.maxMs) / 2)
        }
    }

    @Test func aConnectionThatNeverFailedDoesNotRest() async {
        await #expect(processExitsWith: .failure) {
            _ = Backoff(firstMs: 1, maxMs: 1).delayMs(failureCount: 0, random: 0)
        }
    }
}
