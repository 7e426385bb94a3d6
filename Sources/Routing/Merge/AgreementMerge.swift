// AgreementMerge: FUNCTION LIST, DUMP and STATS: functions belong on every shard, so one shard speaks for all.
// That all agree is checked first, by meaning: servers give libraries, functions and flags in an order of their own, so
// what has no order is sorted before it is compared, in a DUMP too. Where they differ, the reply is an error that names
// the shards.

import Wire

enum AgreementMerge {
    static func functionList(_ parts: [ShardReply], wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        try agreed(parts, wireName: wireName) { canonical($0) }
    }

    static func functionDump(_ parts: [ShardReply], wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        try agreed(parts, wireName: wireName) { reply in
            guard case .bulk(let payload?) = reply else { return nil }
            guard let records = FunctionDump.records(payload) else { return reply }
            return .array(records.sorted { Member($0) < Member($1) }.map { .bulk($0) })
        }
    }

    /// The script that runs longest, of those that run; of engines and counts the highest.
    static func functionStats(_ parts: [ShardReply], wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        var running: (durationMs: Int, script: ReplyValue)?
        var engines: [ReplyPair] = []
        for part in parts {
            guard let fields = part.reply.pairs,
                let script = fields.first(where: { $0.key.text == "running_script" })?.value,
                let own = fields.first(where: { $0.key.text == "engines" })?.value.pairs
            else { throw ShardMerge.badPart(part, wireName: wireName) }
            if !script.isNull {
                let duration = script.pairs?.first { $0.key.text == "duration_ms" }?.value.integer ?? 0
                if running.map({ $0.durationMs < duration }) ?? true { running = (duration, script) }
            }
            for engine in own { raise(&engines, engine) }
        }
        let script = running.map { run in run.script.pairs.map { .map($0) } ?? run.script } ?? .null
        return .map([ReplyPair(.text("running_script"), script), ReplyPair(.text("engines"), .map(engines))])
    }

    private static func raise(_ engines: inout [ReplyPair], _ engine: ReplyPair) {
        guard let place = engines.firstIndex(where: { $0.key == engine.key }) else {
            return engines.append(ReplyPair(engine.key, engine.value.pairs.map { .map($0) } ?? engine.value))
        }
        guard case .map(var known) = engines[place].value, let counts = engine.value.pairs else { return }
        for count in counts {
            guard let index = known.firstIndex(where: { $0.key == count.key }) else { continue }
            known[index].value = .integer(max(known[index].value.integer ?? 0, count.value.integer ?? 0))
        }
        engines[place].value = .map(known)
    }

    // MARK: Agreement

    /// - Parameter meaning: equal for replies that mean the same; nil for what is no such reply.
    private static func agreed(
        _ parts: [ShardReply], wireName: String, meaning: (ReplyValue) -> ReplyValue?
    ) throws(ShardMerge.Fault) -> ReplyValue {
        var groups: [(meaning: ReplyValue, members: [ShardReply])] = []
        for part in parts {
            guard let mine = meaning(part.reply) else { throw ShardMerge.badPart(part, wireName: wireName) }
            if let place = groups.firstIndex(where: { $0.meaning == mine }) {
                groups[place].members.append(part)
            } else {
                groups.append((mine, [part]))
            }
        }
        // The first of the largest groups.
        let most = groups.map(\.members.count).max() ?? 0
        let main = groups.first { $0.members.count == most }!
        if groups.count == 1 { return main.members[0].reply }
        let others = parts.filter { part in !main.members.contains { $0.shard == part.shard } }
        throw ShardMerge.Fault(
            text: "ERR '\(wireName)': the functions of \(names(others)) differ from those of \(names(main.members)). "
                + "Load or delete the libraries again through Keyway, which does it on all shards, or ask one: "
                + "KEYWAY ON \(others[0].shard) ...")
    }

    private static func names(_ parts: [ShardReply]) -> String {
        let shown = parts.prefix(4).map(\.shard).joined(separator: ", ")
        return "shard \(shown)" + (parts.count > 4 ? " and \(parts.count - 4) more" : "")
    }

    /// Everything without an order in the one order: entries of maps by key, libraries and functions by name, flags.
    private static func canonical(_ reply: ReplyValue) -> ReplyValue? {
        guard let libraries = reply.elements else { return nil }
        return sorted(libraries.map { named($0) { _, value in sorted((value.elements ?? []).map(function)) } })
    }

    private static func function(_ reply: ReplyValue) -> ReplyValue {
        named(reply) { _, value in sorted(value.elements ?? []) }
    }

    /// - Parameter list: what becomes of a value that is a list.
    private static func named(_ reply: ReplyValue, list: (ReplyValue, ReplyValue) -> ReplyValue) -> ReplyValue {
        guard let pairs = reply.pairs else { return reply }
        return sorted(
            pairs.map { pair in
                .array([pair.key, pair.value.elements == nil ? pair.value : list(pair.key, pair.value)])
            })
    }

    private static func sorted(_ values: [ReplyValue]) -> ReplyValue {
        let encoded = values.map { (key: Member($0.encode(version: .three)), value: $0) }
        return .array(encoded.sorted { $0.key < $1.key }.map(\.value))
    }
}
