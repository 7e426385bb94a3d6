// Engine+LocalCommands: commands that Keyway answers itself, in Valkey's words.
// They are about the connection or about Keyway; no shard could answer them.
// Not here: CLIENT (Engine+ClientCommands), INFO (Engine+Info).

import Glibc
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    mutating func answerLocally(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) {
        switch row.pointee.id {
        case .ping: ping(client, request)
        case .echo: answerNow(client) { $0.bulk(Array(request[1].buffer)) }
        case .quit:
            answerNow(client, statics.ok)
            end(client)
        case .select: select(client, request)
        case .auth: authenticate(client, request)
        case .hello: hello(client, request)
        case .reset: reset(client)
        case .time: time(client)
        case .role:
            answerNow(client) { reply in
                reply.array(3)
                reply.bulk("master")
                reply.integer(0)
                reply.array(0)
            }
        case .lolwut: answerNow(client) { [version = options.version] in $0.verbatim("Keyway ver. \(version)\n") }
        case .aclWhoami: answerNow(client) { $0.bulk("default") }
        case .command, .commandCount, .commandInfo, .commandList, .commandGetkeys, .commandGetkeysandflags,
            .commandHelp:
            answerNow(client, bytes: CommandDescriptions(table: commandTable).reply(to: request, version: .two))
        case .commandDocs: commandDocs(client, request)
        case .config where request.argumentCount == 1, .client where request.argumentCount == 1:
            answerNow(client, error: ProxyError.wrongArity(commandTable.wireName(of: row.pointee.id)))
        case .configGet: configGet(client, request)
        case .readonly, .readwrite, .asking: answerNow(client, error: ProxyError.noCluster)
        default: answerLocallyByGroup(client, request, row)
        }
    }

    private mutating func answerLocallyByGroup(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) {
        let name = commandTable.name(of: row.pointee.id)
        if name.hasPrefix("CLIENT ") { return answerClientCommand(client, request, row.pointee.id) }
        if name.hasSuffix(" HELP") { return help(client, container: String(name.dropLast(5))) }
        if name.hasPrefix("CLUSTER") { return answerNow(client, error: ProxyError.noCluster) }
        answerNow(
            client,
            error: ProxyError.notSupported(
                commandTable.wireName(of: row.pointee.id),
                why: "it is about one server's own state; connect to that server directly"))
    }

    /// A reply made on the spot.
    mutating func answerNow(_ client: ClientRef, _ make: (inout ReplyBuilder) -> Void) {
        var reply = ReplyBuilder(version: .two)
        make(&reply)
        answerNow(client, bytes: reply.bytes)
    }

    // MARK: The connection

    private mutating func ping(_ client: ClientRef, _ request: RequestView) {
        switch request.argumentCount {
        case 1: answerNow(client, statics.pong)
        case 2: answerNow(client) { $0.bulk(Array(request[1].buffer)) }
        default: answerNow(client, error: ProxyError.wrongArity("ping"))
        }
    }

    private mutating func select(_ client: ClientRef, _ request: RequestView) {
        guard let index = Int(Self.text(request[1])) else { return answerNow(client, error: ProxyError.notAnInteger) }
        if index == 0 { answerNow(client, statics.ok) } else { answerNow(client, error: ProxyError.databaseOutOfRange) }
    }

    private mutating func authenticate(_ client: ClientRef, _ request: RequestView) {
        guard request.argumentCount <= 3 else { return answerNow(client, error: ProxyError.syntax) }
        let isNamed = request.argumentCount == 3
        if let error = accept(
            client, user: isNamed ? request[1] : nil, password: request[request.argumentCount - 1])
        {
            return answerNow(client, error: error)
        }
        answerNow(client, statics.ok)
    }

    /// - Returns: why not; nil when the client is in.
    private mutating func accept(_ client: ClientRef, user: ByteView?, password: ByteView) -> String? {
        let isDefaultUser = user.map { Self.text($0) == "default" } ?? true
        guard let wanted = pools[client.pointee.poolIndex].options.password else {
            if user == nil { return ProxyError.noPasswordSet }
            return isDefaultUser ? nil : ProxyError.wrongPassword
        }
        guard isDefaultUser, Self.isSame(Array(password.buffer), Array(wanted.utf8)) else {
            return ProxyError.wrongPassword
        }
        client.pointee.flags.insert(.authenticated)
        return nil
    }

    /// In a time that does not tell how much of it was right.
    private static func isSame(_ given: [UInt8], _ wanted: [UInt8]) -> Bool {
        var difference = given.count ^ wanted.count
        for index in 0..<given.count {
            difference |= Int(given[index] ^ (wanted.isEmpty ? 1 : wanted[index % wanted.count]))
        }
        return difference == 0
    }

    private mutating func hello(_ client: ClientRef, _ request: RequestView) {
        var next = 1
        if request.argumentCount > 1 {
            guard let version = Int(Self.text(request[1])) else {
                return answerNow(client, error: "ERR Protocol version is not an integer or out of range")
            }
            guard version == 2 else { return answerNow(client, error: ProxyError.noProtocol) }
            next = 2
        }
        var name: String?
        while next < request.argumentCount {
            let word = Self.text(request[next]).uppercased()
            if word == "AUTH", next + 2 < request.argumentCount {
                if let error = accept(client, user: request[next + 1], password: request[next + 2]) {
                    return answerNow(client, error: error)
                }
                next += 3
            } else if word == "SETNAME", next + 1 < request.argumentCount {
                name = Self.text(request[next + 1], limit: 1_024)
                if let error = Self.faultInName(name!) { return answerNow(client, error: error) }
                next += 2
            } else {
                return answerNow(client, error: "ERR Syntax error in HELLO option '\(Self.text(request[next]))'")
            }
        }
        guard client.pointee.flags.contains(.authenticated) else {
            return answerNow(
                client,
                error:
                    """
                    NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> \
                    AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol \
                    version at the same time
                    """
            )
        }
        if let name { client.details.name = name }
        let version = options.version
        answerNow(client) { reply in
            reply.map(7)
            for (key, value) in [("server", "keyway"), ("version", version)] {
                reply.bulk(key)
                reply.bulk(value)
            }
            reply.bulk("proto")
            reply.integer(2)
            reply.bulk("id")
            reply.integer(client.pointee.id)
            for (key, value) in [("mode", "standalone"), ("role", "master")] {
                reply.bulk(key)
                reply.bulk(value)
            }
            reply.bulk("modules")
            reply.array(0)
        }
    }

    static func faultInName(_ name: String) -> String? {
        name.utf8.allSatisfy { $0 > 32 && $0 < 127 }
            ? nil : "ERR Client names cannot contain spaces, newlines or special characters."
    }

    private mutating func reset(_ client: ClientRef) {
        client.pointee.flags.subtract([.replyOff, .replySkip, .noEvict, .noTouch])
        if pools[client.pointee.poolIndex].needsPassword { client.pointee.flags.remove(.authenticated) }
        client.pointee.details?.takeUnretainedValue().name = ""
        answerNow(client) { $0.simple("RESET") }
    }

    // MARK: Keyway

    private mutating func time(_ client: ClientRef) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        answerNow(client) { reply in
            reply.array(2)
            reply.bulk(String(now.tv_sec))
            reply.bulk(String(now.tv_nsec / 1_000))
        }
    }

    /// The servers' own words where one is up, for redis-cli's hints; else what the table knows.
    private mutating func commandDocs(_ client: ClientRef, _ request: RequestView) {
        let pool = poolViews + client.pointee.poolIndex
        for index in 0..<pool.pointee.shardCount {
            let shard = pool.pointee.shards + index
            let line = line(of: shard, for: client)
            if line.isReady, admits(line, sizeBytes: request.sizeBytes) {
                return forward(client, request, to: shard, isWrite: false, chunk: nil)
            }
        }
        answerNow(client, bytes: CommandDescriptions(table: commandTable).reply(to: request, version: .two))
    }

    /// What tools ask a server for at their start. Keyway's own settings are in its config file.
    private mutating func configGet(_ client: ClientRef, _ request: RequestView) {
        let settings: [(String, String)] = [
            ("appendonly", "no"), ("client-query-buffer-limit", String(options.limits.requestSizeBytesMax)),
            ("databases", "1"), ("maxclients", String(options.clientsMax)), ("maxmemory", "0"),
            ("proto-max-bulk-len", String(options.limits.bulkSizeBytesMax)), ("save", ""),
            ("timeout", String(options.clientIdleTimeoutS)),
        ]
        let patterns = (2..<request.argumentCount).map { GlobPattern(Array(request[$0].buffer)) }
        let found = settings.filter { name, _ in patterns.contains { $0.matches(name) } }
        answerNow(client) { reply in
            reply.map(found.count)
            for (name, value) in found {
                reply.bulk(name)
                reply.bulk(value)
            }
        }
    }

    private mutating func help(_ client: ClientRef, container: String) {
        let names = commandTable.rows.map { commandTable.name(of: $0.id) }.filter { $0.hasPrefix(container + " ") }
        answerNow(client) { reply in
            reply.array(names.count + 1)
            reply.simple("\(container) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
            for name in names { reply.simple(String(name.dropFirst(container.count + 1))) }
        }
    }
}
