// SettingsReader: from the tree of a file to Settings, with the rules that hold between two keys, servers or pools.
// Nothing stops it before the end of the file: all errors are collected, then put in file order.
// Not here: ranges, defaults and words of single keys (SettingsTable, SettingsSection).

struct SettingsReader {
    let file: String
    private(set) var errors: [SettingsError] = []
    private(set) var warnings: [SettingsError] = []
    private var process: ProcessSettings?
    private var pools: [PoolSettings] = []
    private var texts: [String: String] = [:]
    /// Where `listen:` and `directory:` of a pool stand, by its name.
    private var listenLines: [String: Int] = [:]
    private var directoryLines: [String: Int] = [:]

    init(file: String) { self.file = file }

    mutating func read(_ root: YAMLValue?) throws(SettingsErrors) -> Settings {
        let noPool = "add a pool (a name, listen: and servers:), or start without a file for four embedded servers"
        if let root, let entries = root.entries {
            for entry in entries { read(entry) }
            // A pool that is wrong has its own errors, and so has a reserved key that holds no map.
            if pools.isEmpty, errors.isEmpty { note(0, "", "has no pool", noPool) }
        } else if let root {
            note(root.line, "", "the file is \(root.shape), not a map of pools", noPool)
        } else {
            note(0, "", "has no pool", noPool)
        }
        checkListenAddresses()
        checkDirectories()
        checkGutters()
        guard errors.isEmpty else { throw SettingsErrors(Self.inFileOrder(errors)) }
        return Settings(
            process: process ?? Settings.standard.process, pools: pools, warnings: Self.inFileOrder(warnings),
            texts: texts)
    }

    private mutating func read(_ entry: YAMLEntry) {
        let isProcess = entry.key == SettingsTable.processKey
        if let firstLine = entry.firstLine {
            let remedy = isProcess ? "put all its keys in one map" : "give one of the two pools another name"
            note(entry.line, entry.key, "is a duplicate of line \(firstLine)", remedy)
        }
        if entry.key.isEmpty { note(entry.line, "", "a pool has an empty name", "give it a name") }
        guard let keys = entry.value.entries else {
            let remedy =
                if isProcess {
                    "indent the keys of the process below it, or remove the line"
                } else if entry.key == "<<" {
                    "write the pools out; Keyway reads no YAML merge keys"
                } else if SettingsTable.row(.process, entry.key) != nil {
                    "write it under the top-level key \(SettingsTable.processKey):"
                } else if SettingsTable.row(.pool, entry.key) != nil {
                    "write it under the name of a pool, indented"
                } else {
                    "a top-level key is the name of a pool; indent the keys of the pool below it"
                }
            return note(entry.line, entry.key, "is \(entry.value.shape), not a map of keys", remedy)
        }
        for key in keys where key.key != "servers" {
            let text = key.value.text ?? key.value.items?.map { $0.text ?? $0.shape }.joined(separator: ", ")
            guard text != SettingsTable.row(isProcess ? .process : .pool, key.key)?.defaultText else { continue }
            texts["\(entry.key).\(key.key)"] = text
        }
        var section = SettingsSection(
            keys, scope: isProcess ? .process : .pool, path: entry.key, line: entry.line, file: file)
        if isProcess {
            process = Self.process(&section)
        } else if let pool = pool(&section) {
            pools.append(pool)
        }
        errors += section.errors
        warnings += section.warnings
    }

    // MARK: Process

    /// All defaults come through here too, from a section without entries.
    static func process(_ section: inout SettingsSection) -> ProcessSettings {
        let pacing: ProcessSettings.Pacing =
            switch section.text("pacing") {
            case nil, "auto": .automatic
            case "off": .off
            default: .microseconds(section.number("pacing"))
            }
        let settings = ProcessSettings(
            workers: section.number("workers"), pacing: pacing, drainTimeoutMs: section.number("drain_timeout"),
            logLevel: .init(rawValue: section.word("log_level"))!, logsJSON: section.word("log_format") == "json",
            statsListen: tcpAddress("stats_listen", &section),
            adminListen: tcpAddress("admin_listen", loopbackPort: true, &section),
            adminToken: adminToken(&section),
            adminHosts: (section.text("admin_hosts") ?? "").split(separator: " ").map { $0.lowercased() },
            slowLogSlowerThanMs: section.number("slowlog_slower_than"),
            slowLogCountMax: section.number("slowlog_max_len"), slowLogShowsKeys: section.boolean("slowlog_keys"),
            clientCountMax: section.number("maxclients"),
            protoMaxBulkLenBytes: section.number("proto_max_bulk_len"),
            clientQueryBufferLimitBytes: section.number("client_query_buffer_limit"),
            clientOutputBufferLimitBytes: section.number("client_output_buffer_limit"),
            clientOutputBufferPauseBytes: section.number("client_output_buffer_pause"),
            clientOutputBufferSoftLimitBytes: section.number("client_output_buffer_soft_limit"),
            clientOutputBufferSoftSeconds: section.number("client_output_buffer_soft_time"),
            memoryLimitBytes: section.number("memory_limit"), acceptRateMax: section.number("accept_rate"),
            clientInFlightCountMax: section.number("client_in_flight_max"),
            clientIdleTimeoutSeconds: section.number("client_idle_timeout"))
        requireOrder(
            "client_output_buffer_pause", settings.clientOutputBufferPauseBytes, "client_output_buffer_limit",
            settings.clientOutputBufferLimitBytes, ByteSize.text, &section)
        if let admin = settings.adminListen, admin == settings.statsListen {
            section.note("admin_listen", "is the address of stats_listen too", "give each its own address")
        }
        return settings
    }

    /// - Parameter loopbackPort: a number alone is a port of this machine's own address.
    private static func tcpAddress(
        _ key: String, loopbackPort: Bool = false, _ section: inout SettingsSection
    ) -> ListenAddress? {
        guard let text = section.text(key) else { return nil }
        if loopbackPort, let port = ListenAddress.portNumber(text[...]) { return .tcp(host: "127.0.0.1", port: port) }
        let form = loopbackPort ? "write host:port, or a port" : "write host:port"
        switch ListenAddress.parse(text) {
        case .success(.unix): section.note(key, "\"\(text)\" has no port", form)
        case .success(let address): return address
        case .failure(let flaw): section.note(key, flaw.problem, form)
        }
        return nil
    }

    private static let adminTokenLengthMin = 16

    private static func adminToken(_ section: inout SettingsSection) -> String? {
        guard let token = section.text("admin_token") else { return nil }
        if token.utf8.count < adminTokenLengthMin || token.contains(where: { $0.isWhitespace || !$0.isASCII }) {
            section.note(
                "admin_token", "it has \(token.utf8.count) characters, or some that a header cannot carry",
                "take \(adminTokenLengthMin) or more random letters and digits")
        }
        return token
    }

    /// Notes that the value of `low` is above the value of `high`, at the key that the file has.
    static func requireOrder(
        _ low: String, _ lowValue: Int, _ high: String, _ highValue: Int, _ text: (Int) -> String,
        _ section: inout SettingsSection
    ) {
        guard lowValue > highValue else { return }
        if section.has(low) {
            section.note(
                low, "\(text(lowValue)) is above \(high) \(text(highValue))",
                "use at most \(text(highValue)), or raise \(high)")
        } else {
            section.note(
                high, "\(text(highValue)) is below \(low) \(text(lowValue))",
                "use at least \(text(lowValue)), or lower \(low)")
        }
    }

    // MARK: Pool

    private mutating func pool(_ section: inout SettingsSection) -> PoolSettings? {
        var listen: ListenAddress?
        if let text = section.text("listen") {
            switch ListenAddress.parse(text) {
            case .success(let address):
                listen = address
                listenLines[section.path] = section.line(of: "listen")
            case .failure(let flaw): section.note("listen", flaw.problem, flaw.remedy)
            }
        }
        let servers = servers(&section)
        // An unusable pool is read on, for its errors; these stand-ins leave with it.
        let pool = Self.pool(
            &section, listen: listen ?? .tcp(host: "", port: 0), servers: servers ?? .list([]))
        return listen == nil || servers == nil ? nil : pool
    }

    static func pool(_ section: inout SettingsSection, listen: ListenAddress, servers: PoolSettings.Servers)
        -> PoolSettings
    {
        let hashTag = section.text("hash_tag")
        if let hashTag, hashTag.utf8.count != 2 {
            section.note(
                "hash_tag", "\"\(hashTag)\" has \(hashTag.utf8.count) bytes, not exactly 2",
                "use two characters such as \"{}\", or remove the line")
        }
        if !section.boolean("redis") {
            section.note(
                "redis", "false asks for the memcached protocol, which Keyway does not speak",
                "use true and servers that are Valkey or Redis, or leave this pool to twemproxy")
        }
        let pool = PoolSettings(
            name: section.path, line: section.line, listen: listen, servers: servers, hash: section.word("hash"),
            distribution: section.word("distribution"), hashTag: hashTag,
            isCharSigned: section.word("char") == "signed", timeoutMs: section.number("timeout"),
            connectTimeoutMs: section.number("connect_timeout"), backlog: section.number("backlog"),
            clientConnectionCountMax: section.number("client_connections"),
            hasTCPKeepalive: section.boolean("tcpkeepalive"), redisAuth: section.text("redis_auth"),
            redisDatabase: section.number("redis_db"), preconnects: section.boolean("preconnect"),
            reliability: reliability(&section), hotKeys: hotKeys(&section),
            stampede: stampede(&section), coalesce: .init(rawValue: section.word("coalesce"))!,
            serverConnectionCount: section.number("server_connections"),
            serverQueueLimitBytes: section.number("server_queue_limit"),
            serverInFlightCountMax: section.number("server_in_flight_max"),
            reconnectBackoffMs: section.number("reconnect_backoff"),
            reconnectBackoffMaxMs: section.number("reconnect_backoff_max"),
            tombstoneCountMax: section.number("tombstones_max"),
            transferConnectionCountMax: section.number("transfer_connections"),
            leasedConnectionCountMax: section.number("leased_connections"),
            databaseCount: section.number("databases"),
            splitsTransactions: section.word("transactions") == "per_shard",
            allowsOperatorCommands: section.boolean("operator_commands"),
            hasClusterFacade: section.boolean("cluster_facade"),
            computesAcrossShards: section.word("cross_shard") == "compute",
            computeSizeBytes: section.number("compute_size"), computeCellCount: section.number("compute_lcs_cells"))
        requireOrder(
            "reconnect_backoff", pool.reconnectBackoffMs, "reconnect_backoff_max", pool.reconnectBackoffMaxMs,
            { "\($0)" }, &section)
        warn(about: pool, &section)
        return pool
    }

    private static func warn(about pool: PoolSettings, _ section: inout SettingsSection) {
        if section.has("sentinels") {
            section.warn(
                "sentinels", "is accepted but not used: Keyway does not ask sentinels",
                "list the servers under servers:, and remove the line")
        }
        if !section.boolean("reuseport") {
            section.warn(
                "reuseport", "false has no effect: Keyway always listens with SO_REUSEPORT", "remove the line")
        }
        if pool.clientConnectionCountMax > 0 {
            section.warn(
                "client_connections",
                "twemproxy ignores this limit; Keyway honours it and refuses more than "
                    + "\(pool.clientConnectionCountMax) clients",
                "remove the line if no limit is wanted")
        }
        if pool.serverConnectionCount > 1 {
            section.warn(
                "server_connections",
                "every worker opens \(pool.serverConnectionCount) connections to every server",
                "1 is most often enough, as requests share a connection without waiting for each other's replies")
        }
        if pool.hotKeys.mode == .replicate, pool.servers.count < 2 {
            section.warn(
                "hot_keys", "replicate has no effect: the pool has one server, and copies need another one",
                "write cache, which keeps copies in memory")
        }
        if pool.hotKeys.staleMs > 0, pool.hotKeys.mode != .replicate {
            section.warn(
                "serve_stale", "has no effect: copies that outlive their server are those of hot_keys: replicate",
                "remove the line, or write hot_keys: replicate")
        }
        if case .remap(_, .keep) = pool.reliability.failureMode {
            section.warn(
                section.has("auto_eject_hosts") ? "auto_eject_hosts" : "on_failure",
                "a server that returns has old values of the keys that were written elsewhere meanwhile",
                "add eject_return: flush for a cache, or hold to bring it back by hand")
        }
    }

    // MARK: Servers

    private mutating func servers(_ section: inout SettingsSection) -> PoolSettings.Servers? {
        guard let entry = section.entry("servers") else { return nil }
        if let keys = entry.value.entries {
            return embedded(keys, entry.line, section.path).map { .embedded($0) }
        }
        guard let items = entry.value.items else {
            let line = entry.value.text ?? ""
            section.note(
                "servers", "is a single value, not a list", "write it below servers: as a line \"- \(line)\"")
            return nil
        }
        if items.isEmpty {
            section.note("servers", "has no servers", "add a line such as - 127.0.0.1:6379:1")
            return nil
        }
        var servers: [ServerSettings] = []
        var ringLines: [String: Int] = [:]
        for item in items {
            guard let text = item.text else {
                section.note("servers", item.line, "is \(item.shape), not a server", "write host:port:weight")
                continue
            }
            guard !text.isEmpty else {
                section.note("servers", item.line, "a server has no value", "write host:port:weight")
                continue
            }
            switch ServerSettings.parse(text, line: item.line) {
            case .failure(let flaw): section.note("servers", item.line, flaw.problem, flaw.remedy)
            case .success(let server):
                if let firstLine = ringLines[server.ringName] {
                    section.note(
                        "servers", item.line,
                        "\"\(text)\" has the ring name \"\(server.ringName)\" of line \(firstLine)",
                        "remove the line, or give it another name: \(server.displayName) NAME")
                }
                ringLines[server.ringName] = ringLines[server.ringName] ?? item.line
                servers.append(server)
            }
        }
        return .list(servers)
    }

    private mutating func embedded(_ keys: [YAMLEntry], _ line: Int, _ pool: String) -> EmbeddedSettings? {
        var section = SettingsSection(keys, scope: .embedded, path: "\(pool).servers", line: line, file: file)
        let settings = Self.embedded(&section)
        if settings.persistence != .none, settings.directory == nil {
            section.note(
                "persistence", "\(settings.persistence.rawValue) needs a directory, and there is none",
                "add directory: with the path where data is to last, or use persistence: none")
        }
        directoryLines[pool] = section.line(of: "directory")
        errors += section.errors
        warnings += section.warnings
        return settings
    }

    static func embedded(_ section: inout SettingsSection) -> EmbeddedSettings {
        EmbeddedSettings(
            line: section.line, count: section.number("embedded"), memoryBytes: section.number("memory"),
            eviction: section.word("eviction"), persistence: .init(rawValue: section.word("persistence"))!,
            directory: section.text("directory"), binary: section.text("binary"))
    }

    // MARK: Between pools

    private mutating func checkListenAddresses() {
        var owners: [(address: ListenAddress, name: String)] = []
        if let stats = process?.statsListen { owners.append((stats, "\(SettingsTable.processKey).stats_listen")) }
        if let admin = process?.adminListen { owners.append((admin, "\(SettingsTable.processKey).admin_listen")) }
        for pool in pools {
            let isTaken = { (other: ListenAddress) -> Bool in
                guard case (.unix(let path, _), .unix(let otherPath, _)) = (pool.listen, other) else {
                    return pool.listen == other
                }
                return path == otherPath  // Two modes do not make two sockets.
            }
            if let owner = owners.first(where: { isTaken($0.address) }) {
                note(
                    listenLines[pool.name] ?? pool.line, "\(pool.name).listen", "is the address of \(owner.name) too",
                    "give each its own address")
            } else {
                owners.append((pool.listen, pool.name))
            }
        }
    }

    /// A pool that stands in for another one must be there, and have nobody that stands in for itself.
    private mutating func checkGutters() {
        for pool in pools {
            guard case .gutter(let name, _) = pool.reliability.failureMode else { continue }
            let known = pools.map(\.name).filter { $0 != pool.name }.joined(separator: ", ")
            guard name != pool.name, let other = pools.first(where: { $0.name == name }) else {
                note(
                    pool.line, "\(pool.name).gutter", "\"\(name)\" is not another pool of this file",
                    known.isEmpty ? "add a pool of spare servers" : "use one of \(known)")
                continue
            }
            if case .gutter = other.reliability.failureMode {
                note(
                    pool.line, "\(pool.name).gutter", "pool \(name) has a gutter itself",
                    "use on_failure: fail_fast for pool \(name)")
            }
        }
    }

    private mutating func checkDirectories() {
        var owners: [String: String] = [:]
        for pool in pools {
            guard case .embedded(let embedded) = pool.servers, let directory = embedded.directory else { continue }
            if let owner = owners[directory] {
                note(
                    directoryLines[pool.name] ?? embedded.line, "\(pool.name).servers.directory",
                    "is the directory of pool \(owner) too", "give each pool its own directory")
            } else {
                owners[directory] = pool.name
            }
        }
    }

    // MARK: Findings

    private mutating func note(_ line: Int, _ key: String, _ problem: String, _ remedy: String) {
        errors.append(SettingsError(file: file, line: line, key: key, problem: problem, remedy: remedy))
    }

    /// Findings of one line stay in the order in which they were found.
    private static func inFileOrder(_ findings: [SettingsError]) -> [SettingsError] {
        findings.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
    }
}
