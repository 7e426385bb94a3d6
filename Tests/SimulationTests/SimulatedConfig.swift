// SimulatedConfig: what the workers of one generation are made from; drawn, and drawn anew for those who follow, but
// for what decides where keys are.
// Not here: what goes wrong (FaultProfile).

import Hashing
import Routing
import Session
import Upstream

struct SimulatedConfig {
    let options: ProxyOptions
    let backend: BackendOptions
    let splitsTransactions: Bool
    let distribution: Distribution
    /// Of hot keys; see HotKeyProfile.
    let spreadsCopies: Bool
    /// Who misses one waits for who brings it; see StampedeProfile.
    let guardsKeys: Bool

    init(_ profile: FaultProfile, dice: inout Dice) {
        options = profile.options(workerCount: profile.workerCount, dice: &dice)
        backend = profile.backend(dice: &dice)
        splitsTransactions = dice.below(4) == 0
        distribution = dice.below(2) == 0 ? .modula : .ketama
        spreadsCopies = profile.hot.spreads
        guardsKeys = profile.hot.keyCount > 0 && profile.hot.stampede.isOn
    }

    /// - Parameter before: whose keys are where this one has them, too.
    init(following before: SimulatedConfig, _ profile: FaultProfile, dice: inout Dice) {
        options = profile.options(workerCount: dice.between(1, 2), dice: &dice)
        var backend = profile.backend(dice: &dice)
        // Clients keep theirs, and only those of the pool's own are served copies.
        if profile.hot.keyCount > 0 { backend.database = before.backend.database }
        self.backend = backend
        splitsTransactions = before.splitsTransactions
        distribution = before.distribution
        spreadsCopies = profile.hot.keyCount > 0 && dice.below(2) == 0
        guardsKeys = profile.hot.keyCount > 0 && profile.hot.stampede.isOn && dice.below(4) > 0
    }

    /// Long enough for every deadline, silence and two rests of a breaker, and for a drain.
    var boundMs: UInt64 {
        UInt64(
            8 * backend.timeoutMs + 4 * backend.connectTimeoutMs + 4 * backend.reconnectBackoffMaxMs
                + 2 * options.drainTimeoutMs + 70_000)
    }

    /// The pool that clients use, and where there is one, the pool that stands in for its shards.
    func pools(_ profile: FaultProfile) -> [PoolOptions] {
        var main = pool("main", shards: 0..<profile.shardCount, distribution)
        main.splitsTransactions = splitsTransactions
        main.failureMode = profile.failureMode
        main.allowsOperatorCommands = true
        main.hotKeys = hotKeys(profile)
        if guardsKeys { main.stampede = profile.hot.stampede.options(Self.hotNames(profile)) }
        guard profile.spareCount > 0 else { return [main] }
        let spares = profile.shardCount..<profile.shardCount + profile.spareCount
        return [main, pool("spare", shards: spares, .modula)]
    }

    private static func hotNames(_ profile: FaultProfile) -> [[UInt8]] {
        (0..<profile.hot.keyCount).map { SimulatedTopic(.channel, key: $0).name }
    }

    /// A key is hot as soon as it has been asked for a few times.
    private func hotKeys(_ profile: FaultProfile) -> HotKeyOptions {
        var hotKeys = HotKeyOptions()
        guard profile.hot.keyCount > 0, !guardsKeys || profile.hot.stampede.makesCopies else { return hotKeys }
        hotKeys.mode = spreadsCopies ? .replicate : .cache
        hotKeys.policy.requestsPerSecondMin = 20
        hotKeys.policy.sharePercentMin = 0
        hotKeys.policy.includedPrefixes = Self.hotNames(profile)
        hotKeys.leaseMs = profile.hot.leaseMs
        hotKeys.replyBytesMax = profile.hot.replyBytesMax
        hotKeys.lifeMsMax = 1_000
        return hotKeys
    }

    private func pool(_ name: String, shards: Range<Int>, _ distribution: Distribution) -> PoolOptions {
        let servers = shards.map { RingServer(name: "s\($0)", weight: 1) }
        var pool = PoolOptions(
            name: name,
            placement: Placement(
                distribution: distribution, hash: .crc16, charSign: .signed, hashTag: .braces, servers: servers),
            shards: zip(shards, servers).map { index, server in
                ShardName(pool: name, name: server.name, endpoint: .unix(path: "/nowhere/\(index)"))
            })
        pool.backend = backend
        return pool
    }
}
