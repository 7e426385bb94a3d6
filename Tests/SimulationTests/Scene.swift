// Scene: what the real engine of a run is given: its pools, and what its workers share.
// Not here: what goes wrong (FaultProfile), the run (Simulation).

import Hashing
import Logging
import Platform
import Routing
import Telemetry
import Upstream

@testable import Session

enum Scene {
    /// The pool that clients use, and where there is one, the pool that stands in for its shards.
    static func pools(
        _ profile: FaultProfile, _ backend: BackendOptions, splitsTransactions: Bool, dice: inout Dice
    ) -> [PoolOptions] {
        let distribution: Distribution = dice.below(2) == 0 ? .modula : .ketama
        var main = pool("main", shards: 0..<profile.shardCount, distribution)
        main.backend = backend
        main.splitsTransactions = splitsTransactions
        main.failureMode = profile.failureMode
        main.allowsOperatorCommands = true
        guard profile.spareCount > 0 else { return [main] }
        let spares = profile.shardCount..<profile.shardCount + profile.spareCount
        var spare = pool("spare", shards: spares, .modula)
        spare.backend = backend
        return [main, spare]
    }

    private static func pool(_ name: String, shards: Range<Int>, _ distribution: Distribution) -> PoolOptions {
        let servers = shards.map { RingServer(name: "s\($0)", weight: 1) }
        return PoolOptions(
            name: name,
            placement: Placement(
                distribution: distribution, hash: .crc16, charSign: .signed, hashTag: .braces, servers: servers),
            shards: zip(shards, servers).map { index, server in
                ShardName(pool: name, name: server.name, endpoint: .unix(path: "/nowhere/\(index)"))
            })
    }

    static func shared(_ options: ProxyOptions) throws -> SharedState {
        let shared = SharedState(clientsMax: options.clientsMax)
        shared.mailboxes = try (0..<options.workerCount).map { _ in try Mailbox() }
        return shared
    }

    static func engine(
        _ options: ProxyOptions, _ pools: [PoolOptions], workerIndex: Int, shared: SharedState,
        commandTable: CommandTable
    ) -> Engine {
        let layout = TelemetryLayout(
            workerCount: options.workerCount,
            pools: pools.map { .init(name: $0.name, servers: $0.shards.map(\.name)) })
        var log = Logger(label: "simulation")
        log.logLevel = .critical
        return Engine(
            options: options, pools: pools, workerIndex: workerIndex, counters: Counters(layout: layout),
            shared: shared, commandTable: commandTable, nowMs: 10_000, log: log)
    }
}
