// HotKeyOptions: what a pool does about its hot keys.
// Not here: the config's keys (Settings), which keys those are (Routing/HotKeys).

package import Routing

package struct HotKeyOptions: Sendable {
    package enum Mode: String, Sendable, CaseIterable {
        /// Nothing is counted.
        case off
        /// They are shown, by KEYWAY HOTKEYS.
        case observe
        /// Reads of them are answered from copies in the worker's memory.
        case cache
        /// Reads of them are spread over copies on several servers.
        case replicate
    }

    package var mode = Mode.off
    package var policy = HotKeyPolicy()
    /// Keys that are hot at a time.
    package var keyCountMax = 128
    /// A longer reply, or value, is not copied.
    package var replyBytesMax = 65_536
    /// Of the copies of all workers.
    package var sizeBytesMax = 16_777_216
    /// Of one copy, however long its key lives.
    package var lifeMsMax = 60_000
    /// Copies of a shard are used for so long after its last sign that it tells of changes.
    package var leaseMs = 100
    /// Servers that have a copy, where they are spread.
    package var spreadCount = 4
    /// While a key's server is down its copies are read for so long after their last sign.
    package var staleMs = 0

    package init() {}
}
