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
        case .command, .commandCount, .commandDocs, .commandInfo, .commandList, .commandGetkeys,
            .commandGetkeysandflags, .commandHelp:
            describeCommands(client, request)
        case .config where request.argumentCount == 1, .client where request.argumentCount == 1:
            answerNow(client, error: ProxyError.wrongArity(commandTable.wireName(of: row.pointee.id)))
        case .configGet: configGet(client, request)
        case .readonly, .readwrite: answerNow(client, statics.ok)
        case .asking where pools[client.pointee.poolIndex].options.hasClusterFacade: answerNow(client, statics.ok)
        case .asking: answerNow(client, error: ProxyError.noCluster)
        case .configRewrite: answerNow(client, error: "ERR The server is running without a config file")
        default: answerLocallyByGroup(client, request, row)
        }
    }

    private mutating func answerLocallyByGroup(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) {
        let name = commandTable.name(of: row.pointee.id)
        if name.hasSuffix(" HELP") || Self.isAnyServers(row.pointee.id) {
            return forwardAnywhere(client, request)
        }
        if row.pointee.flags.contains(.container), request.argumentCount == 1 {
            return answerNow(client, error: ProxyError.wrongArity(wireName(row)))
        }
        if name.hasPrefix("CLIENT ") { return answerClientCommand(client, request, row.pointee.id) }
        if name.hasPrefix("CLUSTER ") { return answerClusterCommand(client, request, row.pointee.id) }
        if name.hasPrefix("ACL ") { return answerACLCommand(client, request, row.pointee.id) }
        answerNow(
            client,
            error: ProxyError.notSupported(
                commandTable.wireName(of: row.pointee.id),
                why: "it is about one server's own state; connect to that server directly"))
    }

    /// A reply made on the spot.
    mutating func answerNow(_ client: ClientRef, _ make: (inout ReplyBuilder) -> Void) {
        var reply = ReplyBuilder(version: client.pointee.version)
        make(&reply)
        answerNow(client, bytes: reply.bytes)
    }

    /// The servers' own words where one is up, for they may have commands of modules; else what the table knows.
    private mutating func describeCommands(_ client: ClientRef, _ request: RequestView) {
        if let shard = anyShard(for: client, sizeBytes: request.sizeBytes) {
            forward(client, request, to: shard, isWrite: false, chunk: nil)
            return
        }
        let version = client.pointee.version
        answerNow(client, bytes: CommandDescriptions(table: commandTable).reply(to: request, version: version))
    }

    // MARK: The connection

    private mutating func ping(_ client: ClientRef, _ request: RequestView) {
        switch request.argumentCount {
        case 1 where isListeningInTwo(client), 2 where isListeningInTwo(client):
            let text = request.argumentCount == 2 ? Array(request[1].buffer) : []
            answerNow(client) { reply in
                reply.array(2)
                reply.bulk("pong")
                reply.bulk(text)
            }
        case 1: answerNow(client, statics.pong)
        case 2: answerNow(client) { $0.bulk(Array(request[1].buffer)) }
        default: answerNow(client, error: ProxyError.wrongArity("ping"))
        }
    }

    /// A RESP2 client that listens gets even its PINGs answered as messages.
    private func isListeningInTwo(_ client: ClientRef) -> Bool {
        client.pointee.version == .two && client.pointee.state?.pointee.topics != nil
    }

    private mutating func select(_ client: ClientRef, _ request: RequestView) {
        guard let index = Self.integer(request[1]) else { return answerNow(client, error: ProxyError.notAnInteger) }
        guard Int32(exactly: index) != nil else { return answerNow(client, error: ProxyError.outOfInt32) }
        let pool = pools[client.pointee.poolIndex].options
        guard index >= 0, index < pool.databaseCount else {
            return answerNow(client, error: ProxyError.databaseOutOfRange)
        }
        // With one database it is the pool's own, whatever its number at the servers.
        let database = pool.databaseCount == 1 ? pool.backend.database : index
        if Int(client.pointee.database) != database {
            if putsOff(client) { return }
            guard !isBound(client) else { return answerNow(client, error: ProxyError.boundByWatch("select")) }
            change(client, version: client.pointee.version, database: database)
        }
        answerNow(client, statics.ok)
    }

    /// The client has lines of its own, which speak as it did when it got them.
    private func isBound(_ client: ClientRef) -> Bool { client.pointee.state?.pointee.leases != nil }

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
        var version = client.pointee.version
        if request.argumentCount > 1 {
            guard let number = Self.integer(request[1]) else {
                return answerNow(client, error: "ERR Protocol version is not an integer or out of range")
            }
            guard let wanted = UInt8(exactly: number).flatMap(RESPVersion.init(rawValue:)),
                wanted == .two || !pools[client.pointee.poolIndex].lacksRESP3
            else { return answerNow(client, error: ProxyError.noProtocol) }
            version = wanted
            if version != client.pointee.version {
                if putsOff(client) { return }
                guard !isBound(client) else { return answerNow(client, error: ProxyError.boundByWatch("hello")) }
            }
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
        if version != client.pointee.version {
            change(client, version: version, database: Int(client.pointee.database))
        }
        let program = options.version
        answerNow(client) { reply in
            reply.map(7)
            for (key, value) in [("server", "keyway"), ("version", program)] {
                reply.bulk(key)
                reply.bulk(value)
            }
            reply.bulk("proto")
            reply.integer(Int(version.rawValue))
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
        if putsOff(client) || putsOffLeavingAll(client) { return }
        forgetWatchedKeys(of: client)
        endWatch(of: client)
        stopTracking(client)
        stopMonitoring(client)
        change(client, version: .two, database: pools[client.pointee.poolIndex].options.backend.database)
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

    /// What every server of a fleet answers alike.
    static func isAnyServers(_ id: CommandID) -> Bool {
        switch id {
        case .moduleList, .lastsave, .aclCat, .aclGenpass: true
        default: false
        }
    }

    mutating func forwardAnywhere(_ client: ClientRef, _ request: RequestView) {
        let first = (poolViews + client.pointee.poolIndex).pointee.shards
        let shard = anyShard(for: client, sizeBytes: request.sizeBytes) ?? first
        forward(client, request, to: shard, isWrite: false, chunk: nil)
    }

    /// The first shard that is connected, or else the first that is not known to be down.
    mutating func anyShard(for client: ClientRef, sizeBytes: Int) -> ShardRef? {
        let pool = poolViews + client.pointee.poolIndex
        for index in 0..<pool.pointee.shardCount {
            let shard = pool.pointee.shards + index
            let line = line(of: shard, for: client)
            if line.isReady, !shard.pointee.isGuarded, admits(line, sizeBytes: sizeBytes) { return shard }
        }
        let reachable = (0..<pool.pointee.shardCount).first { !pool.pointee.shards[$0].isDown }
        return reachable.map { pool.pointee.shards + $0 }
    }

    // MARK: ACL

    /// Keyway has one user. Servers' users are the business of those who run the servers.
    private mutating func answerACLCommand(_ client: ClientRef, _ request: RequestView, _ id: CommandID) {
        let isOpen = !pools[client.pointee.poolIndex].needsPassword
        switch id {
        case .aclWhoami: answerNow(client) { $0.bulk("default") }
        case .aclUsers:
            answerNow(client) { reply in
                reply.array(1)
                reply.bulk("default")
            }
        case .aclList:
            answerNow(client) { reply in
                reply.array(1)
                reply.bulk("user default on \(isOpen ? "nopass " : "")~* &* +@all")
            }
        case .aclLog: accessLog(client, request)
        case .aclGetuser: describeUser(client, request, isOpen: isOpen)
        case .aclDryrun: dryRun(client, request)
        default:
            answerNow(
                client,
                error: ProxyError.notSupported(
                    commandTable.wireName(of: id), why: "it has one user, whose password is redis_auth in its config"))
        }
    }

    /// The one user is refused nothing, so nothing is in the log.
    private mutating func accessLog(_ client: ClientRef, _ request: RequestView) {
        guard request.argumentCount <= 3 else {
            let called = Self.printed(request[1], limit: 128)
            return answerNow(
                client,
                error: Array("ERR unknown subcommand or wrong number of arguments for '".utf8) + called
                    + "'. Try ACL HELP.".utf8)
        }
        if request.argumentCount == 3 {
            if Self.text(request[2]).lowercased() == "reset" { return answerNow(client, statics.ok) }
            guard Self.integer(request[2]) != nil else { return answerNow(client, error: ProxyError.notAnInteger) }
        }
        answerNow(client) { $0.array(0) }
    }

    /// The one user may do whatever there is.
    private mutating func dryRun(_ client: ClientRef, _ request: RequestView) {
        guard Self.text(request[2]) == "default" else {
            return answerNow(client, error: Array("ERR User '".utf8) + Self.printed(request[2]) + "' not found".utf8)
        }
        guard let row = row(of: request, at: 3) else {
            return answerNow(client, error: Array("ERR Command '".utf8) + Self.printed(request[3]) + "' not found".utf8)
        }
        guard row.pointee.accepts(argumentCount: request.argumentCount - 3) else {
            return answerNow(client, error: ProxyError.wrongArity(wireName(row)))
        }
        answerNow(client, statics.ok)
    }

    private mutating func describeUser(_ client: ClientRef, _ request: RequestView, isOpen: Bool) {
        guard Self.text(request[2]) == "default" else { return answerNow(client) { $0.null() } }
        answerNow(client) { reply in
            reply.map(7)
            reply.bulk("flags")
            reply.set(isOpen ? 2 : 1)
            reply.bulk("on")
            if isOpen { reply.bulk("nopass") }
            reply.bulk("passwords")
            reply.array(0)
            for (key, value) in [
                ("commands", "+@all"), ("keys", "~*"), ("channels", "&*"), ("databases", "alldbs"),
            ] {
                reply.bulk(key)
                reply.bulk(value)
            }
            reply.bulk("selectors")
            reply.array(0)
        }
    }

    /// The servers' settings, with Keyway's own in place of those that are about clients.
    private mutating func configGet(_ client: ClientRef, _ request: RequestView) {
        let pool = poolViews + client.pointee.poolIndex
        guard let shard = anyShard(for: client, sizeBytes: request.sizeBytes) else {
            return answerSettings(client, request, atServer: [])
        }
        gather(
            client, commands[.configGet], .settings(Self.words(request)),
            [GatherRequest(shardIndex: shard - pool.pointee.shards, words: Self.words(request))])
    }

    private mutating func answerSettings(_ client: ClientRef, _ request: RequestView, atServer: [ReplyPair]) {
        let reply = settings(client.pointee.poolIndex, Self.words(request), atServer: atServer)
        answerNow(client, bytes: reply.encode(version: client.pointee.version))
    }

    /// - Parameter words: CONFIG GET and its patterns.
    func settings(_ poolIndex: Int, _ words: [[UInt8]], atServer: [ReplyPair]) -> ReplyValue {
        let own: [(String, String)] = [
            ("client-query-buffer-limit", String(options.limits.requestSizeBytesMax)),
            ("databases", String(pools[poolIndex].options.databaseCount)), ("maxclients", String(options.clientsMax)),
            ("proto-max-bulk-len", String(options.limits.bulkSizeBytesMax)),
            ("timeout", String(options.clientIdleTimeoutS)),
        ]
        let patterns = words.dropFirst(2).map { GlobPattern($0) }
        let found = own.filter { name, _ in patterns.contains { $0.matches(name) } }
        let names = Set(found.map { Array($0.0.utf8) })
        return .map(
            atServer.filter { !names.contains($0.key.bytes ?? []) }
                + found.map { ReplyPair(.text($0.0), .text($0.1)) })
    }
}
