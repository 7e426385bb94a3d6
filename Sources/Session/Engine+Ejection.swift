// Engine+Ejection: in a pool with `on_failure: remap` a failing shard leaves the ring, and the others get its keys.
// All workers of the process place keys alike: a shard is out while any worker's breaker is open, and the ring without
// it reaches every worker by mail. A worker that ends leaves what it called down to those who stay.
// The danger is old data: what was written elsewhere meanwhile is not on the shard when it returns, and what it holds
// is from before. `eject_return` says what is done about that: keep (as twemproxy), flush (the shard is emptied before
// it returns), or hold (it stays out until an operator readmits it).
// Not here: when a breaker opens (Routing/Health), how a ring is made (Hashing/Placement).

import Hashing
import Logging
import Platform
import Telemetry
import Upstream

extension Engine {
    /// Nil: shards of this pool never leave the ring.
    private func remapping(of shard: ShardRef) -> (percentMax: Int, onReturn: EjectReturn)? {
        guard case .remap(let percentMax, let onReturn) = pools[shard.pointee.poolIndex].options.failureMode else {
            return nil
        }
        return (percentMax, onReturn)
    }

    func flushesBeforeReturn(_ shard: ShardRef) -> Bool {
        remapping(of: shard)?.onReturn == .flush && shared.register[name(of: shard)].isEjected
    }

    /// Its breaker has opened.
    func eject(_ shard: ShardRef) {
        guard let remapping = remapping(of: shard) else { return }
        let options = pools[shard.pointee.poolIndex].options
        // Somebody must have the keys.
        let countMax = min(options.shards.count * remapping.percentMax / 100, options.shards.count - 1)
        let isEjected = shared.register[name(of: shard)].isEjected
        guard let ring = shared.register.eject(shard.pointee.index, of: options.shards, countMax: countMax) else {
            if !isEjected {
                tell(shard, .warning, "stays in the ring: \(countMax) shards may be out (eject_max_percent)")
            }
            return
        }
        if remapping.onReturn == .hold { shared.register.hold(name(of: shard), true) }
        left(ring, shard, "left the ring")
    }

    private func left(_ ring: ShardRegister.Ring, _ shard: ShardRef, _ text: String) {
        let shardCount = pools[shard.pointee.poolIndex].shardCount
        shard.pointee.counters.add(.ejections)
        shard.pointee.counters.set(.serverEjectedAt, Clock.unixMs() * 1_000)
        pools[shard.pointee.poolIndex].counters.add(.serverEjects)
        tell(shard, .warning, "\(text); \(shardCount - ring.ejected.count) shards have its keys until it is back")
        tell(ring, poolIndex: shard.pointee.poolIndex)
    }

    /// It stays out until somebody readmits it, whatever its health.
    ///
    /// - Returns: why not; nil when it has left.
    func leaveRing(_ shard: ShardRef, heldBy whom: String) -> String? {
        let shards = pools[shard.pointee.poolIndex].options.shards
        if shared.register[name(of: shard)].isEjected {
            shared.register.hold(name(of: shard), true)
            return nil
        }
        guard let ring = shared.register.eject(shard.pointee.index, of: shards, countMax: shards.count - 1) else {
            return "is the last one in the ring"
        }
        shared.register.hold(name(of: shard), true)
        left(ring, shard, "taken out of the ring by \(whom)")
        return nil
    }

    /// Its check has passed in this worker; the last one brings it back.
    func readmit(_ shard: ShardRef) {
        guard remapping(of: shard) != nil, shared.register[name(of: shard)].outCount == 0 else { return }
        returnToRing(shard)
    }

    /// It has its keys again, if it was out and is not held.
    func returnToRing(_ shard: ShardRef) {
        let options = pools[shard.pointee.poolIndex].options
        guard let ring = shared.register.readmit(shard.pointee.index, of: options.shards) else {
            if shared.register[name(of: shard)].isHeld {
                tell(
                    shard, .warning, "is well again and held out of the ring until it is readmitted (KEYWAY READMIT)")
            }
            return
        }
        tell(
            shard, .warning,
            "is back in the ring\(remapping(of: shard)?.onReturn == .keep ? "; its data may be old" : "")")
        tell(ring, poolIndex: shard.pointee.poolIndex)
    }

    /// This worker ends. A shard that it called down would be out for ever for those who stay.
    func leaveShards() {
        for pool in pools {
            for index in 0..<pool.shardCount where pool.shards[index].isOut { leave(pool.shards + index) }
        }
    }

    private func leave(_ shard: ShardRef) {
        _ = shared.register.closed(name(of: shard))
        guard shared.register[name(of: shard)].isEjected else { return }
        let message = Message.shardLeft(poolIndex: shard.pointee.poolIndex, shardIndex: shard.pointee.index)
        for (index, box) in shared.mailboxes.enumerated() where index != workerIndex { box.post(message) }
    }

    /// Made once, for all workers.
    private func tell(_ ring: ShardRegister.Ring, poolIndex: Int) {
        let placement = pools[poolIndex].options.placement.excluding(ring.ejected)
        for box in shared.mailboxes {
            box.post(.ringChanged(poolIndex: poolIndex, placement, revision: ring.revision))
        }
    }

    /// From now on keys are placed so, unless a later ring came first.
    mutating func use(_ placement: Placement, poolIndex: Int, revision: Int) {
        guard revision > pools[poolIndex].ringRevision else { return }
        pools[poolIndex].ringRevision = revision
        // The view lives as long as the placement that the pool holds.
        (poolViews + poolIndex).pointee.placement = placement.view
        pools[poolIndex].placement = placement
        forgetHotKeys(ofPool: poolIndex)
        dropKeptValues(ofPool: poolIndex)
    }
}
