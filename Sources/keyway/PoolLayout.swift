// PoolLayout: one pool with its servers placed on the ring, before anything runs.
// The ring must be twemproxy's to the byte: ring names and weights as the settings cut them, in file order.
// Not here: how points come about (Hashing), how servers are reached (Upstream).

import Hashing
import Routing
import Session
import Settings
import Upstream

struct PoolLayout: Sendable {
    struct Server: Sendable, Equatable {
        let ring: RingServer
        /// The line as configured; the shard's name for an embedded one.
        let text: String
        /// Nil for an embedded server, whose socket is known when it runs.
        let endpoint: Endpoint?
    }

    let settings: PoolSettings
    let distribution: Distribution
    let hash: KeyHash
    /// In file order; never empty.
    let servers: [Server]
    let placement: Placement

    init(_ pool: PoolSettings) throws(AssemblyError) {
        guard let distribution = Distribution(rawValue: pool.distribution), let hash = KeyHash(rawValue: pool.hash)
        else { preconditionFailure("PoolLayout: the settings know a word that Hashing does not") }
        let servers = Self.servers(pool.servers)
        let weightSum = servers.reduce(0) { $0 + $1.ring.weight }
        guard weightSum <= Placement.weightSumMax else {
            throw AssemblyError(
                description: "pool \(pool.name): the weights of its servers add up to \(weightSum), above the maximum "
                    + "\(Placement.weightSumMax); divide them all by the same number")
        }
        settings = pool
        self.distribution = distribution
        self.hash = hash
        self.servers = servers
        placement = Self.placement(pool, distribution, hash, servers, excluding: [])
    }

    /// The placement of the other servers alone.
    ///
    /// - Parameter indices: positions in the file, each a server's.
    func placement(excluding indices: Set<Int>) -> Placement {
        Self.placement(settings, distribution, hash, servers, excluding: indices)
    }

    /// What to start for this pool; nil when its servers run already.
    var embedded: EmbeddedOptions? {
        guard case .embedded(let embedded) = settings.servers else { return nil }
        let persistence: EmbeddedOptions.Persistence =
            switch embedded.persistence {
            case .none: .none
            case .snapshot: .snapshot
            case .append: .append
            }
        return EmbeddedOptions(
            shardCount: embedded.count, memoryBytes: embedded.memoryBytes, eviction: embedded.eviction,
            persistence: persistence, directory: embedded.directory, binary: embedded.binary)
    }

    /// - Parameter shards: the embedded servers, in order; empty for a pool without.
    func options(shards: [EmbeddedShard]) -> PoolOptions {
        // The ring was laid out by these names: another order would give keys to the wrong shard.
        precondition(embedded == nil ? shards.isEmpty : shards.map(\.name) == servers.map(\.ring.name))
        let names = servers.enumerated().map { index, server in
            ShardName(
                pool: settings.name, name: server.ring.name,
                endpoint: server.endpoint ?? .unix(path: shards[index].socketPath))
        }
        var options = PoolOptions(name: settings.name, placement: placement, shards: names)
        options.backend = backend
        options.hotKeys = hotKeys
        options.stampede = stampede
        options.coalescing = .init(rawValue: settings.coalesce.rawValue)!
        options.password = settings.redisAuth
        options.clientsMax = settings.clientConnectionCountMax
        options.keepsAlive = settings.hasTCPKeepalive
        options.databaseCount = databaseCount
        options.splitsTransactions = settings.splitsTransactions
        options.allowsOperatorCommands = settings.allowsOperatorCommands
        options.hasClusterFacade = settings.hasClusterFacade
        options.computesAcrossShards = settings.computesAcrossShards
        options.computeBudget = ComputeBudget(
            fetchedSizeBytesMax: settings.computeSizeBytes, cellCountMax: settings.computeCellCount)
        switch settings.reliability.failureMode {
        case .failFast: options.failureMode = .failFast
        case .remap(let percent, let onReturn):
            options.failureMode = .remap(
                percentMax: percent, onReturn: .init(rawValue: onReturn.rawValue)!)
        case .gutter(let pool, let ttlMs): options.failureMode = .gutter(pool: pool, ttlMs: ttlMs)
        }
        options.backlog = settings.backlog
        options.listen =
            switch settings.listen {
            case .tcp(let host, let port): .tcp(host: host, port: port)
            case .unix(let path, let mode): .unix(path: path, mode: mode)
            }
        return options
    }

    private var backend: BackendOptions {
        var options = BackendOptions()
        options.timeoutMs = settings.timeoutMs
        options.connectTimeoutMs = settings.connectTimeoutMs
        options.reconnectBackoffMs = settings.reconnectBackoffMs
        options.reconnectBackoffMaxMs = settings.reconnectBackoffMaxMs
        options.connectionCount = settings.serverConnectionCount
        options.transferCountMax = settings.transferConnectionCountMax
        options.leaseCountMax = settings.leasedConnectionCountMax
        options.queueSizeBytesMax = settings.serverQueueLimitBytes
        options.inFlightMax = settings.serverInFlightCountMax
        options.tombstonesMax = settings.tombstoneCountMax
        // An embedded server is reached by its socket alone and has no password: this one is for clients.
        options.password = embedded == nil ? settings.redisAuth : nil
        options.database = settings.redisDatabase
        options.preconnects = settings.preconnects
        let reliability = settings.reliability
        options.readTimeoutMs = reliability.readTimeoutMs
        options.writeTimeoutMs = reliability.writeTimeoutMs
        options.scriptTimeoutMs = reliability.scriptTimeoutMs
        options.queueTimeoutMs = reliability.queueTimeoutMs
        options.breaker = Self.breaker(reliability)
        options.expectedRole = .init(rawValue: reliability.expectedRole.rawValue)!
        options.checkIntervalMs = reliability.checkIntervalMs
        options.hostRefreshMs = reliability.hostRefreshMs
        options.repeatPercent = reliability.retryPercent
        options.repeatsPerSecond = reliability.retriesPerSecond
        options.hedgesReads = reliability.hedgesReads
        options.shedsOldest = reliability.shedsOldest
        options.followsSpeed = reliability.followsSpeed
        return options
    }

    private var stampede: StampedeOptions {
        let settings = settings.stampede
        var options = StampedeOptions()
        options.prefixes = settings.prefixes.map { Array($0.utf8) }
        options.waitMs = settings.waitMs
        options.leaseMs = settings.leaseMs
        options.waiterCountMax = settings.waiterCountMax
        options.refusesLateWrites = settings.refusesLateWrites
        options.staleMs = settings.staleMs
        options.staleSizeBytesMax = settings.staleSizeBytes
        options.staleCountMax = settings.staleKeyCount
        options.earlyFactor = Double(settings.earlyPercent) / 100
        options.jitterPercent = settings.jitterPercent
        return options
    }

    private var hotKeys: HotKeyOptions {
        let settings = settings.hotKeys
        var options = HotKeyOptions()
        options.mode = .init(rawValue: settings.mode.rawValue)!
        options.policy.requestsPerSecondMin = Double(settings.requestsPerSecondMin)
        options.policy.sharePercentMin = Double(settings.sharePercentMin)
        options.policy.readsPerWriteMin = Double(settings.readsPerWriteMin)
        options.policy.includedPrefixes = settings.includedPrefixes.map { Array($0.utf8) }
        options.policy.excludedPrefixes = settings.excludedPrefixes.map { Array($0.utf8) }
        options.keyCountMax = settings.keyCountMax
        options.replyBytesMax = settings.replyBytesMax
        options.sizeBytesMax = settings.copyBytesMax
        options.lifeMsMax = settings.lifeMsMax
        options.leaseMs = settings.leaseMs
        options.spreadCount = settings.spreadCount
        options.staleMs = settings.staleMs
        return options
    }

    private static func breaker(_ settings: ReliabilitySettings) -> BreakerPolicy {
        var policy = BreakerPolicy()
        policy.failureCountMax = settings.breakerFailureCountMax
        policy.errorPercentMax = settings.breakerErrorPercentMax
        policy.windowMs = UInt64(settings.breakerWindowMs)
        policy.requestCountMin = settings.breakerRequestCountMin
        policy.latencyMsMax = UInt64(settings.breakerLatencyMsMax)
        policy.openMs = UInt64(max(1, settings.breakerOpenMs))
        policy.openMsMax = UInt64(settings.breakerOpenMsMax)
        policy.trickleMs = UInt64(settings.breakerTrickleMs)
        policy.checksToOpen = settings.checksToOpen
        policy.checksToClose = settings.checksToClose
        return policy
    }

    private var databaseCount: Int {
        if settings.databaseCount > 0 { return settings.databaseCount }
        return settings.redisDatabase == 0 ? Self.serversOwnDatabaseCount : 1
    }

    /// What Valkey has unless its config says otherwise.
    private static let serversOwnDatabaseCount = 16

    /// What EmbeddedSupervisor calls its servers.
    private static func embeddedName(_ index: Int) -> String { "shard-\(index)" }

    private static func servers(_ settings: PoolSettings.Servers) -> [Server] {
        switch settings {
        case .list(let servers):
            servers.map { server in
                let endpoint: Endpoint =
                    switch server.address {
                    case .tcp(let host, let port): .tcp(host: host, port: port)
                    case .unix(let path): .unix(path: path)
                    }
                return Server(
                    ring: RingServer(name: server.ringName, weight: server.weight), text: server.text,
                    endpoint: endpoint)
            }
        case .embedded(let embedded):
            (0..<embedded.count).map { index in
                let name = embeddedName(index)
                return Server(ring: RingServer(name: name, weight: 1), text: name, endpoint: nil)
            }
        }
    }

    private static func placement(
        _ pool: PoolSettings, _ distribution: Distribution, _ hash: KeyHash, _ servers: [Server],
        excluding indices: Set<Int>
    ) -> Placement {
        Placement(
            distribution: distribution, hash: hash, charSign: pool.isCharSigned ? .signed : .unsigned,
            hashTag: pool.hashTag.flatMap(HashTag.init), servers: servers.map(\.ring), excluding: indices)
    }
}
