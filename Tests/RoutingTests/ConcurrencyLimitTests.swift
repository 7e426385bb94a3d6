import Testing

@testable import Routing

struct ConcurrencyLimitTests {
    /// A server that does `perMs` requests a millisecond whatever is asked: more in flight only waits longer.
    private func settle(_ limit: inout ConcurrencyLimit, perMs: Double, wanted: Double, windows: Int, restMs: Double) {
        for _ in 0..<windows {
            let inFlight = min(wanted, Double(limit.limit))
            // Below what keeps it busy the wait is the same.
            let rate = min(perMs, inFlight / restMs)
            limit.record(meanInFlight: inFlight, replyCount: Int(rate * 1_000), windowMs: 1_000)
        }
    }

    @Test func aFloodIsBroughtDownToWhatTheServerDoesInTwiceItsTime() {
        var limit = ConcurrencyLimit(lowest: 8, highest: 65_536)
        // 100 a millisecond, half a millisecond each: 50 keep it busy.
        settle(&limit, perMs: 100, wanted: 40, windows: 20, restMs: 0.5)
        #expect(limit.limit == 65_536, "no limit while all is well")
        settle(&limit, perMs: 100, wanted: 5_000, windows: 100, restMs: 0.5)
        #expect((60...160).contains(limit.limit), "\(limit.limit)")
    }

    @Test func itGrowsAgainWithTheServer() {
        var limit = ConcurrencyLimit(lowest: 8, highest: 1_000)
        settle(&limit, perMs: 10, wanted: 5, windows: 5, restMs: 1)
        settle(&limit, perMs: 10, wanted: 900, windows: 100, restMs: 1)
        let before = limit.limit
        settle(&limit, perMs: 1_000, wanted: 900, windows: 200, restMs: 1)
        #expect(limit.limit > before * 3)
    }

    @Test func itNeverLeavesItsBounds() {
        var limit = ConcurrencyLimit(lowest: 8, highest: 100)
        settle(&limit, perMs: 1, wanted: 90, windows: 10, restMs: 1)
        for _ in 0..<100 { limit.record(meanInFlight: 90, replyCount: 11, windowMs: 1_000) }
        #expect(limit.limit >= 8)
        for _ in 0..<1_000 { limit.record(meanInFlight: 90, replyCount: 1_000_000, windowMs: 1_000) }
        #expect(limit.limit <= 100)
    }

    @Test func tooFewRepliesSayNothing() {
        var limit = ConcurrencyLimit(lowest: 8, highest: 100)
        limit.record(meanInFlight: 50, replyCount: 9, windowMs: 1_000)
        limit.record(meanInFlight: 0, replyCount: 900, windowMs: 1_000)
        #expect(limit.limit == 100)
    }
}
