// RestartPolicy: how long to wait before a server that died is started again.
// Pure: uptime and randomness come in as arguments, a delay comes out.
// Not here: the doubling itself (Backoff), starting and watching (EmbeddedSupervisor).

package struct RestartPolicy: Sendable, Equatable {
    /// Delay after the first death.
    package static let delayMinMs = 100
    /// Delay that doubling ends at.
    package static let delayMaxMs = 5_000
    /// A server that ran this long had nothing to do with the deaths before.
    package static let stableAfterMs = 10_000
    private static let backoff = Backoff(firstMs: delayMinMs, maxMs: delayMaxMs)

    /// Deaths in a row, each before `stableAfterMs`.
    package private(set) var deathCount = 0

    package init() {}

    /// Takes a death in.
    ///
    /// - Parameters:
    ///   - uptimeMs: how long the server had run, 0 when it did not even start.
    ///   - random: any 32 bits; they keep shards that died together from starting together.
    /// - Returns: milliseconds to wait before the next start, from half of the doubled delay to all of it.
    package mutating func delayMs(afterUptimeMs uptimeMs: Int, random: UInt32) -> Int {
        if uptimeMs >= Self.stableAfterMs { deathCount = 0 }
        deathCount += 1
        return Self.backoff.delayMs(failureCount: deathCount, random: random)
    }
}
