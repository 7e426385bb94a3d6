// SlotHeats: how hot each range of 64 hash slots is, 256 ranges for the 16,384 slots of Valkey Cluster, and each shard
// of a pool. Decayed sums; a range also knows whether all of it went to one shard, which is so where slots place keys.
// Not here: the slot of a key (Hashing).

package enum SlotRange {
    package static let count = 256
    package static let slotsEach = 64
}

/// A range of `SlotRange.slotsEach` slots and how much it is used.
package struct SlotHeat: Sendable, Equatable {
    package var slotFirst: Int
    package var slotLast: Int { slotFirst + SlotRange.slotsEach - 1 }
    /// Nil where its requests went to several shards, or to none.
    package var shardIndex: Int?
    package var heat: HeatRate
}

/// Decayed sums of requests.
struct Heat: BitwiseCopyable {
    var reads = 0.0
    var writes = 0.0

    @inline(__always)
    mutating func add(_ amount: Double, isWrite: Bool) {
        if isWrite { writes += amount } else { reads += amount }
    }

    mutating func scale(by factor: Double) {
        reads *= factor
        writes *= factor
    }

    /// - Parameter rate: what one unit of a sum is a second.
    func perSecond(_ rate: Double) -> HeatRate {
        HeatRate(readsPerSecond: reads * rate, writesPerSecond: writes * rate)
    }
}

struct SlotHeats: BitwiseCopyable {
    private let ranges: UnsafeMutablePointer<Heat>
    /// Of each range, the shard of its requests.
    private let owners: UnsafeMutablePointer<Int32>
    private let shards: UnsafeMutablePointer<Heat>
    let shardCount: Int

    private static let nobody: Int32 = -1
    private static let several: Int32 = -2

    static func sizeBytes(shardCount: Int) -> Int {
        SlotRange.count * (MemoryLayout<Heat>.stride + MemoryLayout<Int32>.stride)
            + shardCount * MemoryLayout<Heat>.stride
    }

    static func allocate(shardCount: Int) -> SlotHeats {
        let ranges = UnsafeMutablePointer<Heat>.allocate(capacity: SlotRange.count)
        ranges.initialize(repeating: Heat(), count: SlotRange.count)
        let owners = UnsafeMutablePointer<Int32>.allocate(capacity: SlotRange.count)
        owners.initialize(repeating: nobody, count: SlotRange.count)
        let shards = UnsafeMutablePointer<Heat>.allocate(capacity: shardCount)
        shards.initialize(repeating: Heat(), count: shardCount)
        return SlotHeats(ranges: ranges, owners: owners, shards: shards, shardCount: shardCount)
    }

    func deallocate() {
        ranges.deallocate()
        owners.deallocate()
        shards.deallocate()
    }

    func add(_ amount: Double, slot: Int, shardIndex: Int, isWrite: Bool) {
        shards[shardIndex].add(amount, isWrite: isWrite)
        let range = slot / SlotRange.slotsEach
        ranges[range].add(amount, isWrite: isWrite)
        let owner = owners[range]
        if owner != Int32(shardIndex) { owners[range] = owner == Self.nobody ? Int32(shardIndex) : Self.several }
    }

    /// - Parameter factor: of DecayScale.
    func scale(by factor: Double) {
        for index in 0..<shardCount { shards[index].scale(by: factor) }
        for index in 0..<SlotRange.count {
            ranges[index].scale(by: factor)
            // Long ago, perhaps before the slots moved.
            owners[index] = Self.nobody
        }
    }

    /// - Parameter rate: as above.
    func listShards(rate: Double) -> [HeatRate] {
        (0..<shardCount).map { shards[$0].perSecond(rate) }
    }

    func listRanges(rate: Double) -> [SlotHeat] {
        (0..<SlotRange.count).map {
            SlotHeat(
                slotFirst: $0 * SlotRange.slotsEach, shardIndex: owners[$0] >= 0 ? Int(owners[$0]) : nil,
                heat: ranges[$0].perSecond(rate))
        }
    }
}
