// BackendOptions: how a pool's backends are reached and how much may wait for them.
// Not here: which keys they hold (Routing), what clients may do (Session).

package import Routing

/// One pool's settings for its backend connections. Times are in milliseconds, 0 for none where that is allowed.
package struct BackendOptions: Sendable {
    /// From a request's arrival to its reply; 0 waits for ever.
    package var timeoutMs = 5_000
    /// The same for one kind of request; nil: as `timeoutMs`.
    package var readTimeoutMs: Int?
    package var writeTimeoutMs: Int?
    package var scriptTimeoutMs: Int?
    /// For what could not be written to its server; 0 has no limit of its own.
    package var queueTimeoutMs = 0
    package var connectTimeoutMs = 1_000
    package var reconnectBackoffMs = 50
    package var reconnectBackoffMaxMs = 2_000
    /// Shared connections per shard and worker.
    package var connectionCount = 1
    /// Connections per shard and worker for values too large for a shared one.
    package var transferCountMax = 32
    /// Connections per shard and worker that clients may have to themselves at a time.
    package var leaseCountMax = 1_024
    /// Bytes that may wait to be written to one connection.
    package var queueSizeBytesMax = 67_108_864
    /// Requests that may wait for replies on one connection.
    package var inFlightMax = 65_536
    /// Late replies that one connection may still owe before it is replaced.
    package var tombstonesMax = 1_024
    package var password: String?
    package var database = 0
    /// Connects at start and not with the first request.
    package var preconnects = false
    package var breaker = BreakerPolicy()
    package var expectedRole = ExpectedRole.any
    /// Between two checks of a server that seems well; 0 for none.
    package var checkIntervalMs = 0
    /// Between two look-ups of a server's host name while its connections stand; 0 for none.
    package var hostRefreshMs = 0
    /// Requests that may be sent a second time: of a hundred, and each second; both 0 for none.
    package var repeatPercent = 20
    package var repeatsPerSecond = 10
    /// A read that takes longer than 95 of 100 is asked twice.
    package var hedgesReads = false
    /// A full queue gives up its oldest requests and not its newest.
    package var shedsOldest = false
    /// `inFlightMax` is only the ceiling of a limit that follows each server's speed.
    package var followsSpeed = false

    package init() {}
}
