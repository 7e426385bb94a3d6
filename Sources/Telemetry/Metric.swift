// Metric: what one number means. The three metric enums below it are the one table of everything Keyway counts.
// A case is the storage index, its row every other fact; names follow twemproxy wherever twemproxy has the number.
// A row also says what Prometheus calls it, where that is not made of the scope, the name and the unit.
// Not here: where the numbers live (CounterBlock, Counters), how they are shown (StatsJSON, PrometheusText).

/// One row of the metric table.
package struct Metric: Sendable, Equatable {
    package enum Kind: Sendable {
        /// Only grows while the process lives; workers add up.
        case counter
        /// Goes both ways; workers add up.
        case gauge
        /// A point in time, 0 for never; the latest worker's counts.
        case timestamp
        /// Good is 0; the worst worker's counts.
        case state
    }

    /// Several metrics that Prometheus takes for one, told apart by a label.
    package struct Family: Sendable, Equatable {
        package let name: String
        package let label: String
        package let value: String
        package let sentence: String
    }

    package enum Unit: Sendable {
        case count, bytes, microseconds
    }

    package enum Scope: Sendable {
        /// Once per worker thread.
        case worker
        /// Once per worker and pool.
        case pool
        /// Once per worker, pool and server of that pool.
        case server
    }

    /// The name shown everywhere: stats, logs, documentation.
    package let name: String
    package let kind: Kind
    package let unit: Unit
    package let scope: Scope
    /// One sentence for an operator, without the full stop.
    package let sentence: String

    package let family: Family?
    /// For people who look at one process only.
    package let isPrivate: Bool
    private let ownSeries: String?

    /// - Parameter series: Prometheus's name without what stands before and behind all of a scope and kind.
    init(
        _ name: String, _ kind: Kind, _ unit: Unit, _ scope: Scope, _ sentence: String, as series: String? = nil,
        in family: Family? = nil, isPrivate: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.scope = scope
        self.sentence = sentence
        self.family = family
        self.isPrivate = isPrivate
        ownSeries = series
    }

    /// What Prometheus calls it: `keyway_shard_requests_total`.
    package var series: String {
        let scopes: [Scope: String] = [.worker: "worker", .pool: "pool", .server: "shard"]
        var base = family?.name ?? ownSeries ?? name
        if unit == .microseconds, base.hasSuffix("_us") { base = base.dropLast("us".count) + "seconds" }
        return "keyway_\(scopes[scope]!)_\(base)" + (kind == .counter ? "_total" : "")
    }
}

extension Metric.Family {
    static func ended(by value: String) -> Self {
        Self(name: "client_connections_ended", label: "by", value: value, sentence: "Client connections that ended")
    }

    static func error(_ code: String) -> Self {
        Self(name: "errors", label: "code", value: code, sentence: "Error replies made by Keyway, by their first word")
    }

    static func lost(by value: String) -> Self {
        Self(name: "connections_lost", label: "by", value: value, sentence: "Connections to the server that ended")
    }

    static func failed(_ kind: String) -> Self {
        Self(
            name: "failed_requests", label: "kind", value: kind,
            sentence: "Requests for the server that were answered with an error by Keyway")
    }
}

/// A set of metrics that share one block of cells. Raw values count from 0 without a gap.
public protocol MetricSet: RawRepresentable<Int>, CaseIterable, Sendable {}

/// An enum with its rows, one per case, in the order of the cases.
package protocol MetricTable: MetricSet {
    static var rows: [Metric] { get }
}

extension MetricTable {
    /// This metric's row.
    package var row: Metric { Self.rows[rawValue] }
}

/// Counted by a worker for itself, whatever the pool.
public enum WorkerMetric: Int, MetricSet {
    case ticks, events, naps, napUs
    case clientsAccepted, clientsRejected, acceptPauses
    case clientReads, clientWrites, bytesIn, bytesOut
    case bufferBytes, memoryShortages, lineMoves, busySinceMs, kernelShortages
}

extension WorkerMetric: MetricTable {
    package static let rows: [Metric] = [
        Metric("ticks", .counter, .count, .worker, "Turns of the event loop"),
        Metric("events", .counter, .count, .worker, "Ready sockets handled"),
        Metric("naps", .counter, .count, .worker, "Times the loop waited a moment so that more requests share a send"),
        Metric("nap_us", .counter, .microseconds, .worker, "Time spent in those naps"),
        Metric("clients_accepted", .counter, .count, .worker, "Client connections accepted"),
        Metric("clients_rejected", .counter, .count, .worker, "Client connections refused at the client limit"),
        Metric("accept_pauses", .counter, .count, .worker, "Times accepting stopped for lack of descriptors or memory"),
        Metric("client_reads", .counter, .count, .worker, "Receive calls on client sockets"),
        Metric("client_writes", .counter, .count, .worker, "Send calls on client sockets"),
        Metric("bytes_in", .counter, .bytes, .worker, "Bytes received from clients", as: "received_bytes"),
        Metric("bytes_out", .counter, .bytes, .worker, "Bytes sent to clients", as: "sent_bytes"),
        Metric("buffer_bytes", .gauge, .bytes, .worker, "Memory that buffers take, in use and free"),
        Metric("memory_shortages", .counter, .count, .worker, "Times buffers came near memory_limit"),
        Metric(
            "line_moves", .counter, .count, .worker, "Receive and send calls on sockets of servers", as: "server_calls"
        ),
        Metric(
            "busy_since_ms", .timestamp, .count, .worker,
            "When the turn of the loop under way began, by the machine's monotonic clock; 0 while all wait",
            isPrivate: true),
        Metric(
            "kernel_shortages", .counter, .count, .worker,
            "Sends and receives that the kernel had no memory for; they are tried again"),
    ]
}

/// Counted by a worker for each pool. The first six are twemproxy's, in its order.
public enum PoolMetric: Int, MetricSet {
    case clientEof, clientErr, clientConnections, serverEjects, forwardError, fragments
    case commands, localReplies, errorsMade, crossShardRefused, clientsCut, clientsPaused, transactions
    case messages, gutterRequests
    case hotKeys, copies, copyBytes, copyHits, copyMisses, copyFills, copiesDropped, copyPushes
    case spreadCopies, spreadBytes, generations, spreadReads, spreadReadsHome, spreadProofs, spreadReadsStale
    case missLeases, missWaits, missWaitsLate, lateWritesRefused, earlyMisses, staleReads
    case coalescedReads
    case errorsTimeout, errorsConnlost, errorsSharddown, errorsOverloaded, errorsCrossslot, errorsNotsupported
    case errorsToolong, errorsOther, retryBudget
    case copyAgesMs10, copyAgesMs100, copyAgesMs1000, copyAgesMs10000
}

extension PoolMetric: MetricTable {
    /// How many cases, from the first, are twemproxy's.
    package static let twemproxyCount = 6

    package static let rows: [Metric] = [
        Metric(
            "client_eof", .counter, .count, .pool, "Client connections that the client closed", in: .ended(by: "client")
        ),
        Metric(
            "client_err", .counter, .count, .pool, "Client connections that ended in an error", in: .ended(by: "error")
        ),
        Metric("client_connections", .gauge, .count, .pool, "Client connections open now"),
        Metric("server_ejects", .counter, .count, .pool, "Times a server was taken out of the ring", as: "ejections"),
        Metric(
            "forward_error", .counter, .count, .pool, "Requests that could not be forwarded", as: "forward_errors"),
        Metric("fragments", .counter, .count, .pool, "Parts that multi-key requests were split into"),
        Metric("commands", .counter, .count, .pool, "Commands received from clients"),
        Metric("local_replies", .counter, .count, .pool, "Commands answered without a server"),
        Metric("errors_made", .counter, .count, .pool, "Error replies made by Keyway itself", isPrivate: true),
        Metric(
            "cross_shard_refused", .counter, .count, .pool, "Commands refused as their keys are on several shards"),
        Metric("clients_cut", .counter, .count, .pool, "Client connections closed at the output limit"),
        Metric("clients_paused", .counter, .count, .pool, "Times a client was not read until it took its replies"),
        Metric("transactions", .counter, .count, .pool, "Transactions that were sent to be executed"),
        Metric("messages", .counter, .count, .pool, "Published messages given to subscribers"),
        Metric("gutter_requests", .counter, .count, .pool, "Requests that another pool took for a shard that was down"),
        Metric("hot_keys", .gauge, .count, .pool, "Hot keys that a worker may keep copies of, of all workers"),
        Metric("copies", .gauge, .count, .pool, "Replies to reads of hot keys that are kept now"),
        Metric("copy_bytes", .gauge, .bytes, .pool, "Memory of those copies"),
        Metric("copy_hits", .counter, .count, .pool, "Reads that were answered from a copy"),
        Metric("copy_misses", .counter, .count, .pool, "Reads of hot keys that found no copy in use"),
        Metric("copy_fills", .counter, .count, .pool, "Replies that became copies"),
        Metric("copies_dropped", .counter, .count, .pool, "Copies that ended, by a write, their life or a lost line"),
        Metric("copy_pushes", .counter, .count, .pool, "News of changed keys from servers"),
        Metric("spread_copies", .gauge, .count, .pool, "Copies of hot keys on servers, with hot_keys: replicate"),
        Metric("spread_bytes", .gauge, .bytes, .pool, "Memory of those copies that are in use"),
        Metric("generations", .counter, .count, .pool, "Times a hot key's value was copied to several servers"),
        Metric("spread_reads", .counter, .count, .pool, "Reads that a copy on a server was asked"),
        Metric("spread_reads_home", .counter, .count, .pool, "Those of them that their key's own server answered"),
        Metric("spread_proofs", .counter, .count, .pool, "Times a server was asked whether a copy is there"),
        Metric("spread_reads_stale", .counter, .count, .pool, "Reads of copies while their key's server was down"),
        Metric("miss_leases", .counter, .count, .pool, "Clients told that a guarded key is missing, to bring it"),
        Metric("miss_waits", .counter, .count, .pool, "Clients that waited for what another one brings"),
        Metric("miss_waits_late", .counter, .count, .pool, "Those of them that waited in vain"),
        Metric("late_writes_refused", .counter, .count, .pool, "Writes refused as their client's lease was lost"),
        Metric("early_misses", .counter, .count, .pool, "Clients told so before the key ended, to bring it anew"),
        Metric("stale_reads", .counter, .count, .pool, "Reads of ended keys answered with what was read before"),
        Metric("coalesced_reads", .counter, .count, .pool, "Reads answered by the reply to an equal one"),
        Metric("errors_timeout", .counter, .count, .pool, "Error replies TIMEOUT", in: .error("TIMEOUT")),
        Metric("errors_connlost", .counter, .count, .pool, "Error replies CONNLOST", in: .error("CONNLOST")),
        Metric("errors_sharddown", .counter, .count, .pool, "Error replies SHARDDOWN", in: .error("SHARDDOWN")),
        Metric("errors_overloaded", .counter, .count, .pool, "Error replies OVERLOADED", in: .error("OVERLOADED")),
        Metric("errors_crossslot", .counter, .count, .pool, "Error replies CROSSSLOT", in: .error("CROSSSLOT")),
        Metric(
            "errors_notsupported", .counter, .count, .pool, "Error replies NOTSUPPORTED", in: .error("NOTSUPPORTED")),
        Metric("errors_toolong", .counter, .count, .pool, "Error replies TOOLONG", in: .error("TOOLONG")),
        Metric("errors_other", .counter, .count, .pool, "Error replies of other words", in: .error("other")),
        Metric("retry_budget", .gauge, .count, .pool, "Requests that may be sent a second time now, of all workers"),
        Metric("copy_ages_ms10", .counter, .count, .pool, "Copies that ended within 10 ms of being asked for"),
        Metric("copy_ages_ms100", .counter, .count, .pool, "Copies that ended within 100 ms"),
        Metric("copy_ages_ms1000", .counter, .count, .pool, "Copies that ended within a second"),
        Metric("copy_ages_ms10000", .counter, .count, .pool, "Copies that ended within ten seconds"),
    ]
}

/// Counted by a worker for each server of each pool. The first thirteen are twemproxy's, in its order.
public enum ServerMetric: Int, MetricSet {
    case serverEof, serverErr, serverTimedout, serverConnections, serverEjectedAt
    case requests, requestBytes, responses, responseBytes
    case inQueue, inQueueBytes, outQueue, outQueueBytes
    case backendWrites, backendReads, connects, connectFailures
    case requestsTimedOut, lateReplies, retried, overloaded, transfers
    case errorReplies, unwellReplies, breakerState, breakerOpenings, checks, checksFailed, shed, hedged
    case lost, refused, tombstones, ejections, lookups, misses
}

extension ServerMetric: MetricTable {
    /// How many cases, from the first, are twemproxy's.
    package static let twemproxyCount = 13

    package static let rows: [Metric] = [
        Metric("server_eof", .counter, .count, .server, "Connections that the server closed", in: .lost(by: "server")),
        Metric(
            "server_err", .counter, .count, .server, "Connections to the server that ended in an error",
            in: .lost(by: "error")),
        Metric(
            "server_timedout", .counter, .count, .server, "Connections given up as the server was silent too long",
            as: "connections_silent"),
        Metric(
            "server_connections", .gauge, .count, .server, "Connections to the server open now", as: "connections"),
        Metric(
            "server_ejected_at", .timestamp, .microseconds, .server, "When the server last left the ring, since 1970",
            as: "ejected_timestamp_seconds"),
        Metric("requests", .counter, .count, .server, "Requests for the server"),
        Metric("request_bytes", .counter, .bytes, .server, "Bytes of those requests"),
        Metric("responses", .counter, .count, .server, "Replies received from the server"),
        Metric("response_bytes", .counter, .bytes, .server, "Bytes of those replies"),
        Metric("in_queue", .gauge, .count, .server, "Requests not yet written to the server", as: "requests_queued"),
        Metric("in_queue_bytes", .gauge, .bytes, .server, "Bytes of those requests", as: "queued_bytes"),
        Metric(
            "out_queue", .gauge, .count, .server, "Requests written to the server and not yet answered",
            as: "requests_in_flight"),
        Metric("out_queue_bytes", .gauge, .bytes, .server, "Bytes of those requests", as: "in_flight_bytes"),
        Metric("backend_writes", .counter, .count, .server, "Send calls on sockets of the server", as: "sends"),
        Metric("backend_reads", .counter, .count, .server, "Receive calls on sockets of the server", as: "receives"),
        Metric("connects", .counter, .count, .server, "Connections to the server opened"),
        Metric("connect_failures", .counter, .count, .server, "Attempts to connect that failed"),
        Metric(
            "requests_timed_out", .counter, .count, .server, "Requests answered with an error after their timeout",
            in: .failed("late")),
        Metric("late_replies", .counter, .count, .server, "Replies swallowed because their request had timed out"),
        Metric("retried", .counter, .count, .server, "Requests sent a second time", as: "retries"),
        Metric(
            "overloaded", .counter, .count, .server, "Requests refused at the server's limit of requests in flight",
            in: .failed("overloaded")),
        Metric("transfers", .counter, .count, .server, "Large values that got a connection of their own"),
        Metric("error_replies", .counter, .count, .server, "Error replies of the server"),
        Metric("unwell_replies", .counter, .count, .server, "Error replies that are about the server itself"),
        Metric(
            "breaker_state", .state, .count, .server,
            "0 all requests pass, 1 some after a failure, 2 none; of several workers, the worst"),
        Metric("breaker_openings", .counter, .count, .server, "Times requests to the server were stopped"),
        Metric("checks", .counter, .count, .server, "Checks whether the server can serve"),
        Metric("checks_failed", .counter, .count, .server, "Checks that it did not pass"),
        Metric(
            "shed", .counter, .count, .server, "Oldest requests given up as the server's queue was full",
            in: .failed("shed")),
        Metric("hedged", .counter, .count, .server, "Slow reads that were asked a second time"),
        Metric(
            "lost", .counter, .count, .server, "Requests answered with an error as their connection was lost",
            in: .failed("lost")),
        Metric(
            "refused", .counter, .count, .server, "Requests refused as the server was down", in: .failed("refused")),
        Metric("tombstones", .gauge, .count, .server, "Replies that are awaited though their requests have timed out"),
        Metric("ejections", .counter, .count, .server, "Times the server was taken out of the ring"),
        Metric("lookups", .counter, .count, .server, "Keys that GET, GETEX, GETDEL, HGET and MGET asked for"),
        Metric("misses", .counter, .count, .server, "Those of them that were not there", as: "lookup_misses"),
    ]
}
