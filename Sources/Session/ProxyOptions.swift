// ProxyOptions: what the process and each pool do, as Session needs it. The program makes these from the settings.
// Not here: the config file (Settings), how backends are reached (Upstream/BackendOptions).

package import Hashing
package import Platform
package import Routing
package import Upstream
package import Wire

/// For the whole process. Sizes in bytes.
package struct ProxyOptions: Sendable {
    package var workerCount = 1
    package var pacing = Pacing.auto
    package var limits = ParserLimits()
    package var clientsMax = 10_000
    /// So many clients leave enough descriptors for the connections to servers; further ones wait to be accepted.
    package var clientDescriptorsMax = Int.max
    /// Above it a client is no longer read until it has taken half of its replies.
    package var outputPauseBytes = 1_048_576
    /// Above it a client is cut.
    package var outputSizeBytesMax = 67_108_864
    /// Above it for so many seconds, too; 0 for never.
    package var outputSoftBytesMax = 0
    package var outputSoftLimitS = 60
    /// For the buffers of all workers together; 0 for no limit.
    package var memoryBytesMax = 0
    /// New clients a second and worker; 0 for no limit.
    package var acceptRateMax = 0
    package var inFlightMax = 4_096
    /// Subscribers with more messages than this waiting are cut at once, with more than that after so many seconds.
    package var listenerHardBytesMax = 33_554_432
    package var listenerSoftBytesMax = 8_388_608
    package var listenerSoftLimitS = 60
    /// Seconds; 0 for never.
    package var clientIdleTimeoutS = 0
    package var drainTimeoutMs = 10_000
    package var slowLog = SlowLogOptions()
    package var version = ""

    package init() {}
}

/// Keyway's own slow log.
package struct SlowLogOptions: Sendable {
    /// A request that takes so long is slow; 0 for none.
    package var slowMs = 100
    package var countMax = 128
    package var showsKeys = false

    package init() {}
}

/// What becomes of the keys of a shard whose breaker is open.
package enum FailureMode: Sendable, Equatable {
    /// No key ever moves.
    case failFast
    /// The others get them. `percentMax`: of the shards that may be out of the ring at a time.
    case remap(percentMax: Int, onReturn: EjectReturn)
    /// Another pool, named, serves them, with `ttlMs` to live for what is written.
    case gutter(pool: String, ttlMs: Int)
}

/// What happens to a shard's old data before it gets its keys back.
package enum EjectReturn: String, Sendable, CaseIterable {
    case keep, flush, hold
}

/// Where a pool listens.
package enum ListenPlace: Sendable, Equatable {
    case tcp(host: String, port: Int)
    /// `mode`: the socket file's permissions; nil leaves them to the umask.
    case unix(path: String, mode: Int?)

    package var text: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path, _): path
        }
    }
}

/// One pool.
package struct PoolOptions: Sendable {
    package let name: String
    package let placement: Placement
    /// In the order of the config file, which is the placement's.
    package let shards: [ShardName]
    package var backend = BackendOptions()
    /// Asked of clients; nil for none.
    package var password: String?
    /// Clients of this pool; 0 for no limit of its own.
    package var clientsMax = 0
    package var keepsAlive = false
    /// Databases that a client may select; with one, it is `backend.database` and clients call it 0.
    package var databaseCount = 16
    /// A transaction may have keys of several shards, and is atomic on each of them only.
    package var splitsTransactions = false
    /// CONFIG SET and RESETSTAT for all shards, and KEYWAY ON.
    package var allowsOperatorCommands = false
    /// The pool is a cluster of one node for cluster clients.
    package var hasClusterFacade = false
    package var failureMode = FailureMode.failFast
    package var hotKeys = HotKeyOptions()
    package var stampede = StampedeOptions()
    package var coalescing = CoalesceMode.off
    /// Commands such as SINTER may read keys of several shards, and Keyway computes.
    package var computesAcrossShards = true
    package var computeBudget = ComputeBudget(fetchedSizeBytesMax: 16_777_216, cellCountMax: 16_777_216)
    package var listen = ListenPlace.tcp(host: "127.0.0.1", port: 0)
    package var backlog = 512

    package init(name: String, placement: Placement, shards: [ShardName]) {
        precondition(placement.servers.count == shards.count && !shards.isEmpty)
        self.name = name
        self.placement = placement
        self.shards = shards
    }
}
