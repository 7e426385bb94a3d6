// The lot that says when a key is brought anew.

import Foundation
import Testing

@testable import Routing

struct EarlyRefreshTests {
    /// Of evenly spread random numbers, the part that is due.
    private func part(bringMs: UInt64, leftMs: UInt64, factor: Double) -> Double {
        let count = 10_000
        let dueCount = (0..<count).count { index in
            EarlyRefresh.isDue(
                bringMs: bringMs, leftMs: leftMs, factor: factor, random: UInt32(index * (1 << 32 / count)))
        }
        return Double(dueCount) / Double(count)
    }

    @Test func theOddsFallWithTheTimeThatIsLeft() {
        for leftMs in [UInt64(10), 100, 300, 500] {
            #expect(abs(part(bringMs: 100, leftMs: leftMs, factor: 1) - exp(-Double(leftMs) / 100)) < 0.001)
            #expect(abs(part(bringMs: 100, leftMs: leftMs, factor: 2) - exp(-Double(leftMs) / 200)) < 0.001)
        }
    }

    @Test func itIsAlwaysDueAtTheEndAndNeverLongBefore() {
        #expect(part(bringMs: 100, leftMs: 0, factor: 1) == 1)
        #expect(part(bringMs: 100, leftMs: 2_300, factor: 1) == 0)
        #expect(!EarlyRefresh.isDue(bringMs: 100, leftMs: 2_300, factor: 1, random: 0))
    }
}
