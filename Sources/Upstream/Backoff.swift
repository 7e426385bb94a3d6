// Backoff: how long a connection rests after its n-th failure in a row. Pure: numbers in, milliseconds out.
// The delay doubles up to its ceiling; the upper half of it is drawn, so that many proxies do not come back at once.

package struct Backoff: Sendable {
    package let firstMs: Int
    package let maxMs: Int

    package init(firstMs: Int, maxMs: Int) {
        self.firstMs = firstMs
        self.maxMs = max(firstMs, maxMs)
    }

    /// - Parameters:
    ///   - failureCount: failures in a row, 1 or more.
    ///   - random: any 32 bits.
    /// - Returns: between half of the doubled delay and all of it, at least 1.
    package func delayMs(failureCount: Int, random: UInt32) -> Int {
        precondition(failureCount >= 1)
        let doubled = firstMs << min(failureCount - 1, 20)
        let ceiling = max(1, min(doubled, maxMs))
        let half = ceiling / 2
        return max(1, half + Int(random) % (ceiling - half + 1))
    }
}
