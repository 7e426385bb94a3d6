// Proxy+Status: what operators may see of the proxy and change about it while it runs. Nothing here touches a worker's
// data: it is read from what the workers publish, and orders go to the first worker by mail.
// Rule: the caller's thread may wait; a worker never does.
// Not here: who may ask (Admin), what the numbers mean (Telemetry).

import Hashing
import Platform
import Routing
import Synchronization
package import Telemetry
import Upstream

extension Proxy {
    /// All pools, in the config's order.
    package func status() -> [PoolStatus] { pools.indices.map(status) }

    private func status(ofPool index: Int) -> PoolStatus {
        let pool = pools[index]
        let ring = ring(ofPool: index)
        let shards = pool.shards.indices.map { shard in
            let entry = shared.register[pool.shards[shard]]
            let breaker = breaker(ofShard: shard, pool: index)
            return PoolStatus.Shard(
                name: pool.shards[shard].name, address: pool.shards[shard].endpoint.text,
                weight: pool.placement.servers[shard].weight, ringShare: ring.placement.share(ofServer: shard),
                breaker: breaker, reason: breaker == .closed ? "" : entry.reason,
                ring: entry.isHeld ? .held : entry.isEjected ? .out : .in)
        }
        let onFailure: String =
            switch pool.failureMode {
            case .failFast: "fail_fast"
            case .remap: "remap"
            case .gutter: "gutter"
            }
        return PoolStatus(
            name: pool.name, listen: listening.indices.contains(index) ? listening[index] : pool.listen.text,
            distribution: pool.placement.distribution.rawValue, hash: pool.placement.hash.rawValue,
            onFailure: onFailure,
            ringRevision: ring.revision, shards: shards)
    }

    /// The worst of the workers'; some client meets it.
    private func breaker(ofShard shard: Int, pool: Int) -> PoolStatus.Breaker {
        let worst =
            (0..<options.workerCount).map {
                counters.server(shard, pool: pool, worker: $0).read(.breakerState)
            }.max() ?? Engine.BreakerGauge.closed
        switch worst {
        case Engine.BreakerGauge.closed: return .closed
        case Engine.BreakerGauge.trickling: return .trickling
        default: return .open
        }
    }

    /// The placement without what is out of the ring, made anew only when that has changed.
    private func ring(ofPool index: Int) -> (revision: Int, placement: Placement) {
        let ejected = shared.register.ejected(of: pools[index].shards)
        return state.withLock { state in
            let known = state.rings[index] ?? (ejected: [], revision: 0, placement: pools[index].placement)
            if known.ejected == ejected { return (known.revision, known.placement) }
            let placement = ejected.isEmpty ? pools[index].placement : pools[index].placement.excluding(ejected)
            state.rings[index] = (ejected, known.revision + 1, placement)
            return (known.revision + 1, placement)
        }
    }

    /// The owners of evenly spaced places on the ring; nil for a pool that there is not, and where the ring has none.
    package func ringOwners(ofPool name: String, count: Int) -> [Int]? {
        guard let index = pools.firstIndex(where: { $0.name == name }) else { return nil }
        let placement = ring(ofPool: index).placement
        guard placement.distribution != .random, placement.valueCount > 0 else { return nil }
        return (0..<count).map { place in
            placement.server(ofValue: UInt32(UInt64(place) * placement.valueCount / UInt64(count)))
        }
    }

    /// Where a key lives now. Nil for a pool that there is not, and for one that gives keys to no certain shard.
    package func route(_ key: [UInt8], inPool name: String) -> KeyRoute? {
        guard let index = pools.firstIndex(where: { $0.name == name }) else { return nil }
        let placement = ring(ofPool: index).placement
        guard placement.distribution != .random else { return nil }
        let shard = (key + [0]).withUnsafeBufferPointer {
            placement.view.serverIndex(key: $0.baseAddress!, count: key.count, random: 0)
        }
        guard shard >= 0 else { return nil }
        let names = pools[index].shards[shard]
        return KeyRoute(
            pool: name, shard: names.name, address: names.endpoint.text, breaker: breaker(ofShard: shard, pool: index),
            hash: placement.hashValue(of: key))
    }

    /// The hottest of each pool that looks for them, at most `countMax` a pool.
    package func hotKeys(countMax: Int) -> [HotKeyStatus] {
        pools.indices.flatMap { index in
            let report = HotKeyReport(shared.hotKeys.entries(ofPool: index).map(\.snapshot), countMax: countMax)
            return report.keys.map {
                HotKeyStatus(pool: pools[index].name, shard: pools[index].shards[$0.shardIndex].name, key: $0)
            }
        }
    }

    package var events: EventLog { shared.events }
    package var slowLog: SlowLog { shared.slowLog }

    /// How long an operator waits for a worker's answer.
    private static let answerTimeoutNs: UInt64 = 2_000_000_000

    /// - Returns: the worker's answer; nil for a pool or shard that there is not.
    package func carryOut(_ kind: ShardOrder.Kind, pool: String, shard: String) -> ShardOrder.Answer? {
        guard let poolIndex = pools.firstIndex(where: { $0.name == pool }),
            let shardIndex = pools[poolIndex].shards.firstIndex(where: {
                $0.name == shard || $0.endpoint.text == shard
            }), let worker = shared.mailboxes.first
        else { return nil }
        let order = ShardOrder(kind, poolIndex: poolIndex, shardIndex: shardIndex)
        worker.post(.order(order))
        return order.wait(deadlineNs: Clock.nowNs() + Self.answerTimeoutNs)
    }
}
