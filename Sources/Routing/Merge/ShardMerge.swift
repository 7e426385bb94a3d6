// ShardMerge: the replies of all shards to an operator's command become one reply that clients can still read.
// Cold path: replies are trees here. What can be one server's answer is one (sums, maxima, one list in order); where it
// matters which shard an entry is from, the shard is named inside the form that clients know. One shard alone answers
// as it is. Which rule a command has is in `Rule`; how each works is at its own place (LogMerge, LatencyMerge,
// MemoryMerge, AgreementMerge, SlotMerge).
// Not here: replies merged as bytes on the data path (ReplyMerge), INFO (Session), who is asked (Session).

/// What one shard answered.
package struct ShardReply: Equatable, Sendable {
    package let shard: String
    package let reply: ReplyValue

    package init(shard: String, reply: ReplyValue) {
        self.shard = shard
        self.reply = reply
    }
}

package struct ShardMerge: Sendable {
    enum Rule: Equatable, Sendable {
        /// SLOWLOG GET, COMMANDLOG GET.
        case log
        /// SLOWLOG LEN, COMMANDLOG LEN, LATENCY RESET: integers are added.
        case sum
        /// SLOWLOG RESET, CONFIG SET and the like: OK when it is on all.
        case allSucceeded
        /// SCRIPT SHOW: a script has one text, whoever knows it.
        case oneSucceeded
        /// LATENCY DOCTOR, MEMORY DOCTOR, MEMORY MALLOC-STATS: texts below each other.
        case texts
        /// LATENCY GRAPH: texts of the shards that have samples.
        case graphs
        case latencyLatest, latencyHistory, latencyHistogram
        case memoryStats
        case functionStats
        /// FUNCTION LIST, FUNCTION DUMP: one shard's answer, if all mean the same.
        case functionList, functionDump
        case slotStats
    }

    let rule: Rule
    /// `slowlog|get`, for errors.
    let wireName: String
    let arguments: [[UInt8]]

    /// - Parameters:
    ///   - wireName: as in Valkey's errors, `slowlog|get`.
    ///   - arguments: the client's, the name first. All shards get them as they are.
    /// - Returns: nil when the replies of this command are not merged here.
    package init?(_ id: CommandID, wireName: String, arguments: [[UInt8]]) {
        switch id {
        case .slowlogGet, .commandlogGet: rule = .log
        case .slowlogLen, .commandlogLen, .latencyReset: rule = .sum
        case .slowlogReset, .commandlogReset, .configSet, .configResetstat, .memoryPurge: rule = .allSucceeded
        case .scriptShow: rule = .oneSucceeded
        case .latencyDoctor, .memoryDoctor, .memoryMallocStats: rule = .texts
        case .latencyGraph: rule = .graphs
        case .latencyLatest: rule = .latencyLatest
        case .latencyHistory: rule = .latencyHistory
        case .latencyHistogram: rule = .latencyHistogram
        case .memoryStats: rule = .memoryStats
        case .functionStats: rule = .functionStats
        case .functionList: rule = .functionList
        case .functionDump: rule = .functionDump
        case .clusterSlotStats: rule = .slotStats
        default: return nil
        }
        self.wireName = wireName
        self.arguments = arguments
    }

    /// - Parameter parts: at least one, in the shards' order.
    /// - Returns: the reply for the client, an error included.
    package func merge(_ parts: [ShardReply]) -> ReplyValue {
        precondition(!parts.isEmpty, "ShardMerge: no part")
        if parts.count == 1 { return parts[0].reply }
        do {
            return try merged(parts)
        } catch {
            return .failure(error.text)
        }
    }

    /// The error for the client.
    struct Fault: Error {
        let text: String
    }

    private func merged(_ parts: [ShardReply]) throws(Fault) -> ReplyValue {
        switch rule {
        case .oneSucceeded:
            return (parts.first { $0.reply.errorText == nil } ?? parts[0]).reply
        case .graphs:
            return try graphs(parts)
        default: break
        }
        try refuseErrors(parts)
        switch rule {
        case .log: return try LogMerge.merge(parts, count: logCount, wireName: wireName)
        case .sum: return .integer(try sum(parts))
        case .allSucceeded: return parts[0].reply
        case .texts: return try texts(parts)
        case .latencyLatest: return try LatencyMerge.latest(parts, wireName: wireName)
        case .latencyHistory: return try LatencyMerge.history(parts, wireName: wireName)
        case .latencyHistogram: return try LatencyMerge.histogram(parts, wireName: wireName)
        case .memoryStats: return try MemoryMerge.stats(parts, wireName: wireName)
        case .functionStats: return try AgreementMerge.functionStats(parts, wireName: wireName)
        case .functionList: return try AgreementMerge.functionList(parts, wireName: wireName)
        case .functionDump: return try AgreementMerge.functionDump(parts, wireName: wireName)
        case .slotStats: return try SlotMerge.merge(parts, arguments: arguments, wireName: wireName)
        case .oneSucceeded, .graphs: preconditionFailure("ShardMerge: \(rule) was answered above")
        }
    }

    /// The same error from all is one server's answer; an error of some is the error of the whole, with the first of
    /// those shards named and its code word first.
    private func refuseErrors(_ parts: [ShardReply]) throws(Fault) {
        let failed = parts.filter { $0.reply.errorText != nil }
        guard let first = failed.first, let text = first.reply.errorText else { return }
        if failed.count == parts.count, failed.allSatisfy({ $0.reply == first.reply }) { throw Fault(text: text) }
        let code = text.prefix { $0 != " " }
        throw Fault(
            text: "\(code) '\(wireName)' failed on \(failed.count) of \(parts.count) shards, first on \(first.shard): "
                + text)
    }

    static func badPart(_ part: ShardReply, wireName: String) -> Fault {
        Fault(
            text: "ERR shard \(part.shard) answered '\(wireName)' with something of another shape; "
                + "is it a Valkey or Redis server?")
    }

    // MARK: Simple rules

    /// SLOWLOG GET without a count gives 10; -1 is all. A bad count never comes here: the shards refuse it.
    private var logCount: Int {
        guard arguments.count > 2 else { return 10 }
        let count = ArgumentText.integer(arguments[2]) ?? -1
        return count < 0 ? .max : count
    }

    private func sum(_ parts: [ShardReply]) throws(Fault) -> Int {
        var sum = 0
        for part in parts {
            guard let value = part.reply.integer else { throw Self.badPart(part, wireName: wireName) }
            let (added, overflows) = sum.addingReportingOverflow(value)
            guard !overflows else { throw Self.badPart(part, wireName: wireName) }
            sum = added
        }
        return sum
    }

    /// `# shard NAME`, then its text, a blank line between two shards.
    private func texts(_ parts: [ShardReply]) throws(Fault) -> ReplyValue {
        var whole: [UInt8] = []
        var isVerbatim = false
        for part in parts {
            switch part.reply {
            case .verbatim(_, let text), .bulk(.some(let text)):
                if !whole.isEmpty { whole += Array("\n".utf8) }
                whole += Array("# shard \(part.shard)\n".utf8) + text
                if whole.last != UInt8(ascii: "\n") { whole += Array("\n".utf8) }
            default: throw Self.badPart(part, wireName: wireName)
            }
            if case .verbatim = part.reply { isVerbatim = true }
        }
        return isVerbatim ? .verbatim(format: Array("txt".utf8), text: whole) : .bulk(whole)
    }

    /// A shard without samples of the event is left out; without any, its error is the reply.
    private func graphs(_ parts: [ShardReply]) throws(Fault) -> ReplyValue {
        let graphs = parts.filter { $0.reply.errorText?.hasPrefix("ERR No samples available") != true }
        guard let first = graphs.first else { return parts[0].reply }
        if graphs.count == 1, let text = first.reply.errorText { throw Fault(text: text) }
        try refuseErrors(graphs)
        return try texts(graphs)
    }
}
