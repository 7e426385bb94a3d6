// Engine+HotKeyLists: what KEYWAY HOTKEYS shows beside the hottest keys: the largest keys, and the hottest hash slots.
// Not here: the hottest keys (Engine+HotKeys), how all of it is found (Routing/HotKeys).

import Routing
import Upstream
import Wire

enum HotKeyList: String {
    case big = "BIG"
    case slots = "SLOTS"
}

extension Engine {
    private func report(ofPool poolIndex: Int, countMax: Int) -> HotKeyReport {
        HotKeyReport(shared.hotKeys.entries(ofPool: poolIndex).map(\.snapshot), countMax: countMax)
    }

    /// By the largest request or reply that was seen of late.
    mutating func showBigKeys(_ client: ClientRef, _ poolIndex: Int, countMax: Int) {
        let names = pools[poolIndex].options.shards.map(\.name)
        let rows = report(ofPool: poolIndex, countMax: countMax).bigKeys.map { found in
            [
                ("key", found.key.text), ("shard", Array(names[found.shardIndex].utf8)),
                ("size_bytes", Array(String(found.sizeBytes).utf8)),
            ]
        }
        show(client, rows)
    }

    /// Ranges of slots, whether or not slots place the pool's keys.
    mutating func showHotSlots(_ client: ClientRef, _ poolIndex: Int, countMax: Int) {
        let names = pools[poolIndex].options.shards.map(\.name)
        let ranges = report(ofPool: poolIndex, countMax: countMax).slots.flatMap(\.slots)
        let rows = ranges.map { range in
            Self.bytes([
                ("slots", "\(range.slotFirst)-\(range.slotLast)"),
                ("shard", range.shardIndex.map { names[$0] } ?? "several"),
                ("reads_per_second", Self.rate(range.heat.readsPerSecond)),
                ("writes_per_second", Self.rate(range.heat.writesPerSecond)),
            ])
        }
        show(client, rows)
    }
}
