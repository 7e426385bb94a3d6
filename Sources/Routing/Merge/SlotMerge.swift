// SlotMerge: CLUSTER SLOT-STATS over shards that are nodes of a Valkey Cluster: one list.
// SLOTSRANGE: by slot. ORDERBY: by the metric, then by slot, and no more than LIMIT. Shards without cluster mode all
// answer with the same error, which never comes here.

enum SlotMerge {
    private struct Slot {
        let number: Int
        let metric: Int
        let entry: ReplyValue
    }

    static func merge(
        _ parts: [ShardReply], arguments: [[UInt8]], wireName: String
    ) throws(ShardMerge.Fault) -> ReplyValue {
        let isOrdered = arguments.count > 3 && ArgumentText.matches(arguments[2], "ORDERBY")
        let metric = isOrdered ? arguments[3] : []
        var slots: [Slot] = []
        for part in parts {
            guard let elements = part.reply.elements else { throw ShardMerge.badPart(part, wireName: wireName) }
            for element in elements {
                guard let fields = element.elements, fields.count == 2, let number = fields[0].integer,
                    let numbers = fields[1].pairs
                else { throw ShardMerge.badPart(part, wireName: wireName) }
                let name = String(decoding: metric, as: UTF8.self).lowercased()
                let value = numbers.first { $0.key.text == name }?.value.integer ?? 0
                slots.append(Slot(number: number, metric: value, entry: element))
            }
        }
        guard isOrdered else { return .array(slots.sorted { $0.number < $1.number }.map(\.entry)) }
        let options = order(arguments.dropFirst(4))
        slots.sort { left, right in
            if left.metric == right.metric { return left.number < right.number }
            return options.isAscending ? left.metric < right.metric : left.metric > right.metric
        }
        return .array(slots.prefix(options.limit).map(\.entry))
    }

    /// Bad options never come here: the shards refuse them.
    private static func order(_ options: ArraySlice<[UInt8]>) -> (isAscending: Bool, limit: Int) {
        var isAscending = false
        var limit = Int.max
        for (option, next) in zip(options, options.dropFirst() + [[]]) {
            if ArgumentText.matches(option, "ASC") { isAscending = true }
            if ArgumentText.matches(option, "LIMIT") { limit = max(0, ArgumentText.integer(next) ?? .max) }
        }
        return (isAscending, limit)
    }
}
