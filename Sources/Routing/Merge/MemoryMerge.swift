// MemoryMerge: MEMORY STATS over all shards: the fleet's numbers under the server's own names, then `shards`, a map
// from each shard's name to its whole answer.
// Bytes and counts are added (so `peak.allocated` is a bound: shards need not have peaked together), databases by name.
// Shares and ratios are computed anew from the sums by the server's own formulas; `fragmentation`, whose parts are not
// in the reply, is the mean weighted by `total.allocated`, and a ratio unknown here is the highest.

enum MemoryMerge {
    static func stats(_ parts: [ShardReply], wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        var fields = Fields()
        var weighted = 0.0
        for part in parts {
            guard let pairs = part.reply.pairs, fields.add(pairs) else {
                throw ShardMerge.badPart(part, wireName: wireName)
            }
            var own = Fields()
            _ = own.add(pairs)
            weighted += (own.numbers["fragmentation"] ?? 0) * (own.numbers["total.allocated"] ?? 0)
        }
        if let total = fields.numbers["total.allocated"], total > 0 {
            fields.numbers["fragmentation"] = weighted / total
        }
        fields.deriveRatios()
        let shards = parts.map { ReplyPair(.text($0.shard), mapped($0.reply)) }
        return .map(fields.pairs + [ReplyPair(.text("shards"), .map(shards))])
    }

    /// A flat array of RESP2 as the map that it stands for.
    private static func mapped(_ reply: ReplyValue) -> ReplyValue { reply.pairs.map { .map($0) } ?? reply }

    /// One level of the answer.
    private struct Fields {
        private var order: [String] = []
        private var isWhole: [String: Bool] = [:]
        var numbers: [String: Double] = [:]
        private var wholes: [String: Int] = [:]
        private var nested: [String: Fields] = [:]

        /// - Returns: false when a key is no text, or a value neither number nor map.
        mutating func add(_ pairs: [ReplyPair]) -> Bool {
            for pair in pairs {
                guard let name = pair.key.text else { return false }
                if isWhole[name] == nil, nested[name] == nil { order.append(name) }
                if let value = pair.value.integer {
                    isWhole[name] = isWhole[name] ?? true
                    wholes[name] = (wholes[name] ?? 0).addingReportingOverflow(value).partialValue
                    numbers[name] = (numbers[name] ?? 0) + Double(value)
                } else if let value = pair.value.double {
                    isWhole[name] = false
                    numbers[name] = max(numbers[name] ?? value, value)
                } else if let inner = pair.value.pairs {
                    guard nested[name, default: Fields()].add(inner) else { return false }
                } else {
                    return false
                }
            }
            return true
        }

        /// Source: getMemoryOverheadData and memoryCommand of Valkey's object.c.
        mutating func deriveRatios() {
            func number(_ name: String) -> Double { numbers[name] ?? 0 }
            func set(_ name: String, _ value: Double) {
                guard isWhole[name] != nil, value.isFinite else { return }
                numbers[name] = value
                if isWhole[name] == true { wholes[name] = Int(value) }
            }
            let used = number("total.allocated") - number("startup.allocated")
            set("keys.bytes-per-key", (number("dataset.bytes") / number("keys.count")).rounded(.down))
            set("dataset.percentage", number("dataset.bytes") * 100 / used)
            set("peak.percentage", number("total.allocated") * 100 / number("peak.allocated"))
            set(
                "allocator-fragmentation.ratio",
                1 + number("allocator-fragmentation.bytes") / number("allocator.allocated"))
            set("allocator-rss.ratio", number("allocator.resident") / number("allocator.active"))
            set("rss-overhead.ratio", 1 + number("rss-overhead.bytes") / number("allocator.resident"))
        }

        var pairs: [ReplyPair] {
            order.map { name in
                if let inner = nested[name] { return ReplyPair(.text(name), .map(inner.pairs)) }
                if isWhole[name] == true { return ReplyPair(.text(name), .integer(wholes[name] ?? 0)) }
                return ReplyPair(.text(name), .double(numbers[name] ?? 0))
            }
        }
    }
}
