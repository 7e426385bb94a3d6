// LearnedCommands: commands that servers have and the table lacks, of modules or of newer servers, as COMMAND INFO
// tells them. A name is asked about when a client first uses it, and again after a reconnect; that nobody knows it is
// kept too, for a bounded number of names.
// A command whose keys only its server can find is not learned: Keyway could not tell its shard.
// Not here: asking (Session), the commands that Keyway knows (CommandTable).

import Wire

package final class LearnedCommands {
    package enum Answer: Equatable {
        /// Nobody was asked yet.
        case notAsked
        /// No server knows it.
        case unknown
        case row(UnsafePointer<CommandRow>)
    }

    /// Nil: no server knows it.
    private var rows: [[UInt8]: UnsafeMutablePointer<CommandRow>?] = [:]
    private static let countMax = 1_024

    package init() {}

    deinit { removeAll() }

    package func removeAll() {
        for row in rows.values { row?.deallocate() }
        rows = [:]
    }

    package func answer(for name: [UInt8]) -> Answer {
        guard let known = rows[name] else { return .notAsked }
        return known.map { .row(UnsafePointer($0)) } ?? .unknown
    }

    /// - Parameters:
    ///   - name: in lower case.
    ///   - info: the reply to COMMAND INFO of this one name.
    package func learn(_ name: [UInt8], _ info: ReplyValue) {
        // Clients choose the names: this many of them are no honest ones.
        if rows.count >= Self.countMax { removeAll() }
        let facts = info.elements?.first?.elements ?? []
        guard let row = Self.row(facts) else {
            rows[name] = .some(nil)
            return
        }
        let stored = UnsafeMutablePointer<CommandRow>.allocate(capacity: 1)
        stored.initialize(to: row)
        rows[name] = stored
    }

    /// `[name, arity, [flags], first, last, step, [categories], [tips], [key specifications], [subcommands]]`.
    private static func row(_ facts: [ReplyValue]) -> CommandRow? {
        guard facts.count >= 6, let arity = facts[1].integer.flatMap({ Int16(exactly: $0) }),
            let first = facts[3].integer.flatMap({ Int16(exactly: $0) }),
            let last = facts[4].integer.flatMap({ Int16(exactly: $0) }),
            let step = facts[5].integer.flatMap({ Int16(exactly: $0) })
        else { return nil }
        let words = Set((facts[2].elements ?? []).compactMap(\.text))
        let tips = facts.count > 7 ? (facts[7].elements ?? []).compactMap(\.text) : []
        guard !words.contains("movablekeys"), !words.contains("pubsub") else { return nil }
        var flags: CommandFlags = words.contains("write") ? .write : words.contains("readonly") ? .readonly : []
        if tips.contains("nondeterministic_output") { flags.insert(.nondeterministicOutput) }
        if first > 0 {
            guard step > 0, last != 0 else { return nil }
            let isSingle = first == last
            let range = KeySpec.range(at: first, last: last < 0 ? last : last - first, step: step, limit: 0)
            return CommandRow(
                .learned, words.contains("blocking") ? .pinned : isSingle ? .key : .sameShard, arity: arity, flags,
                finding: isSingle ? .single : .range, first: first, last: last, step: step, range)
        }
        let asksAll = tips.contains("request_policy:all_shards") || tips.contains("request_policy:all_nodes")
        return CommandRow(
            .learned, asksAll ? .broadcast : .script, arity: arity, flags,
            request: asksAll ? .allShards : .none, response: responsePolicy(tips))
    }

    private static func responsePolicy(_ tips: [String]) -> ResponsePolicy {
        for tip in tips {
            switch tip {
            case "response_policy:agg_sum": return .sum
            case "response_policy:agg_min": return .minimum
            case "response_policy:agg_logical_and": return .logicalAnd
            case "response_policy:one_succeeded": return .oneSucceeded
            case "response_policy:special": return .special
            default: continue
            }
        }
        return .allSucceeded
    }

    /// How the replies of all shards become one; nil: in no way that a policy names.
    package static func mergeRule(_ policy: ResponsePolicy) -> MergeRule? {
        switch policy {
        case .none, .allSucceeded: .allSucceeded
        case .sum: .sum
        case .minimum: .minimum
        case .logicalAnd: .logicalAnd
        case .oneSucceeded: .oneSucceeded
        case .special: nil
        }
    }
}
