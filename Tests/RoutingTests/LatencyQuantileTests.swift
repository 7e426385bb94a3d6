import TestKit
import Testing

@testable import Routing

struct LatencyQuantileTests {
    /// Goal: it rests near the true quantile, wherever it began. Method: ages drawn evenly from 0 to 999 ms.
    @Test func itFindsTheAgeThatOneInTwentyPasses() {
        var random = SeededRandom.announced()
        var quantile = LatencyQuantile()
        for _ in 0..<50_000 { quantile.record(ageMs: UInt64(random.below(1_000))) }
        #expect((850...999).contains(quantile.p95Ms), "\(quantile.p95Ms)")
        for _ in 0..<50_000 { quantile.record(ageMs: UInt64(random.below(10))) }
        #expect((7...12).contains(quantile.p95Ms), "\(quantile.p95Ms)")
    }

    @Test func withoutSamplesItIsZero() { #expect(LatencyQuantile().p95Ms == 0) }
}
