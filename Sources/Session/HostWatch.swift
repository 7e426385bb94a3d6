// HostWatch: one thread that looks the servers' host names up again and again, so that a name which leads elsewhere
// (a failover, a new machine) takes its connections along.
// Rule: an address counts as left when the last two look-ups lack it, and a look-up that fails says nothing: name
// servers that take turns, or are away, cost no connection.
// Not here: what a worker does about it (Engine+Silence), the first look-up of a connection (Resolver).

import Logging
import Platform
import Synchronization
import Telemetry
import Upstream

/// The addresses of one host name as its last look-ups gave them.
struct HostAddresses {
    private var before: [SocketAddress] = []
    private var latest: [SocketAddress] = []
    /// Those that still count; empty while there was one look-up only.
    private(set) var counting: [SocketAddress] = []

    /// - Returns: those that count no more.
    mutating func found(_ addresses: [SocketAddress]) -> [SocketAddress] {
        before = latest
        latest = addresses
        let counted = counting
        counting = before.isEmpty ? [] : before.filter { !addresses.contains($0) } + addresses
        return counted.filter { !counting.contains($0) }
    }
}

final class HostWatch: Sendable {
    struct Host: Sendable {
        let poolIndex: Int
        let shardIndex: Int
        let name: ShardName
        let intervalMs: Int
    }

    private let isStopped = Atomic<Bool>(false)
    private static let lookEveryUs = 500_000

    /// - Returns: nil when there is nothing to watch, or no thread to be had; the proxy works without.
    static func start(_ pools: [PoolOptions], shared: SharedState, log: Logger) -> HostWatch? {
        let hosts = pools.enumerated().flatMap { poolIndex, pool in
            pool.shards.enumerated().compactMap { shardIndex, shard -> Host? in
                let intervalMs = pool.backend.hostRefreshMs
                guard intervalMs > 0, shard.endpoint.numericAddress == nil else { return nil }
                return Host(poolIndex: poolIndex, shardIndex: shardIndex, name: shard, intervalMs: intervalMs)
            }
        }
        if hosts.isEmpty { return nil }
        let watch = HostWatch()
        do throws(SystemError) {
            let thread = try WorkerThread.start(name: "keyway-hosts") { watch.run(hosts, shared, log) }
            WorkerThread.detach(thread)
            return watch
        } catch {
            log.warning(
                "a host name that leads elsewhere is noticed only when its server closes the connection: \(error)")
            return nil
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    private func run(_ hosts: [Host], _ shared: SharedState, _ log: Logger) {
        var addresses = Array(repeating: HostAddresses(), count: hosts.count)
        var lookAtMs = Array(repeating: UInt64(0), count: hosts.count)
        while true {
            for (index, host) in hosts.enumerated() {
                guard !isStopped.load(ordering: .relaxed) else { return }
                let nowMs = Clock.nowNs() / 1_000_000
                guard nowMs >= lookAtMs[index] else { continue }
                lookAtMs[index] = nowMs + UInt64(host.intervalMs)
                guard let found = try? host.name.endpoint.addresses() else { continue }
                let left = addresses[index].found(found)
                if !left.isEmpty { tell(host, left: left, now: found, shared, log) }
                post(host, addresses[index].counting, shared)
            }
            Clock.nap(microseconds: Self.lookEveryUs)
        }
    }

    private func post(_ host: Host, _ addresses: [SocketAddress], _ shared: SharedState) {
        if addresses.isEmpty { return }
        for box in shared.mailboxes {
            box.post(.hostFound(poolIndex: host.poolIndex, shardIndex: host.shardIndex, addresses: addresses))
        }
    }

    private func tell(
        _ host: Host, left: [SocketAddress], now: [SocketAddress], _ shared: SharedState, _ log: Logger
    ) {
        let (old, new) = (left.map(\.text).joined(separator: ", "), now.map(\.text).joined(separator: ", "))
        let text = "its host name leads to \(new) and no longer to \(old); its connections move there"
        log.notice("shard \(host.name.text): \(text)")
        shared.events.add(Event(atMs: Clock.unixMs(), subject: host.name.text, text: text))
    }
}
