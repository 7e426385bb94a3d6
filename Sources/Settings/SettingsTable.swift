// SettingsTable: every key of a config file, one row each.
// The parser, its defaults, its hints and the test of conf/reference.yml are made from these rows, so a fact
// stands here and nowhere else. Not here: rules between two keys (SettingsReader).

/// One key.
package struct SettingsRow: Sendable {
    /// Which map of the file a key belongs to.
    package enum Scope: Sendable, Equatable, CaseIterable {
        /// Under the reserved top-level key `keyway:`.
        case process
        /// Under a pool's name.
        case pool
        /// Under a pool's `servers:`, when that is a map.
        case embedded
    }

    /// What values a key takes. Ranges are inclusive.
    package enum Kind: Sendable, Equatable {
        /// `zero` says what 0 means where that is special.
        case number(unit: String, ClosedRange<Int>, zero: String? = nil)
        /// In bytes, written as ByteSize reads it.
        case size(ClosedRange<Int>)
        case boolean
        case words([String])
        case wordsOrNumber([String], unit: String, ClosedRange<Int>)
        /// Free text; `form` says its shape.
        case text(form: String)
    }

    package let key: String
    package let scope: Scope
    package let kind: Kind
    /// As a file would write it; nil when the key is absent by default.
    package let defaultText: String?
    package let isRequired: Bool
    /// Whether a reload of the file applies a new value.
    package let isReloadable: Bool
    /// What the key does, in one sentence.
    package let sentence: String

    /// Its value is shown to nobody.
    package var isSecret: Bool { key == "redis_auth" || key == "admin_token" }

    fileprivate init(
        _ scope: Scope, _ key: String, _ kind: Kind, default defaultText: String? = nil,
        isRequired: Bool = false, _ sentence: String
    ) {
        self.key = key
        self.scope = scope
        self.kind = kind
        self.defaultText = defaultText
        self.isRequired = isRequired
        // Embedded servers are started once, and so are the ports for operators.
        self.isReloadable = scope != .embedded && key != "stats_listen" && !key.hasPrefix("admin_")
        self.sentence = sentence
    }

    /// The unit as the documentation names it; `none` where there is none.
    package var unit: String {
        switch kind {
        case .number(let unit, _, _), .wordsOrNumber(_, let unit, _): unit
        case .size: "bytes"
        case .boolean, .words, .text: "none"
        }
    }

    /// All values that the key takes, as the documentation and the remedies name them.
    package var range: String {
        switch kind {
        case .number(_, let range, let zero):
            Self.text(range) + (zero.map { " (0 = \($0))" } ?? "")
        case .size(let range): "\(ByteSize.text(range.lowerBound))...\(ByteSize.text(range.upperBound))"
        case .boolean: "true, false"
        case .words(let words): words.joined(separator: ", ")
        case .wordsOrNumber(let words, _, let range): words.joined(separator: ", ") + ", " + Self.text(range)
        case .text(let form): form
        }
    }

    /// The default as the documentation names it.
    package var defaultWord: String { isRequired ? "required" : defaultText ?? "none" }

    private static func text(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound)...\(range.upperBound)" }
}

/// All rows and the questions asked of them.
package enum SettingsTable {
    /// The top-level key that is the process and not a pool.
    package static let processKey = "keyway"

    package static func row(_ scope: SettingsRow.Scope, _ key: String) -> SettingsRow? {
        rows.first { $0.scope == scope && $0.key == key }
    }

    package static func keys(_ scope: SettingsRow.Scope) -> [String] {
        rows.filter { $0.scope == scope }.map(\.key)
    }

    /// twemproxy reads its numbers as C ints.
    private static let cInt = 0...Int(Int32.max)
    private static let kb = 1 << 10
    private static let mb = 1 << 20
    private static let gb = 1 << 30

    /// In the order in which conf/reference.yml documents them.
    package static let rows: [SettingsRow] = [
        // Process: sizes of the machine.
        .init(
            .process, "workers", .number(unit: "threads", 0...256, zero: "one for each core"), default: "0",
            "How many workers serve clients, each on a thread with its own connections to every server."),
        .init(
            .process, "pacing", .wordsOrNumber(["auto", "off"], unit: "microseconds", 1...1000), default: "auto",
            "How long a worker may wait for more requests so that it can send them together."),
        .init(
            .process, "drain_timeout", .number(unit: "ms", 0...3_600_000), default: "10000",
            "How long requests in flight may take to finish after Keyway was told to stop."),
        .init(
            .process, "log_level", .words(ProcessSettings.LogLevel.allCases.map(\.rawValue)), default: "notice",
            "The least severe message that is logged."),
        .init(
            .process, "log_format", .words(["text", "json"]), default: "text",
            "How a log line looks: words, or one JSON object a line."),
        .init(
            .process, "stats_listen", .text(form: "host:port"),
            "Where twemproxy's statistics are served as one line of JSON."),
        .init(
            .process, "admin_listen", .text(form: "host:port, [IPv6]:port or a port of 127.0.0.1"),
            "Where the web page, Prometheus metrics, health checks and the JSON of the admin port are served by HTTP."),
        .init(
            .process, "admin_token", .text(form: "text without spaces, 16 characters or more"),
            "What a request must carry to change something through the admin port; without it nothing can be changed."),
        .init(
            .process, "admin_hosts", .text(form: "host names separated by spaces"),
            "Host names by which browsers and scrapers may ask the admin port, beside addresses and localhost."),
        .init(
            .process, "slowlog_slower_than", .number(unit: "ms", 0...3_600_000, zero: "never"), default: "100",
            "A request that took this long goes into Keyway's own slow log, with the parts of its time."),
        .init(
            .process, "slowlog_max_len", .number(unit: "requests", 1...10_000), default: "128",
            "How many slow requests are kept."),
        .init(
            .process, "slowlog_keys", .boolean, default: "false",
            "Whether the slow log and traces show each request's first key; values they never show."),
        // Process: ceilings.
        .init(
            .process, "maxclients", .number(unit: "clients", 1...1_000_000), default: "10000",
            "How many clients may be connected to the process; the next one gets an error."),
        .init(
            .process, "proto_max_bulk_len", .size(mb...512 * mb), default: "512mb",
            "The largest single argument that a client may send."),
        .init(
            .process, "client_query_buffer_limit", .size(mb...1024 * gb), default: "1gb",
            "The largest request, all arguments together, that a client may send."),
        .init(
            .process, "client_output_buffer_limit", .size(64 * kb...1024 * gb), default: "64mb",
            "A client whose unread replies pass this size is disconnected."),
        .init(
            .process, "client_output_buffer_pause", .size(4 * kb...1024 * gb), default: "1mb",
            "While a client's unread replies pass this size, Keyway reads no more of its requests."),
        .init(
            .process, "client_output_buffer_soft_limit", .size(0...1024 * gb), default: "0",
            "A client whose unread replies pass this for client_output_buffer_soft_time is disconnected; 0 for never."),
        .init(
            .process, "client_output_buffer_soft_time", .number(unit: "s", 1...86_400), default: "60",
            "For how long they must pass it."),
        .init(
            .process, "memory_limit", .size(0...1024 * gb), default: "0",
            "How much memory buffers of all workers may take; near it greedy clients wait, at it they are cut; 0: any."
        ),
        .init(
            .process, "accept_rate", .number(unit: "clients/s", 0...1_000_000, zero: "no limit"), default: "0",
            "How many new clients each worker accepts a second; the rest wait in the kernel's queue."),
        .init(
            .process, "client_in_flight_max", .number(unit: "requests", 1...1_048_576), default: "4096",
            "How many requests of one client may wait for replies before Keyway reads no more of them."),
        .init(
            .process, "client_idle_timeout", .number(unit: "s", 0...31_536_000, zero: "never"), default: "0",
            "A client that sends nothing for this long is disconnected."),

        // Pool: where it listens and how it places keys.
        .init(
            .pool, "listen", .text(form: "host:port, [IPv6]:port, /path or /path 0660"), isRequired: true,
            "Where clients of this pool connect."),
        .init(
            .pool, "servers",
            .text(form: "a list of host:port:weight[ name] or /path:weight[ name], or a map with embedded:"),
            isRequired: true, "The servers that share the keys of this pool."),
        .init(
            .pool, "hash",
            .words([
                "fnv1a_64", "fnv1_64", "fnv1_32", "fnv1a_32", "one_at_a_time", "md5", "crc16", "crc32", "crc32a",
                "hsieh", "murmur", "jenkins",
            ]), default: "fnv1a_64", "The function that turns a key into the number that is placed on the ring."),
        .init(
            .pool, "hash_tag", .text(form: "two characters in quotes, such as \"{}\""),
            "Only the part of a key between these two characters is hashed, so that related keys share a server."),
        .init(
            .pool, "distribution", .words(["ketama", "modula", "random", "slots"]), default: "ketama",
            "How hashes are spread over the servers."),
        .init(
            .pool, "char", .words(["signed", "unsigned"]), default: "signed",
            "How the hash reads bytes above 127: as twemproxy on x86 (signed) or on ARM Linux (unsigned)."),
        // Pool: time.
        .init(
            .pool, "timeout", .number(unit: "ms", cInt, zero: "wait for ever"), default: "5000",
            "How long a request may wait for its server before the client gets an error."),
        .init(
            .pool, "timeout_reads", .number(unit: "ms", cInt, zero: "wait for ever"),
            "The same for commands that only read; without it, `timeout`."),
        .init(
            .pool, "timeout_writes", .number(unit: "ms", cInt, zero: "wait for ever"),
            "The same for commands that write; without it, `timeout`."),
        .init(
            .pool, "timeout_scripts", .number(unit: "ms", cInt, zero: "wait for ever"),
            "The same for scripts and functions; without it, `timeout`."),
        .init(
            .pool, "queue_timeout", .number(unit: "ms", cInt, zero: "only timeout counts"), default: "0",
            "How long a request may wait for a server that takes no bytes, before it is given up unsent."),
        .init(
            .pool, "connect_timeout", .number(unit: "ms", 1...600_000), default: "1000",
            "How long connecting to a server may take."),
        .init(
            .pool, "reconnect_backoff", .number(unit: "ms", 1...600_000), default: "50",
            "How long Keyway waits before it connects again to a server that it lost; doubled after every failure."),
        .init(
            .pool, "reconnect_backoff_max", .number(unit: "ms", 1...600_000), default: "2000",
            "The longest such wait, however many failures there were."),
        // Pool: clients.
        .init(
            .pool, "backlog", .number(unit: "connections", cInt), default: "512",
            "How many connections the kernel may hold for this pool until Keyway accepts them."),
        .init(
            .pool, "client_connections", .number(unit: "clients", cInt, zero: "only maxclients counts"), default: "0",
            "How many clients may be connected to this pool; the next one gets an error."),
        .init(
            .pool, "tcpkeepalive", .boolean, default: "false",
            "Whether clients' connections have TCP keepalive, which finds those that vanished; servers' always do."),
        .init(
            .pool, "reuseport", .boolean, default: "true",
            "Accepted for twemproxy's sake: Keyway always listens with SO_REUSEPORT, once for each worker."),
        // Pool: servers.
        .init(
            .pool, "redis", .boolean, default: "true",
            "Whether the servers speak the Redis protocol; Keyway speaks no other, so only true is accepted."),
        .init(
            .pool, "redis_auth", .text(form: "the password"),
            "The password that Keyway sends to servers and asks of clients."),
        .init(
            .pool, "redis_db", .number(unit: "none", cInt), default: "0",
            "The number of the database that Keyway selects on every connection to a server."),
        .init(
            .pool, "preconnect", .boolean, default: "false",
            "Whether Keyway connects to all servers at start instead of at the first request."),
        .init(
            .pool, "server_connections", .number(unit: "connections", 1...1024), default: "1",
            "How many shared connections each worker opens to each server."),
        .init(
            .pool, "server_queue_limit", .size(64 * kb...1024 * gb), default: "64mb",
            "How many bytes of requests each worker may hold for one server; the next request gets an error."),
        .init(
            .pool, "server_in_flight_max", .number(unit: "requests", 1...1_048_576), default: "65536",
            "How many requests may wait for replies on one server connection; the next request gets an error."),
        .init(
            .pool, "tombstones_max", .number(unit: "replies", 1...1_048_576), default: "1024",
            "How many late replies, whose requests timed out, one connection may still await before it is replaced."),
        .init(
            .pool, "transfer_connections", .number(unit: "connections", 0...1024), default: "32",
            "How many extra connections each worker may open to each server for values too large for the shared one."),
        .init(
            .pool, "leased_connections", .number(unit: "connections", 0...65_536), default: "1024",
            "How many clients of each worker may have a connection to one server to themselves at a time."),
        .init(
            .pool, "databases", .number(unit: "databases", 0...10_000), default: "0",
            "How many databases clients may select; 0 is 16, or 1 where redis_db is not 0."),
        .init(
            .pool, "transactions", .words(["one_shard", "per_shard"]), default: "one_shard",
            "Whether keys of a transaction may be on several shards; it is then atomic on each of them only."),
        .init(
            .pool, "cross_shard", .words(["refuse", "compute"]), default: "compute",
            "What becomes of SINTER, ZUNION, PFCOUNT and the like when their keys are on several shards."),
        .init(
            .pool, "compute_size", .size(64 * kb...1024 * mb), default: "16mb",
            "How many bytes one such command may fetch from the shards; beyond that it gets an error."),
        .init(
            .pool, "compute_lcs_cells", .number(unit: "bytes times bytes", 1_024...1_073_741_824), default: "16777216",
            "How large the product of the lengths of LCS's two values may be; beyond that it gets an error."),
        .init(
            .pool, "operator_commands", .boolean, default: "false",
            "Whether clients may use KEYWAY ON, READMIT and TRACE, CONFIG SET and CONFIG RESETSTAT."),
        .init(
            .pool, "cluster_facade", .boolean, default: "false",
            "Whether the pool shows itself to cluster clients as a cluster of one node with all slots."),
        // Pool: when servers fail.
        .init(
            .pool, "on_failure", .words(["fail_fast", "remap", "gutter"]), default: "fail_fast",
            "What becomes of the keys of a server that is down: errors, the other servers, or another pool."),
        .init(
            .pool, "eject_max_percent", .number(unit: "percent", 0...100), default: "50",
            "With remap: how many of a hundred servers may be out at a time; further ones stay, with errors."),
        .init(
            .pool, "eject_return", .words(["keep", "flush", "hold"]), default: "keep",
            "With remap: whether a returning server keeps its old data, is emptied, or waits for KEYWAY READMIT."),
        .init(
            .pool, "gutter", .text(form: "the name of a pool"),
            "With on_failure: gutter: the pool that serves the keys of a server that is down."),
        .init(
            .pool, "gutter_ttl", .number(unit: "ms", 1...86_400_000), default: "10000",
            "With on_failure: gutter: how long what is written to that pool lives."),
        .init(
            .pool, "breaker_failures", .number(unit: "failures", cInt, zero: "never"), default: "5",
            "How many requests in a row that time out or are lost stop further ones to that server for a while."),
        .init(
            .pool, "breaker_error_percent", .number(unit: "percent", 0...100, zero: "never"), default: "50",
            "How many of a hundred requests in a window that time out or are lost stop further ones."),
        .init(
            .pool, "breaker_window", .number(unit: "ms", 1000...3_600_000), default: "10000",
            "How long such a window is."),
        .init(
            .pool, "breaker_requests_min", .number(unit: "requests", 1...1_000_000), default: "20",
            "A window with fewer requests than this stops nothing."),
        .init(
            .pool, "breaker_latency", .number(unit: "ms", cInt, zero: "never"), default: "0",
            "Requests to a server stop when most of its replies in a window take longer than this."),
        .init(
            .pool, "breaker_open", .number(unit: "ms", 1...3_600_000), default: "1000",
            "How long a server is left alone before it is checked; doubled when it fails again within a minute."),
        .init(
            .pool, "breaker_open_max", .number(unit: "ms", 1...3_600_000), default: "30000",
            "The longest such time, however often it fails."),
        .init(
            .pool, "breaker_trickle", .number(unit: "ms", 0...3_600_000, zero: "all at once"), default: "1000",
            "Over how long a server that passed its check gets its requests back, from a tenth of them to all."),
        .init(
            .pool, "health_check_interval", .number(unit: "ms", 0...3_600_000, zero: "never"), default: "10000",
            "How often each worker asks a connected server whether it is well, with PING and ROLE."),
        .init(
            .pool, "health_check_failures", .number(unit: "checks", 1...1000), default: "3",
            "How many such checks in a row must go unanswered before requests stop; an answer that is bad needs one."),
        .init(
            .pool, "health_check_successes", .number(unit: "checks", 1...1000), default: "1",
            "How many checks in a row a stopped server must pass to get requests again."),
        .init(
            .pool, "host_refresh", .number(unit: "ms", 0...3_600_000, zero: "only to connect"), default: "10000",
            "How often the servers' host names are looked up; connections to addresses that they left are replaced."),
        .init(
            .pool, "expect_role", .words(["any", "primary", "replica"]), default: "any",
            "The role that a server must have; one with another role gets no requests."),
        .init(
            .pool, "retry_percent", .number(unit: "percent", 0...100), default: "20",
            "Of a hundred requests, how many reads may be sent again after their connection was lost."),
        .init(
            .pool, "retries_per_second", .number(unit: "requests", 0...1_000_000), default: "10",
            "How many more reads may be sent again each second, for pools with few requests."),
        .init(
            .pool, "hedge_reads", .boolean, default: "false",
            "Whether a read that takes longer than 95 of 100 is asked again elsewhere; the first reply counts."),
        .init(
            .pool, "when_full", .words(["refuse", "shed_oldest"]), default: "refuse",
            "Whether a full queue to a server refuses the newest request or gives up the oldest ones."),
        .init(
            .pool, "server_in_flight", .words(["fixed", "adaptive"]), default: "fixed",
            "Whether the limit of requests in flight is server_in_flight_max or follows each server's speed below it."),
        // Pool: hot keys.
        .init(
            .pool, "hot_keys", .words(["off", "observe", "cache", "replicate"]), default: "off",
            "Whether keys that are asked for far more than others are shown, and reads of them answered from copies."
        ),
        .init(
            .pool, "hot_key_rate", .number(unit: "requests", 0...1_000_000_000, zero: "any"), default: "1000",
            "How many requests a second make a key hot; it stays so until it falls below half."),
        .init(
            .pool, "hot_key_share", .number(unit: "percent", 0...100, zero: "any"), default: "1",
            "What part of its server's requests a key must have to be hot."),
        .init(
            .pool, "hot_key_reads_per_write", .number(unit: "reads", 0...1_000_000, zero: "any"), default: "10",
            "How many reads there must be for each write of a key that is hot."),
        .init(
            .pool, "hot_key_count", .number(unit: "keys", 1...1024), default: "128",
            "How many keys of the pool may be hot at a time."),
        .init(
            .pool, "hot_key_include", .text(form: "prefixes, separated by spaces"),
            "Only keys with one of these prefixes are hot; without it, all may be."),
        .init(
            .pool, "hot_key_exclude", .text(form: "prefixes, separated by spaces"),
            "Keys with one of these prefixes are never hot."),
        .init(
            .pool, "hot_key_copies", .size(64 * kb...64 * gb), default: "16mb",
            "How much memory the copies of all workers may take: out of memory_limit, or with replicate on all servers."
        ),
        .init(
            .pool, "hot_key_reply_limit", .size(64...64 * mb), default: "64kb",
            "A longer reply is not copied; with replicate, a longer value, as DUMP gives it."),
        .init(
            .pool, "hot_key_life", .number(unit: "ms", 1...86_400_000), default: "60000",
            "How long a copy may be used without being read from the server again; never longer than the key lives."),
        .init(
            .pool, "hot_key_lease", .number(unit: "ms", 10...60_000), default: "100",
            "How long copies are used after the last sign that their server tells of changes: how stale they can be."
        ),
        .init(
            .pool, "hot_key_spread", .number(unit: "servers", 2...64), default: "4",
            "On how many servers a hot key is, its own included, with hot_keys: replicate."),
        .init(
            .pool, "serve_stale", .number(unit: "ms", 0...86_400_000, zero: "never"), default: "0",
            "How long copies are read on when their key's server is down, with hot_keys: replicate."),
        // Pool: missing keys.
        .init(
            .pool, "stampede", .text(form: "prefixes, separated by spaces"),
            "Keys with one of these prefixes are guarded: who misses one first computes it, the others wait for that."),
        .init(
            .pool, "stampede_wait", .number(unit: "ms", 1...600_000), default: "1000",
            "How long a client waits for a guarded key that another one brings, before it is told that it is missing."),
        .init(
            .pool, "stampede_lease", .number(unit: "ms", 1...600_000), default: "10000",
            "How long the client that was told so has to bring it, before the next one is told."),
        .init(
            .pool, "stampede_waiters", .number(unit: "clients", 1...1_000_000), default: "10000",
            "How many clients of a worker may wait; more are told at once."),
        .init(
            .pool, "stampede_late_writes", .words(["accept", "refuse"]), default: "accept",
            "Whether a client that was too slow may still set a key which another one was since told to bring."),
        .init(
            .pool, "stampede_early", .number(unit: "percent", 0...10_000, zero: "not at all"), default: "0",
            "How early a reader is told that a guarded key is missing, before it ends: 100 weighs the time to bring it."
        ),
        .init(
            .pool, "stampede_stale", .number(unit: "ms", 0...86_400_000, zero: "not at all"), default: "0",
            "How long after it was read a value may answer others while one client brings its guarded key anew."),
        .init(
            .pool, "stampede_stale_size", .size(64 * kb...64 * gb), default: "16mb",
            "How much memory the values that are kept for stampede_stale may take, of all workers."),
        .init(
            .pool, "stampede_stale_keys", .number(unit: "keys", 1...10_000_000), default: "10000",
            "How many values are kept for stampede_stale, of all workers; a newer one takes an older one's place."),
        .init(
            .pool, "ttl_jitter", .number(unit: "percent", 0...50, zero: "none"), default: "0",
            "By how much the lives that SET, SETEX, PSETEX, GETEX, EXPIRE and PEXPIRE give are changed, up or down."
        ),
        // Pool: equal reads.
        .init(
            .pool, "coalesce", .words(["off", "tick", "inflight"]), default: "off",
            "Whether equal reads that wait to be sent, or for their reply too, are sent once for all who ask."),
        // Pool: twemproxy's words for a failing server.
        .init(
            .pool, "auto_eject_hosts", .boolean, default: "false",
            "twemproxy's name for on_failure: remap, with server_failure_limit and server_retry_timeout."),
        .init(
            .pool, "server_failure_limit", .number(unit: "failures", cInt), default: "2",
            "With auto_eject_hosts: how many failures in a row take a server out, in place of breaker_failures."),
        .init(
            .pool, "server_retry_timeout", .number(unit: "ms", cInt), default: "30000",
            "With auto_eject_hosts: how long it stays out before it is checked, in place of breaker_open."),
        .init(
            .pool, "sentinels", .text(form: "a list"),
            "Accepted because forks of twemproxy have it: Keyway does not ask sentinels."),

        // Embedded servers.
        .init(
            .embedded, "embedded", .number(unit: "servers", 1...64), isRequired: true,
            "How many valkey-server processes Keyway starts and watches for this pool."),
        .init(
            .embedded, "memory", .size(mb...1024 * gb), default: "256mb",
            "How much memory the data of each embedded server may take."),
        .init(
            .embedded, "eviction",
            .words([
                "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random",
                "volatile-ttl", "noeviction",
            ]), default: "allkeys-lru", "Which keys an embedded server drops when its memory is full."),
        .init(
            .embedded, "persistence", .words(EmbeddedSettings.Persistence.allCases.map(\.rawValue)), default: "none",
            "Whether data outlives the process: not at all, by snapshots, or by a log of every write."),
        .init(
            .embedded, "directory", .text(form: "a path"),
            "Where embedded servers keep data and sockets; without it, in a private temporary folder."),
        .init(
            .embedded, "binary", .text(form: "a path"),
            "The valkey-server to start; without it, the first one that PATH holds."),
    ]
}
