// StampedeOptions: what a pool does when many clients miss one key at once, and against keys that all end at once.
// Not here: the config's keys (Settings).

package struct StampedeOptions: Sendable {
    /// Keys that are guarded; empty for none.
    package var prefixes: [[UInt8]] = []
    /// A client waits so long for the value that another one brings.
    package var waitMs = 1_000
    /// Who was told that the key is missing has so long to bring it.
    package var leaseMs = 10_000
    /// Of one worker; more are told at once that the key is missing.
    package var waiterCountMax = 10_000
    /// Who has lost its lease to another client may not set the key any more before it has read it again.
    package var refusesLateWrites = false
    /// A key is brought anew before it ends; of 1, as XFetch does. 0: it is not.
    package var earlyFactor = 0.0
    /// A value may be given to readers for so long after it was read, while one client brings it anew; 0: it is not.
    package var staleMs = 0
    /// Of all values that are kept for that, by all workers.
    package var staleSizeBytesMax = 16_777_216
    package var staleCountMax = 10_000
    /// Lives that clients give to keys are changed by up to so many percent, either way.
    package var jitterPercent = 0

    package init() {}
}
