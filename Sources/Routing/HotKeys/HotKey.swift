// HotKey: a key and how much it is used, as one worker or all of them together know it.
// Not here: whether that is much (HotKeyPolicy), how it is found out (HotKeySketch).

package struct HotKey: Sendable, Equatable {
    package var key: ShownKey
    package var poolIndex: Int
    /// Where most of its requests went.
    package var shardIndex: Int
    package var heat: HeatRate
    /// Of requests and replies.
    package var bytesPerSecond: Double
    /// Of its shard's requests; 0 until workers are merged.
    package var sharePercent: Double
    /// Samples behind the rates, the old ones counting less: their relative error is one by the root of it.
    package var sampleCount: Double

    package init(
        key: ShownKey, poolIndex: Int, shardIndex: Int, heat: HeatRate, bytesPerSecond: Double = 0,
        sharePercent: Double = 0, sampleCount: Double = 0
    ) {
        self.key = key
        self.poolIndex = poolIndex
        self.shardIndex = shardIndex
        self.heat = heat
        self.bytesPerSecond = bytesPerSecond
        self.sharePercent = sharePercent
        self.sampleCount = sampleCount
    }
}
