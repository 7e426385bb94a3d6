// ProxyError: every error reply that Keyway itself makes, in one table.
// Each begins with a stable code word, says what happened and what to do. Texts that Valkey has are Valkey's.
// Not here: errors of the servers, which pass through as they are.

import Upstream

enum ProxyError {
    // MARK: Errors that a server has too

    static let noAuth = "NOAUTH Authentication required."
    static let wrongPassword = "WRONGPASS invalid username-password pair or user is disabled."
    static let noPasswordSet = """
        ERR AUTH <password> called without any password configured for the default user. Are you sure your \
        configuration is correct?
        """
    static let noProtocol = "NOPROTO unsupported protocol version"
    static let syntax = "ERR syntax error"
    static let notAnInteger = "ERR value is not an integer or out of range"
    static let outOfInt32 = "ERR value is out of range, value must between -2147483648 and 2147483647"
    static let databaseOutOfRange = "ERR DB index is out of range"
    static let noCluster = "ERR This instance has cluster support disabled"
    static let tooManyClients = "ERR max number of clients reached"

    static func wrongArity(_ wireName: String) -> String {
        "ERR wrong number of arguments for '\(wireName)' command"
    }

    static func unknownSubcommand(_ name: String, of container: String) -> String {
        "ERR unknown subcommand '\(name)'. Try \(container.uppercased()) HELP."
    }

    // MARK: What Keyway does not do

    static func notSupported(_ wireName: String, why: String) -> String {
        "NOTSUPPORTED '\(wireName)' does not work through Keyway: \(why)"
    }

    static let reservedKey = """
        NOTSUPPORTED keys that begin with '__keyway:' are Keyway's own copies of hot keys (hot_keys: replicate). \
        Nothing was executed; give the key another name
        """

    static let noClusterAddress = "ERR cluster_facade needs clients that come by TCP; this one came by a unix socket"

    static func operatorsOnly(_ wireName: String) -> String {
        "NOPERM '\(wireName)' is for operators: nothing was executed; set operator_commands: true for this pool to "
            + "allow it"
    }

    static func crossShard(_ wireName: String, keys: (String, String), shards: (String, String)) -> String {
        "CROSSSLOT Keys of '\(wireName)' are on different shards: '\(keys.0)' is on \(shards.0), '\(keys.1)' is on "
            + "\(shards.1). Nothing was executed; give both keys the same hash tag, or use one command per key"
    }

    static func crossShardCondition(_ wireName: String, keys: (String, String), shards: (String, String)) -> String {
        "CROSSSLOT '\(wireName)' with NX or XX is all or nothing, but '\(keys.0)' is on \(shards.0) and '\(keys.1)' is "
            + "on \(shards.1). Nothing was executed; give the keys the same hash tag"
    }

    static func keysUnknowable(_ wireName: String) -> String {
        "CROSSSLOT '\(wireName)' reads keys that its arguments do not name (BY or GET patterns), and they may be on "
            + "other shards. Nothing was executed; leave the patterns out"
    }

    static func crossShardTransaction(_ wireName: String, shards: (String, String)) -> String {
        "CROSSSLOT a transaction is executed by one shard: '\(wireName)' belongs on \(shards.1), what came before on "
            + "\(shards.0). Nothing was executed; give all its keys the same hash tag"
    }

    static func notInTransaction(_ wireName: String) -> String {
        "NOTSUPPORTED '\(wireName)' cannot be part of a transaction through Keyway: it is not executed by the shard of "
            + "the transaction's keys; nothing was executed; send it before MULTI or after EXEC"
    }

    static func boundByWatch(_ wireName: String) -> String {
        "NOTSUPPORTED '\(wireName)' cannot change the protocol or the database while keys are watched; "
            + "nothing was changed; send UNWATCH first"
    }

    static let watchLost =
        "EXECABORT Transaction discarded because the connection that watched its keys was lost; "
        + "nothing was executed; watch the keys and try again"

    static func leaseLost(pool: String, leaseMs: Int) -> String {
        "LEASELOST this client was told that the key is missing and did not set it within \(leaseMs) ms "
            + "(stampede_lease of pool \(pool)); another client was told since (stampede_late_writes: refuse). Nothing "
            + "was executed; read the key again"
    }

    // MARK: Backends

    static func timeout(_ shard: ShardName, limitMs: Int, isWrite: Bool, wasSent: Bool) -> String {
        let outcome =
            !wasSent
            ? "it was not sent, so nothing was executed"
            : isWrite ? "outcome unknown: it may still be executed" : "the late reply will be dropped"
        return
            "TIMEOUT shard \(shard.text) did not answer within \(limitMs) ms (timeout of pool \(shard.pool)); "
            + outcome
    }

    static func connectionLost(_ shard: ShardName, reason: String, isWrite: Bool) -> String {
        let outcome = isWrite ? "outcome unknown: it may have been executed" : "it only reads; try again"
        return "CONNLOST shard \(shard.text): the connection was lost before the reply came (\(reason)); \(outcome)"
    }

    static func notSent(_ shard: ShardName, reason: String) -> String {
        "CONNLOST shard \(shard.text): the connection was lost before the request was sent (\(reason)); nothing was "
            + "executed; try again"
    }

    static func shardDown(_ shard: ShardName, reason: String, retryMs: Int) -> String {
        "SHARDDOWN shard \(shard.text): \(reason); nothing was executed; next attempt in \(retryMs) ms"
    }

    static func shardRecovering(_ shard: ShardName, percent: Int) -> String {
        "SHARDDOWN shard \(shard.text) is well again and gets \(percent) % of its requests so far (breaker_trickle of "
            + "pool \(shard.pool)); nothing was executed; try again"
    }

    static func waitedTooLong(_ shard: ShardName, limitMs: Int) -> String {
        "OVERLOADED shard \(shard.text) took no request for \(limitMs) ms (queue_timeout of pool \(shard.pool)); "
            + "nothing was executed; try again later"
    }

    static func shed(_ shard: ShardName, key: String) -> String {
        "OVERLOADED the queue of shard \(shard.text) is full (\(key) of pool \(shard.pool)) and its oldest requests "
            + "were given up (when_full: shed_oldest); nothing was executed; try again later"
    }

    static func overloaded(_ shard: ShardName, what: String, limit: Int, key: String) -> String {
        "OVERLOADED shard \(shard.text) has \(what) waiting, the limit \(key) of pool \(shard.pool) is \(limit); "
            + "nothing was executed; try again later"
    }

    static func transferCut(_ shard: ShardName, reason: String) -> String {
        "CONNLOST shard \(shard.text): a long request was not sent to its end (\(reason)); nothing was executed"
    }

    static func replyTooLong(_ wireName: String, limitBytes: Int) -> String {
        "TOOLONG the replies of '\(wireName)' are longer than client_output_buffer_limit (\(limitBytes) bytes); "
            + "ask for fewer keys at once"
    }

    static func partFailed(_ wireName: String, _ shard: ShardName, failed: Int, of count: Int, error: String) -> String
    {
        // The first word of the shard's own error stays first: clients decide by it.
        let code = error.prefix { $0 != " " }
        return "\(code) '\(wireName)' failed on \(failed) of \(count) shards, first on \(shard.text): \(error)"
    }

    static func badPart(_ wireName: String, _ shard: ShardName) -> String {
        "ERR shard \(shard.text) answered '\(wireName)' with something of another shape; "
            + "is it a Valkey or Redis server?"
    }
}
