// Overview: everything that the page and `keyway top` show, as one JSON object. Its keys are these names in snake case;
// ADMIN.md documents each. Rates are of the last second, times in microseconds, shares 0 ... 1.
// A key may be added; one that is here keeps its name and meaning.
// Not here: how it is made (OverviewMaker).

package struct Overview: Codable, Sendable {
    var keyway: Process
    var traffic: Traffic
    var memory: Memory
    var workers: [Worker]
    var pools: [Pool]
    var hotKeys: [HotKey]
    var slowLog: [Slow]
    var events: [Happening]

    struct Process: Codable, Sendable {
        var version: String
        var processId: Int
        var atMs: Int
        var uptimeS: Int
        /// Why it is not, nil where it is.
        var notReady: String?
        var clients: Int
        var clientsMax: Int
        var logLevel: String
        /// POST is allowed to whoever has the token.
        var hasActions: Bool
        var cpuShare: Double
    }

    struct Traffic: Codable, Sendable {
        var commandsPerS = 0.0
        var errorsPerS = 0.0
        var bytesInPerS = 0.0
        var bytesOutPerS = 0.0
        /// Of the keys that were asked for; nil where none was.
        var hitShare: Double?
        /// Calls of the kernel to send and receive, for each command.
        var callsPerCommand: Double?
        var latency = Latency()
    }

    struct Latency: Codable, Sendable {
        var count = 0
        var p50Us: Double?
        var p90Us: Double?
        var p99Us: Double?
        var p999Us: Double?
    }

    struct Memory: Codable, Sendable {
        var residentBytes: Int
        var bufferBytes: Int
        /// 0 for none.
        var limitBytes: Int
        var copyBytes: Int
    }

    struct Worker: Codable, Sendable {
        var busyShare: Double
        var loop: Latency
        var eventsPerTurn: Double?
        var bytesPerTurn: Double?
        var bufferBytes: Int
    }

    struct Pool: Codable, Sendable {
        var name: String
        var listen: String
        var distribution: String
        var hash: String
        var onFailure: String
        var ringRevision: Int
        var clients: Int
        var commandsPerS: Double
        var errorsPerS: Double
        var hitShare: Double?
        var latency: Latency
        /// Since the start, by their first word.
        var errors: [String: Int]
        var retryBudget: Int
        var copyHitsPerS: Double
        var missWaitsPerS: Double
        var commands: [Command]
        var shards: [Shard]
    }

    struct Command: Codable, Sendable {
        var name: String
        /// Since the start.
        var calls: Int
        var perS: Double
        var latency: Latency
    }

    struct Shard: Codable, Sendable {
        var name: String
        var address: String
        var weight: Int
        var ringShare: Double
        var breaker: String
        var reason: String
        var ring: String
        var requestsPerS: Double
        /// Of the pool's requests.
        var trafficShare: Double
        var failuresPerS: Double
        var inFlight: Int
        var queued: Int
        var connections: Int
        var hitShare: Double?
        var queue: Latency
        var backend: Latency
        var tombstones: Int
        var retries: Int
        var ejections: Int
        var breakerOpenings: Int
    }

    struct Slow: Codable, Sendable {
        var id: Int
        var atMs: Int
        var pool: String
        var shard: String
        var command: String
        var key: String
        var client: Int
        var totalUs: Int
        var queueUs: Int
        var backendUs: Int
        var mergeUs: Int
        var outcome: String
    }

    struct Happening: Codable, Sendable {
        var atMs: Int
        var subject: String
        var text: String
    }
}

// MARK: What the program tells

extension Overview {
    package struct PoolFacts: Sendable {
        package struct Shard: Sendable {
            package var name: String
            package var address: String
            package var weight: Int
            package var ringShare: Double
            /// `closed`, `trickling` or `open`.
            package var breaker: String
            package var reason: String
            /// `in`, `out` or `held`.
            package var ring: String

            package init(
                name: String, address: String, weight: Int, ringShare: Double, breaker: String, reason: String,
                ring: String
            ) {
                self.name = name
                self.address = address
                self.weight = weight
                self.ringShare = ringShare
                self.breaker = breaker
                self.reason = reason
                self.ring = ring
            }

            /// It takes requests.
            var isServing: Bool { breaker != "open" }
        }

        package var name: String
        package var listen: String
        package var distribution: String
        package var hash: String
        package var onFailure: String
        package var ringRevision: Int
        package var shards: [Shard]

        package init(
            name: String, listen: String, distribution: String, hash: String, onFailure: String, ringRevision: Int,
            shards: [Shard]
        ) {
            self.name = name
            self.listen = listen
            self.distribution = distribution
            self.hash = hash
            self.onFailure = onFailure
            self.ringRevision = ringRevision
            self.shards = shards
        }
    }

    package struct HotKey: Codable, Sendable {
        package var pool: String
        package var shard: String
        package var key: String
        package var readsPerS: Double
        package var writesPerS: Double
        package var bytesPerS: Double
        /// Of its shard's requests.
        package var shardShare: Double

        package init(
            pool: String, shard: String, key: String, readsPerS: Double, writesPerS: Double, bytesPerS: Double,
            shardShare: Double
        ) {
            self.pool = pool
            self.shard = shard
            self.key = key
            self.readsPerS = readsPerS
            self.writesPerS = writesPerS
            self.bytesPerS = bytesPerS
            self.shardShare = shardShare
        }
    }

    package struct Route: Codable, Sendable {
        package var pool: String
        package var key: String
        package var shard: String
        package var address: String
        package var breaker: String
        package var hash: Int

        package init(pool: String, key: String, shard: String, address: String, breaker: String, hash: Int) {
            self.pool = pool
            self.key = key
            self.shard = shard
            self.address = address
            self.breaker = breaker
            self.hash = hash
        }
    }
}
