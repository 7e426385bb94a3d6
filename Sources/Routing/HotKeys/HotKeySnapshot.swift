// HotKeySnapshot: what one worker knows of one pool at one moment, as plain values that may go to another thread.
// Not here: several workers (HotKeyReport).

package struct HotKeySnapshot: Sendable {
    package let poolIndex: Int
    /// In no order.
    package let keys: [HotKey]
    /// By shard index.
    package let shards: [HeatRate]
    /// By slot.
    package let slots: [SlotHeat]
    /// In no order.
    package let bigKeys: [BigKey]
}
