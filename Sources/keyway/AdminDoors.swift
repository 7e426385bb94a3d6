// AdminDoors: what the admin port may see and do, made of the rooms that know it. The one place where their words meet
// those of the admin port's JSON.
// Not here: the port itself (Admin), when it opens (Service).

import Admin
import Logging
import Platform
import Routing
import Session
import Telemetry

struct AdminDoors: Sendable {
    private static let hotKeyCount = 20

    /// The workers that serve now; a reload makes others.
    struct Generation: Sendable {
        let proxy: Proxy
        let counters: Counters
        let options: ProxyOptions
    }

    let current: @Sendable () -> Generation
    let sink: LogSink
    let startedAtMs: Int
    let setLevel: @Sendable (Logger.Level) -> Void
    let reload: @Sendable (_ mayMoveKeys: Bool) -> (isApplied: Bool, lines: [String])

    var source: AdminSource {
        AdminSource(
            counters: { current().counters }, facts: facts, pools: pools, hotKeys: hotKeys,
            events: { current().proxy.events.latest($0) }, slowLog: { current().proxy.slowLog.latest($0) },
            route: { pool, key in
                current().proxy.route(key, inPool: pool).map {
                    Overview.Route(
                        pool: $0.pool, key: String(decoding: key, as: UTF8.self), shard: $0.shard, address: $0.address,
                        breaker: $0.breaker.rawValue, hash: Int($0.hash))
                }
            }, ring: { current().proxy.ringOwners(ofPool: $0, count: $1) }, logLevel: { sink.level.rawValue },
            setLogLevel: setLogLevel, act: act,
            reload: {
                let outcome = reload($0)
                return AdminSource.Outcome(isDone: outcome.isApplied, text: outcome.lines.joined(separator: "\n"))
            })
    }

    private func facts() -> ProcessFacts {
        let usage = ProcessUsage.current()
        let now = current()
        var facts = ProcessFacts()
        facts.version = keywayVersion
        facts.ioCore = "epoll"
        facts.startedAtS = Double(startedAtMs) / 1_000
        facts.uptimeSeconds = max(0, Clock.unixMs() - startedAtMs) / 1_000
        facts.connectedClients = now.proxy.connectedClients
        facts.clientsMax = now.options.clientsMax
        facts.memoryLimitBytes = now.options.memoryBytesMax
        facts.residentBytes = usage.residentBytes
        facts.virtualBytes = usage.virtualBytes
        facts.cpuSeconds = usage.cpuSeconds
        facts.openDescriptors = usage.openDescriptors
        facts.descriptorsMax = usage.descriptorsMax
        facts.threads = usage.threads
        facts.shards = now.proxy.status().map { pool in
            pool.shards.map {
                ProcessFacts.Shard(address: $0.address, weight: $0.weight, ringShare: $0.ringShare)
            }
        }
        return facts
    }

    private func pools() -> [Overview.PoolFacts] {
        current().proxy.status().map { pool in
            Overview.PoolFacts(
                name: pool.name, listen: pool.listen, distribution: pool.distribution, hash: pool.hash,
                onFailure: pool.onFailure, ringRevision: pool.ringRevision,
                shards: pool.shards.map {
                    Overview.PoolFacts.Shard(
                        name: $0.name, address: $0.address, weight: $0.weight, ringShare: $0.ringShare,
                        breaker: $0.breaker.rawValue, reason: $0.reason, ring: $0.ring.rawValue)
                })
        }
    }

    private func hotKeys() -> [Overview.HotKey] {
        current().proxy.hotKeys(countMax: Self.hotKeyCount).map {
            Overview.HotKey(
                pool: $0.pool, shard: $0.shard, key: String(decoding: $0.key.key.text, as: UTF8.self),
                readsPerS: $0.key.heat.readsPerSecond, writesPerS: $0.key.heat.writesPerSecond,
                bytesPerS: $0.key.bytesPerSecond, shardShare: $0.key.sharePercent / 100)
        }
    }

    private func setLogLevel(_ word: String) -> AdminSource.Outcome? {
        guard let level = Logger.Level(rawValue: word) else { return nil }
        setLevel(level)
        return AdminSource.Outcome(isDone: true, text: "log level is now \(word)")
    }

    private func act(_ action: AdminSource.ShardAction, _ pool: String, _ shard: String) -> AdminSource.Outcome? {
        let kind: ShardOrder.Kind =
            switch action {
            case .eject: .eject
            case .readmit: .readmit
            }
        return current().proxy.carryOut(kind, pool: pool, shard: shard).map {
            AdminSource.Outcome(isDone: $0.isDone, text: $0.text)
        }
    }
}
