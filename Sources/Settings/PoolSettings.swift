// PoolSettings: one pool, which is one top-level key of the file other than `keyway:`.
// The keys are twemproxy's with their meaning, and Keyway's own. Defaults and ranges are in SettingsTable.
// Not here: what a hash or a distribution computes; they stay words that SettingsTable lists.

/// One pool.
package struct PoolSettings: Sendable, Equatable {
    package enum Servers: Sendable, Equatable {
        /// In file order; never empty; ring names are unique.
        case list([ServerSettings])
        case embedded(EmbeddedSettings)

        package var count: Int {
            switch self {
            case .list(let servers): servers.count
            case .embedded(let embedded): embedded.count
            }
        }
    }

    package var name: String
    /// Where the pool's name stands, from 1; 0 without a file.
    package var line: Int
    package var listen: ListenAddress
    package var servers: Servers

    /// One of twemproxy's 12.
    package var hash: String
    /// ketama, modula, random or slots
    package var distribution: String
    /// Exactly two bytes, or nil.
    package var hashTag: String?
    /// How hashes widen a byte above 127: as x86 (signed) or as ARM Linux (unsigned).
    package var isCharSigned: Bool

    /// 0 means no limit.
    package var timeoutMs: Int
    package var connectTimeoutMs: Int
    package var backlog: Int
    /// 0 means no limit but the process's.
    package var clientConnectionCountMax: Int
    package var hasTCPKeepalive: Bool
    /// Nil when neither servers nor clients need a password.
    package var redisAuth: String?
    package var redisDatabase: Int
    package var preconnects: Bool
    package var reliability: ReliabilitySettings
    package var hotKeys: HotKeySettings
    package var stampede: StampedeSettings
    package var coalesce: CoalesceSetting
    package var serverConnectionCount: Int
    package var serverQueueLimitBytes: Int
    package var serverInFlightCountMax: Int
    package var reconnectBackoffMs: Int
    /// At least `reconnectBackoffMs`.
    package var reconnectBackoffMaxMs: Int
    package var tombstoneCountMax: Int
    package var transferConnectionCountMax: Int
    package var leasedConnectionCountMax: Int
    /// 0: as many as servers have, but only the one where `redisDatabase` names one.
    package var databaseCount: Int
    /// Transactions may have keys of several shards.
    package var splitsTransactions: Bool
    package var allowsOperatorCommands: Bool
    package var hasClusterFacade: Bool
    package var computesAcrossShards: Bool
    package var computeSizeBytes: Int
    package var computeCellCount: Int
}
