// EarlyRefresh: whether a key is to be brought anew before it ends, by lot (XFetch: Vattani, Chierichetti and
// Lowenstein, 2015). The odds rise as e to the power of the time that is left, counted in the time that it takes to
// bring the key, so that one reader or another draws it shortly before the end, the earlier the more of them there are.
// Not here: what is known of keys (Session/Misses/KeyLives), what the reader is told (Session).

import Glibc

package enum EarlyRefresh {
    /// - Parameters:
    ///   - bringMs: how long it takes to bring the key.
    ///   - leftMs: how long it lives on.
    ///   - factor: 1 is the rule as published; with more it comes earlier.
    ///   - random: 32 random bits.
    package static func isDue(bringMs: UInt64, leftMs: UInt64, factor: Double, random: UInt32) -> Bool {
        let lot = -log((Double(random) + 1) / Double(1 << 32))
        return Double(bringMs) * factor * lot >= Double(leftMs)
    }
}
