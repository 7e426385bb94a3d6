// KeyPlaces: where the keys of a run may be. Each has one home; where shards leave the ring it may be wherever a ring
// that some worker used has put it, and where a spare pool stands in, at its home's stand-in.
//
//     failFast  the home          remap  what any ring said          gutter  the home, and its one stand-in
//
// Not here: when a shard leaves the ring, and that all workers learn of it (RingWatch).

import Hashing

final class KeyPlaces {
    /// By key: its shard while all is well.
    let homes: [Int]
    /// By key: a bit for each shard that may be asked for it.
    private var allowed: [UInt64]

    /// - Parameter spareCount: shards of the pool that stands in, numbered behind the others; 0 for none.
    init(_ placement: Placement, keyCount: Int, spareCount: Int) {
        homes = Self.places(placement, keyCount: keyCount)
        let shardCount = placement.servers.count
        allowed = homes.map { home in
            1 << UInt64(home) | (spareCount == 0 ? 0 : 1 << UInt64(shardCount + home % spareCount))
        }
    }

    /// A worker uses this ring.
    func allow(_ places: [Int]) {
        for key in places.indices { allowed[key] |= 1 << UInt64(places[key]) }
    }

    func allows(_ key: Int, on shard: Int) -> Bool { allowed[key] & 1 << UInt64(shard) != 0 }

    /// Whether one of these shards, a bit for each, may have been asked for the key.
    func meets(_ key: Int, _ shards: UInt64) -> Bool { allowed[key] & shards != 0 }

    static func places(_ placement: Placement, keyCount: Int) -> [Int] {
        // The view is good while the placement is there.
        withExtendedLifetime(placement) {
            (0..<keyCount).map { key in
                let bytes = Array("k\(String(key + 1_000).dropFirst())".utf8)
                return placement.view.serverIndex(key: bytes, count: bytes.count, random: 0)
            }
        }
    }
}
