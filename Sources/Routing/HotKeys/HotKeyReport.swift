// HotKeyReport: the snapshots of several workers as one list. Rates of one key add up, and its share is that of all its
// shard's traffic.
// Not here: what a worker knows (HotKeySketch), whether a key is hot (HotKeyPolicy), what is done about it.

package struct HotKeyReport: Sendable {
    /// What comes first.
    package enum Order: Sendable, CaseIterable {
        case requests, reads, writes, bytes
    }

    package private(set) var keys: [HotKey]
    /// The largest first.
    package private(set) var bigKeys: [BigKey]
    /// Ranges with any traffic by pool, the hottest first.
    package private(set) var slots: [(poolIndex: Int, slots: [SlotHeat])]

    private struct KeyInPool: Hashable {
        let poolIndex: Int
        let key: ShownKey
    }

    /// - Parameter snapshots: of any pools and workers; all made with one seed.
    /// - Parameter countMax: of each list.
    package init(_ snapshots: [HotKeySnapshot], countMax: Int, order: Order = .requests) {
        let shards = Self.shardHeats(snapshots)
        let merged = Self.merged(snapshots).map { key in
            var key = key
            let all = shards[key.poolIndex]![key.shardIndex].requestsPerSecond
            // A key is never more than its shard, but what a counter and a total are rounded to may say so.
            key.sharePercent = all > 0 ? min(100, 100 * key.heat.requestsPerSecond / all) : 0
            return key
        }
        keys = Array(merged.sorted { Self.comes($0, before: $1, order) }.prefix(countMax))
        bigKeys = Self.bigKeys(snapshots, countMax: countMax)
        slots = Self.slots(snapshots, countMax: countMax)
    }

    private static func merged(_ snapshots: [HotKeySnapshot]) -> some Collection<HotKey> {
        var keys: [KeyInPool: HotKey] = [:]
        /// The rate that the shard of the key in `keys` has in one worker.
        var shardRates: [KeyInPool: Double] = [:]
        for key in snapshots.lazy.flatMap(\.keys) {
            let id = KeyInPool(poolIndex: key.poolIndex, key: key.key)
            let rate = key.heat.requestsPerSecond
            guard var known = keys[id] else {
                keys[id] = key
                shardRates[id] = rate
                continue
            }
            if rate > shardRates[id, default: 0] {
                known.shardIndex = key.shardIndex
                shardRates[id] = rate
            }
            known.heat.add(key.heat)
            known.bytesPerSecond += key.bytesPerSecond
            known.sampleCount += key.sampleCount
            keys[id] = known
        }
        return keys.values
    }

    private static func shardHeats(_ snapshots: [HotKeySnapshot]) -> [Int: [HeatRate]] {
        var heats: [Int: [HeatRate]] = [:]
        for snapshot in snapshots {
            var pool = heats[snapshot.poolIndex] ?? []
            while pool.count < snapshot.shards.count { pool.append(HeatRate()) }
            for (index, heat) in snapshot.shards.enumerated() { pool[index].add(heat) }
            heats[snapshot.poolIndex] = pool
        }
        return heats
    }

    /// Keys break ties, so that a list is the same each time.
    private static func comes(_ left: HotKey, before right: HotKey, _ order: Order) -> Bool {
        let (leftRate, rightRate) =
            switch order {
            case .requests: (left.heat.requestsPerSecond, right.heat.requestsPerSecond)
            case .reads: (left.heat.readsPerSecond, right.heat.readsPerSecond)
            case .writes: (left.heat.writesPerSecond, right.heat.writesPerSecond)
            case .bytes: (left.bytesPerSecond, right.bytesPerSecond)
            }
        if leftRate != rightRate { return leftRate > rightRate }
        return (left.poolIndex, left.key.sizeBytes, left.key.hash)
            < (right.poolIndex, right.key.sizeBytes, right.key.hash)
    }

    private static func bigKeys(_ snapshots: [HotKeySnapshot], countMax: Int) -> [BigKey] {
        var keys: [KeyInPool: BigKey] = [:]
        for key in snapshots.lazy.flatMap(\.bigKeys) {
            let id = KeyInPool(poolIndex: key.poolIndex, key: key.key)
            if key.sizeBytes > keys[id]?.sizeBytes ?? 0 { keys[id] = key }
        }
        let sorted = keys.values.sorted {
            ($1.sizeBytes, $0.poolIndex, $0.key.hash) < ($0.sizeBytes, $1.poolIndex, $1.key.hash)
        }
        return Array(sorted.prefix(countMax))
    }

    private static func slots(_ snapshots: [HotKeySnapshot], countMax: Int) -> [(Int, [SlotHeat])] {
        var pools: [Int: [SlotHeat]] = [:]
        for snapshot in snapshots {
            guard var known = pools[snapshot.poolIndex] else {
                pools[snapshot.poolIndex] = snapshot.slots
                continue
            }
            for (index, slot) in snapshot.slots.enumerated() where slot.heat.requestsPerSecond > 0 {
                let isFirst = known[index].heat.requestsPerSecond == 0
                if isFirst {
                    known[index].shardIndex = slot.shardIndex
                } else if known[index].shardIndex != slot.shardIndex {
                    known[index].shardIndex = nil
                }
                known[index].heat.add(slot.heat)
            }
            pools[snapshot.poolIndex] = known
        }
        return pools.sorted { $0.key < $1.key }.map { pool, slots in
            let used = slots.filter { $0.heat.requestsPerSecond > 0 }
            let sorted = used.sorted {
                ($1.heat.requestsPerSecond, $0.slotFirst) < ($0.heat.requestsPerSecond, $1.slotFirst)
            }
            return (pool, Array(sorted.prefix(countMax)))
        }
    }
}
