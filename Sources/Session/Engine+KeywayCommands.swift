// Engine+KeywayCommands: KEYWAY, the command that servers do not have: where a key lives, and a command for one shard
// alone.
// Not here: what has a file of its own (EXPLAIN, HEALTH, STATS, HOTKEYS, TRACE), the same asked of a config file
// (`keyway route`).

import Platform
import Routing
import Upstream
import Wire

extension Engine {
    /// - Returns: false when the request is no KEYWAY.
    mutating func answerKeywayCommand(_ client: ClientRef, _ request: RequestView) -> Bool {
        guard Self.text(request[0], limit: 8).uppercased() == "KEYWAY" else { return false }
        guard request.argumentCount > 1 else {
            answerNow(client, error: ProxyError.wrongArity("keyway"))
            return true
        }
        let subcommand = Self.text(request[1]).uppercased()
        if answerStatisticsCommand(client, request, subcommand) { return true }
        switch subcommand {
        case "HELP" where request.argumentCount == 2: answerKeywayHelp(client)
        case "ROUTE" where request.argumentCount > 2: answerRoutes(client, request)
        case "EXPLAIN" where request.argumentCount > 2: explain(client, request)
        case "ON" where request.argumentCount > 3: askOneShard(client, request)
        case "HEALTH" where request.argumentCount == 2: answerHealth(client)
        case "EVENTS" where request.argumentCount <= 3: answerEvents(client, request)
        case "READMIT" where request.argumentCount == 3: answerReadmit(client, request)
        case "HOTKEYS": answerHotKeys(client, request)
        case "CACHE" where request.argumentCount == 3: answerCache(client, request)
        case "TRACE": answerTrace(client, request)
        case "HELP", "ROUTE", "EXPLAIN", "ON", "HEALTH", "EVENTS", "READMIT", "CACHE", "STATS", "LATENCY", "SLOWLOG":
            answerNow(client, error: ProxyError.wrongArity("keyway|" + Self.text(request[1]).lowercased()))
        default: answerNow(client, error: ProxyError.unknownSubcommand(Self.text(request[1]), of: "keyway"))
        }
        return true
    }

    private mutating func answerKeywayHelp(_ client: ClientRef) {
        let lines = [
            "KEYWAY <subcommand> [<arg> ...]. Subcommands are:",
            "ROUTE <key> [<key> ...]", "    Show the shard of each key.",
            "EXPLAIN <command> [<arg> ...]",
            "    Show what becomes of a command, without executing it: class, keys with hash, point and shard, what",
            "    each shard gets, breakers, copies.",
            "ON <shard> <command> [<arg> ...]",
            "    Let one shard execute a command, whatever its keys; needs `operator_commands: true` for the pool.",
            "HEALTH", "    Show the state of each shard, and of its breaker in each worker.",
            "EVENTS [<count>]", "    Show what happened to shards, newest first: milliseconds since 1970, shard, text.",
            "STATS", "    Show all that Keyway has counted: of the process, this pool and its shards.",
            "LATENCY", "    Show for each command how often it was answered and how long that took, in microseconds.",
            "SLOWLOG [<count>|RESET]",
            "    Show the slowest requests of late, newest first, with the parts of their time in microseconds.",
            "HOTKEYS [BIG|SLOTS] [COUNT <count>] [POOL <pool>]",
            "    Show the hottest keys: shard, requests and bytes a second, share of the shard, copies and their use;",
            "    or the keys with the largest requests and replies; or the hottest ranges of hash slots.",
            "CACHE ON|OFF", "    Whether copies of hot keys may answer this connection; ON at the start.",
            "TRACE [CLIENT <id>|KEYS <pattern> [FOR <seconds>]]|[OFF]",
            "    Log each request of a client, or of keys that match, with the parts of its time, for 60 seconds or as",
            "    told; or show what is traced; needs `operator_commands: true` for the pool.",
            "READMIT <shard>",
            "    Bring a shard back that is held out of the ring; needs `operator_commands: true` for the pool.",
            "HELP", "    Print this help.",
        ]
        answerNow(client) { reply in
            reply.array(lines.count)
            for line in lines { reply.simple(line) }
        }
    }

    private mutating func answerRoutes(_ client: ClientRef, _ request: RequestView) {
        let pool = poolViews + client.pointee.poolIndex
        let shards = (2..<request.argumentCount).map { shardIndex(of: request[$0], pool) }
        let keys = (2..<request.argumentCount).map { Array(request[$0].buffer) }
        let names = shards.map { name(of: pool.pointee.shards + $0) }
        let states = shards.map { (pool.pointee.shards + $0).pointee.isDown ? "down" : "up" }
        answerNow(client) { reply in
            reply.array(keys.count)
            for (index, key) in keys.enumerated() {
                reply.map(4)
                reply.bulk("key")
                reply.bulk(key)
                reply.bulk("shard")
                reply.bulk(names[index].name)
                reply.bulk("address")
                reply.bulk(names[index].endpoint.text)
                reply.bulk("state")
                reply.bulk(states[index])
            }
        }
    }

    /// The row of a command, its subcommand's where it names one.
    ///
    /// - Parameter first: the argument that is its name.
    func row(of request: RequestView, at first: Int = 0) -> UnsafePointer<CommandRow>? {
        commands.row(of: request, at: first)
    }

    // MARK: ON

    private mutating func askOneShard(_ client: ClientRef, _ request: RequestView) {
        let pool = pools[client.pointee.poolIndex]
        guard pool.options.allowsOperatorCommands else {
            return answerNow(client, error: ProxyError.operatorsOnly("keyway|on"))
        }
        guard let shard = shard(named: Self.text(request[2], limit: 1_024), client) else { return }
        let words = Array(Self.words(request).dropFirst(3))
        let row = commands.row(name: request[3].start, count: request[3].count)
        if let row, let why = Self.reasonNotOnSharedLine(row) {
            return answerNow(client, error: ProxyError.notSupported("keyway|on", why: why))
        }
        gather(
            client, row ?? commands[.debug], .oneShard, [GatherRequest(shardIndex: shard.pointee.index, words: words)])
    }

    /// What changes, or holds up, a connection that others share.
    private static func reasonNotOnSharedLine(_ row: UnsafePointer<CommandRow>) -> String? {
        switch row.pointee.id {
        case .auth, .hello, .select, .reset, .quit, .client, .readonly, .readwrite, .asking:
            return "it would change the connection that all clients share; connect to the server directly"
        case .publish, .spublish, .pubsub, .unwatch: return nil
        case .sync, .psync, .replconf, .xread, .xreadgroup:
            return "it would hold up the connection that all clients share; connect to the server directly"
        default:
            return row.pointee.commandClass == .pinned || row.pointee.commandClass == .pubSub
                ? "it would hold up the connection that all clients share; connect to the server directly" : nil
        }
    }
}
