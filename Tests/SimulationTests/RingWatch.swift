// RingWatch: that shards leave the ring and return as their pool says, alike for all workers.
//
//     no more are out than may be · no ring but that without the shards that are out · with `flush`, none returns full
//
// Held against Keyway whenever all mail is read. Not here: where keys may be meanwhile (KeyPlaces).

import Hashing
import Upstream

@testable import Session

final class RingWatch {
    private let pool: PoolOptions
    private let register: ShardRegister
    private let places: KeyPlaces
    private let ledger: Ledger
    private let world: World
    /// By shard, since when it is out of the ring; nil: it is not.
    private var outSinceMs: [UInt64?]
    private var hasChanged = false

    init(pool: PoolOptions, register: ShardRegister, places: KeyPlaces, ledger: Ledger, world: World) {
        self.pool = pool
        self.register = register
        self.places = places
        self.ledger = ledger
        self.world = world
        outSinceMs = Array(repeating: nil, count: pool.shards.count)
    }

    /// Those whose checks have passed, and that an operator must bring back.
    var heldShards: [Int] {
        pool.shards.indices.filter { register[pool.shards[$0]].isHeld && register[pool.shards[$0]].outCount == 0 }
    }

    var isWhole: Bool { outSinceMs.allSatisfy { $0 == nil } }

    private func ring(of kernel: SimulatedKernel) -> [Int] {
        KeyPlaces.places(kernel.engine.pools[0].placement, keyCount: places.homes.count)
    }

    /// A worker has a new ring.
    func allowRing(of kernel: SimulatedKernel) {
        places.allow(ring(of: kernel))
        hasChanged = true
    }

    /// After each turn.
    func look(at backends: [SimulatedBackend]) {
        guard case .remap(let percentMax, let onReturn) = pool.failureMode else { return }
        for (index, name) in pool.shards.enumerated() {
            let isOut = register[name].isEjected
            if isOut, outSinceMs[index] == nil {
                outSinceMs[index] = world.nowMs
                hasChanged = true
                world.trace.note("shard: leaves the ring", index)
            } else if !isOut, let sinceMs = outSinceMs[index] {
                outSinceMs[index] = nil
                hasChanged = true
                world.trace.note("shard: is back in the ring", index)
                if onReturn == .flush, backends[index].store.flushedAtMs < sinceMs {
                    ledger.accuse("shard \(index): is back in the ring with what it had before")
                }
            }
        }
        if outSinceMs.count(where: { $0 != nil }) > pool.shards.count * percentMax / 100 {
            ledger.accuse("more shards are out of the ring than \(percentMax) of 100")
        }
    }

    /// All mail is read: all workers have the same ring, that of the shards that are not out.
    func compare(_ kernels: [SimulatedKernel]) {
        guard hasChanged else { return }
        hasChanged = false
        let out = Set(outSinceMs.indices.filter { outSinceMs[$0] != nil })
        let expected = KeyPlaces.places(pool.placement.excluding(out), keyCount: places.homes.count)
        for kernel in kernels where ring(of: kernel) != expected {
            ledger.accuse("worker \(kernel.number): its ring is not that without \(out.sorted())")
        }
    }
}
