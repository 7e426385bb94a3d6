// CommandDescriptions: what Keyway answers to COMMAND and its subcommands, from the same table that routes.
// Shapes are those of Valkey 9, in both protocol versions; a client cannot tell the answers from a server's,
// except that COMMAND DOCS says how Keyway treats a command.
// Not here: commands that only the backends know (modules).

package import Wire

package struct CommandDescriptions {
    private let table: CommandTable
    private let finder = KeyFinder()

    package init(table: CommandTable) { self.table = table }

    /// The whole reply to a request whose argument 0 is COMMAND, errors included.
    package func reply(to request: RequestView, version: RESPVersion) -> [UInt8] {
        var reply = ReplyBuilder(version: version)
        guard request.argumentCount > 1 else {
            let topLevel = topLevelRows()
            reply.array(topLevel.count)
            for row in topLevel { describe(row, in: &reply) }
            return reply.bytes
        }
        let word = request[1]
        guard
            let row = table.view.subcommand(of: table.view[.command], name: word.start, count: word.count)
        else {
            reply.error("ERR unknown subcommand '\(shortened(word))'. Try COMMAND HELP.")
            return reply.bytes
        }
        let id = row.pointee.id
        guard row.pointee.accepts(argumentCount: request.argumentCount) else {
            reply.error(KeySearch.wrongArity.errorText(wireName: table.wireName(of: id))!)
            return reply.bytes
        }
        switch id {
        case .commandCount: reply.integer(topLevelRows().count)
        case .commandInfo: info(request, in: &reply)
        case .commandList: list(request, in: &reply)
        case .commandDocs: docs(request, in: &reply)
        case .commandGetkeys: keys(request, withFlags: false, in: &reply)
        case .commandGetkeysandflags: keys(request, withFlags: true, in: &reply)
        case .commandHelp: help(in: &reply)
        default: preconditionFailure("CommandDescriptions: \(id) is not answered")
        }
        return reply.bytes
    }

    // MARK: COMMAND, COMMAND INFO

    private func info(_ request: RequestView, in reply: inout ReplyBuilder) {
        guard request.argumentCount > 2 else {
            let topLevel = topLevelRows()
            reply.array(topLevel.count)
            for row in topLevel { describe(row, in: &reply) }
            return
        }
        reply.array(request.argumentCount - 2)
        for index in 2..<request.argumentCount {
            if let row = row(wireName: request[index]) { describe(row, in: &reply) } else { reply.null() }
        }
    }

    /// The ten elements of a command.
    private func describe(_ row: UnsafePointer<CommandRow>, in reply: inout ReplyBuilder) {
        let id = row.pointee.id
        reply.array(10)
        reply.bulk(table.wireName(of: id))
        reply.integer(Int(row.pointee.arity))
        simpleSet(Self.flagNames(row.pointee.flags), in: &reply)
        reply.integer(Int(row.pointee.keyFirst))
        reply.integer(Int(row.pointee.keyLast))
        reply.integer(Int(row.pointee.keyStep))
        simpleSet(categories(of: row).memberNames.map { "@" + $0 }, in: &reply)
        let tips = table.tips(of: id)
        reply.set(tips.count)
        for tip in tips { reply.bulk(String(tip)) }
        reply.set(row.pointee.specCount)
        for index in 0..<row.pointee.specCount { describe(row.pointee.spec(index), of: row, in: &reply) }
        // Valkey says "set" only where there are none.
        if row.pointee.subcommandCount == 0 { return reply.set(0) }
        reply.array(Int(row.pointee.subcommandCount))
        for child in 0..<Int(row.pointee.subcommandCount) { describe(row + 1 + child, in: &reply) }
    }

    private func describe(_ spec: KeySpec, of row: UnsafePointer<CommandRow>, in reply: inout ReplyBuilder) {
        reply.map(3)
        reply.bulk("flags")
        simpleSet(spec.isNotKey ? ["not_key"] : Self.accessNames(row.pointee.flags), in: &reply)
        reply.bulk("begin_search")
        switch spec.begin {
        case .index: searchPart("index", [("index", Int(spec.position))], in: &reply)
        case .keyword:
            reply.map(2)
            reply.bulk("type")
            reply.bulk("keyword")
            reply.bulk("spec")
            reply.map(2)
            reply.bulk("keyword")
            reply.bulk(String(describing: spec.keyword).uppercased())
            reply.bulk("startfrom")
            reply.integer(Int(spec.position))
        case .none, .unknown: searchPart("unknown", [], in: &reply)
        }
        reply.bulk("find_keys")
        switch spec.find {
        case .range:
            let numbers = [("lastkey", Int(spec.last)), ("keystep", Int(spec.step)), ("limit", Int(spec.limit))]
            searchPart("range", numbers, in: &reply)
        case .keynum:
            let numbers = [
                ("keynumidx", Int(spec.keynumOffset)), ("firstkey", Int(spec.firstKeyOffset)),
                ("keystep", Int(spec.step)),
            ]
            searchPart("keynum", numbers, in: &reply)
        case .none, .unknown: searchPart("unknown", [], in: &reply)
        }
    }

    private func searchPart(_ type: String, _ numbers: [(String, Int)], in reply: inout ReplyBuilder) {
        reply.map(2)
        reply.bulk("type")
        reply.bulk(type)
        reply.bulk("spec")
        reply.map(numbers.count)
        for (name, number) in numbers {
            reply.bulk(name)
            reply.integer(number)
        }
    }

    private func simpleSet(_ members: [String], in reply: inout ReplyBuilder) {
        reply.set(members.count)
        for member in members { reply.simple(member) }
    }

    // MARK: COMMAND LIST

    private enum Filter {
        case all
        case nothing
        case category(ACLCategories)
        case pattern(GlobPattern)
    }

    private func list(_ request: RequestView, in reply: inout ReplyBuilder) {
        guard let filter = filter(request) else {
            reply.error("ERR syntax error")
            return
        }
        let rows = (0..<table.view.rowCount).map { table.view.rows + $0 }.filter { row in
            switch filter {
            case .all: true
            case .nothing: false
            case .category(let category): categories(of: row).isSuperset(of: category)
            case .pattern(let pattern): pattern.matches(table.wireName(of: row.pointee.id))
            }
        }
        reply.array(rows.count)
        for row in rows { reply.bulk(table.wireName(of: row.pointee.id)) }
    }

    private func filter(_ request: RequestView) -> Filter? {
        if request.argumentCount == 2 { return .all }
        guard request.argumentCount == 5, text(request[2]).lowercased() == "filterby" else { return nil }
        switch text(request[3]).lowercased() {
        case "module":
            return .nothing
        case "aclcat":
            let index = ACLCategories.names.firstIndex(of: text(request[4]).lowercased())
            return index.map { .category(ACLCategories(rawValue: 1 << UInt32($0))) } ?? .nothing
        case "pattern":
            return .pattern(GlobPattern(Array(request[4].buffer)))
        default:
            return nil
        }
    }

    // MARK: COMMAND DOCS

    private func docs(_ request: RequestView, in reply: inout ReplyBuilder) {
        var rows = topLevelRows()
        if request.argumentCount > 2 { rows = (2..<request.argumentCount).compactMap { row(wireName: request[$0]) } }
        reply.map(rows.count)
        for row in rows { document(row, in: &reply) }
    }

    private func document(_ row: UnsafePointer<CommandRow>, in reply: inout ReplyBuilder) {
        let id = row.pointee.id
        let childCount = Int(row.pointee.subcommandCount)
        reply.bulk(table.wireName(of: id))
        reply.map(childCount > 0 ? 4 : 3)
        reply.bulk("summary")
        reply.bulk(summary(of: row))
        reply.bulk("since")
        reply.bulk(table.since(of: id))
        reply.bulk("group")
        reply.bulk(String(table.group(of: id).map { $0 == "_" ? "-" : $0 }))
        guard childCount > 0 else { return }
        reply.bulk("subcommands")
        reply.map(childCount)
        for child in 0..<childCount { document(row + 1 + child, in: &reply) }
    }

    private func summary(of row: UnsafePointer<CommandRow>) -> String {
        let rule =
            switch row.pointee.commandClass {
            case .key: "Keyway forwards it to the shard of its key"
            case .split: "Keyway splits it by shard and merges the answers; across shards it is not atomic"
            case .compute: "Keyway forwards it if its keys share a shard, otherwise computes the answer from its parts"
            case .sameShard: "Keyway forwards it if all its keys are on one shard, otherwise answers an error"
            case .script: "Keyway forwards it if all its keys are on one shard, otherwise answers an error"
            case .pinned: "Keyway leases it a backend connection of its own"
            case .pubSub: "Keyway sends a channel to its home shard and shares subscriptions"
            case .iterate: "Keyway walks all shards with a cursor of its own"
            case .broadcast: "Keyway sends it to all shards and aggregates the answers"
            case .local: "Keyway answers it itself"
            case .refuse: "Keyway refuses it"
            }
        let treatment = table.treatment(of: row.pointee.id)
        return treatment.isEmpty ? rule + "." : rule + ": " + treatment + "."
    }

    // MARK: COMMAND GETKEYS, COMMAND GETKEYSANDFLAGS

    private func keys(_ request: RequestView, withFlags: Bool, in reply: inout ReplyBuilder) {
        let inner = RequestView(
            start: request.start, sizeBytes: request.sizeBytes, arguments: request.arguments + 2,
            argumentCount: request.argumentCount - 2)
        guard let row = row(of: inner) else {
            reply.error("ERR Invalid command specified")
            return
        }
        guard row.pointee.keyFinding != .none, !row.pointee.spec1.isNotKey else {
            reply.error("ERR The command has no key arguments")
            return
        }
        var keys = KeyList()
        switch finder.find(row, in: inner, into: &keys) {
        case .found, .unknowable:
            break
        case .wrongArity:
            reply.error("ERR Invalid number of arguments specified for command")
            return
        case .noKeys, .badNumkeys, .syntax, .unbalancedStreams:
            // Scripts may have no keys: Valkey lists none, whatever their number says.
            guard row.pointee.flags.contains(.noMandatoryKeys) else {
                reply.error("ERR Invalid arguments specified for command")
                return
            }
            keys.removeAll()
        }
        reply.array(keys.count)
        for index in 0..<keys.count {
            if withFlags { reply.array(2) }
            reply.bulk(Array(inner[keys[index]].buffer))
            if withFlags { simpleSet(Self.accessNames(row.pointee.flags), in: &reply) }
        }
    }

    // MARK: COMMAND HELP

    private func help(in reply: inout ReplyBuilder) {
        let lines = [
            "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "(no subcommand)",
            "    Return details about all commands.",
            "COUNT",
            "    Return the total number of commands that Keyway knows.",
            "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
            "    Return the names of all commands, or of those that match.",
            "INFO [<command-name> ...]",
            "    Return details about these commands, or about all.",
            "DOCS [<command-name> ...]",
            "    Return how Keyway treats these commands, or all.",
            "GETKEYS <full-command>",
            "    Return the keys from a full command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys and the access flags from a full command.",
            "HELP",
            "    Print this help.",
        ]
        reply.array(lines.count)
        for line in lines { reply.simple(line) }
    }

    // MARK: Names

    private func topLevelRows() -> [UnsafePointer<CommandRow>] {
        var rows: [UnsafePointer<CommandRow>] = []
        var index = 0
        while index < table.view.rowCount {
            rows.append(table.view.rows + index)
            index += 1 + Int(table.view.rows[index].subcommandCount)
        }
        return rows
    }

    /// `get`, `config|get`.
    private func row(wireName: ByteView) -> UnsafePointer<CommandRow>? {
        guard let bar = wireName.buffer.firstIndex(of: UInt8(ascii: "|")) else {
            return table.view.row(name: wireName.start, count: wireName.count)
        }
        guard let container = table.view.row(name: wireName.start, count: bar) else { return nil }
        return table.view.subcommand(
            of: container, name: wireName.start + bar + 1, count: wireName.count - bar - 1)
    }

    /// The row of a whole request; a container without a subcommand is a row too.
    private func row(of request: RequestView) -> UnsafePointer<CommandRow>? {
        let name = request[0]
        guard let row = table.view.row(name: name.start, count: name.count) else { return nil }
        guard row.pointee.flags.contains(.container), request.argumentCount > 1 else { return row }
        let word = request[1]
        return table.view.subcommand(of: row, name: word.start, count: word.count)
    }

    private func categories(of row: UnsafePointer<CommandRow>) -> ACLCategories {
        ACLCategories(of: row.pointee, group: table.group(of: row.pointee.id))
    }

    private func text(_ bytes: ByteView) -> String { String(decoding: bytes.buffer, as: UTF8.self) }

    /// Valkey quotes at most 128 bytes of what a client wrote.
    private func shortened(_ bytes: ByteView) -> String {
        String(decoding: bytes.buffer.prefix(128), as: UTF8.self)
    }

    /// The flags that COMMAND shows; Valkey keeps the others to itself.
    private static func flagNames(_ flags: CommandFlags) -> [String] {
        let shown: [(CommandFlags, String)] = [
            (.write, "write"), (.readonly, "readonly"), (.denyOOM, "denyoom"), (.admin, "admin"),
            (.pubSub, "pubsub"), (.noscript, "noscript"), (.blocking, "blocking"), (.loading, "loading"),
            (.stale, "stale"), (.skipMonitor, "skip_monitor"), (.skipCommandlog, "skip_commandlog"),
            (.asking, "asking"), (.fast, "fast"), (.noAuth, "no_auth"), (.noMandatoryKeys, "no_mandatory_keys"),
            (.noAsyncLoading, "no_async_loading"), (.noMulti, "no_multi"), (.movableKeys, "movablekeys"),
            (.allowBusy, "allow_busy"),
        ]
        return shown.filter { flags.contains($0.0) }.map(\.1)
    }

    private static func accessNames(_ flags: CommandFlags) -> [String] {
        flags.contains(.readonly) ? ["RO", "access"] : ["RW", "access", "update"]
    }
}
