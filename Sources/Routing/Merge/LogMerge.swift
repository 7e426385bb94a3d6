// LogMerge: SLOWLOG GET and COMMANDLOG GET over all shards: one list, the newest first.
// An entry keeps its six elements, for clients read exactly so many: id, time, duration or size, arguments, address,
// name. The shard is named in the last one, as `shard=NAME`, with ` client=...` behind it where the connection has a
// name (it is Keyway's own, as is the address). Every shard counts its ids by itself, so ids become
// `id * shards + shard's index`: unique, and rising within a shard.

enum LogMerge {
    /// - Parameter count: entries at most.
    static func merge(_ parts: [ShardReply], count: Int, wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        var entries: [(time: Int, place: Int, entry: ReplyValue)] = []
        for (index, part) in parts.enumerated() {
            guard let elements = part.reply.elements else { throw ShardMerge.badPart(part, wireName: wireName) }
            for element in elements {
                guard let fields = element.elements, fields.count >= 4, let id = fields[0].integer,
                    let time = fields[1].integer
                else { throw ShardMerge.badPart(part, wireName: wireName) }
                entries.append(
                    (time, entries.count, named(fields, id: id, shard: part.shard, index: index, of: parts.count)))
            }
        }
        // Of one second, a shard's entries keep their order.
        entries.sort { ($1.time, $0.place) < ($0.time, $1.place) }
        return .array(entries.prefix(count).map(\.entry))
    }

    private static func named(
        _ fields: [ReplyValue], id: Int, shard: String, index: Int, of shardCount: Int
    ) -> ReplyValue {
        // Servers before 4.0 give neither address nor name.
        var fields = fields + [ReplyValue](repeating: .text(""), count: max(0, 6 - fields.count))
        let (product, overflows) = id.multipliedReportingOverflow(by: shardCount)
        if !overflows, product <= .max - index { fields[0] = .integer(product + index) }
        let client = fields[5].bytes ?? []
        var name = Array("shard=\(shard)".utf8)
        if !client.isEmpty { name += Array(" client=".utf8) + client }
        fields[5] = .bulk(name)
        return .array(fields)
    }
}
