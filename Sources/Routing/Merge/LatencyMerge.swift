// LatencyMerge: LATENCY LATEST, HISTORY and HISTOGRAM over all shards, each as one server would have seen it.
// No entry names its shard: clients read entries of a fixed length. LATENCY GRAPH and DOCTOR do (ShardMerge).

enum LatencyMerge {
    /// By event, in the order of its first shard: the newest time and the latency then (of two at once the higher), the
    /// highest of all time, and, from servers that have them (8.1), the sum and the number of spikes.
    static func latest(_ parts: [ShardReply], wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        var places: [[UInt8]: Int] = [:]
        var events: [(name: ReplyValue, numbers: [Int])] = []
        for part in parts {
            guard let elements = part.reply.elements else { throw ShardMerge.badPart(part, wireName: wireName) }
            for element in elements {
                guard let fields = element.elements, fields.count >= 4, let event = fields[0].bytes else {
                    throw ShardMerge.badPart(part, wireName: wireName)
                }
                let numbers = fields.dropFirst().compactMap(\.integer)
                guard numbers.count == fields.count - 1 else { throw ShardMerge.badPart(part, wireName: wireName) }
                if let place = places[event] {
                    events[place].numbers = combined(events[place].numbers, numbers)
                } else {
                    places[event] = events.count
                    events.append((fields[0], numbers))
                }
            }
        }
        return .array(events.map { event in .array([event.name] + event.numbers.map { .integer($0) }) })
    }

    /// Time, latest, maximum, and perhaps sum and count; of two versions only what both have.
    private static func combined(_ mine: [Int], _ other: [Int]) -> [Int] {
        let newer = (mine[0], mine[1]) >= (other[0], other[1]) ? mine : other
        return (0..<min(mine.count, other.count)).map { index in
            switch index {
            case 0, 1: newer[index]
            case 2: max(mine[index], other[index])
            default: mine[index].addingReportingOverflow(other[index]).partialValue
            }
        }
    }

    /// Samples from the oldest to the newest; as on one server one a second, the highest.
    static func history(_ parts: [ShardReply], wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        var highest: [Int: Int] = [:]
        for part in parts {
            guard let elements = part.reply.elements else { throw ShardMerge.badPart(part, wireName: wireName) }
            for element in elements {
                guard let fields = element.elements, fields.count == 2, let time = fields[0].integer,
                    let latency = fields[1].integer
                else { throw ShardMerge.badPart(part, wireName: wireName) }
                highest[time] = max(highest[time] ?? latency, latency)
            }
        }
        return .array(
            highest.sorted { $0.key < $1.key }.map { .array([.integer($0.key), .integer($0.value)]) })
    }

    /// By command, in the order of its first shard: calls are added, and so are the cumulated counts: at each bound
    /// that any shard names, every shard counts what it had up to there.
    static func histogram(_ parts: [ShardReply], wireName: String) throws(ShardMerge.Fault) -> ReplyValue {
        var places: [[UInt8]: Int] = [:]
        var commands: [(name: ReplyValue, calls: Int, steps: [Int: Int])] = []
        for part in parts {
            guard let pairs = part.reply.pairs else { throw ShardMerge.badPart(part, wireName: wireName) }
            for pair in pairs {
                guard let name = pair.key.bytes, let (calls, steps) = distribution(pair.value) else {
                    throw ShardMerge.badPart(part, wireName: wireName)
                }
                let place = places[name] ?? commands.count
                if place == commands.count {
                    places[name] = place
                    commands.append((pair.key, 0, [:]))
                }
                commands[place].calls &+= calls
                commands[place].steps.merge(steps) { $0 &+ $1 }
            }
        }
        return .map(
            commands.map { command in
                var total = 0
                let buckets = command.steps.sorted { $0.key < $1.key }.map { step in
                    total &+= step.value
                    return ReplyPair(.integer(step.key), .integer(total))
                }
                return ReplyPair(
                    command.name,
                    .map([
                        ReplyPair(.text("calls"), .integer(command.calls)),
                        ReplyPair(.text("histogram_usec"), .map(buckets)),
                    ]))
            })
    }

    /// Calls, and how much the cumulated count grows at each bound.
    private static func distribution(_ value: ReplyValue) -> (calls: Int, steps: [Int: Int])? {
        guard let fields = value.pairs, fields.count == 2, let calls = fields[0].value.integer,
            let buckets = fields[1].value.pairs
        else { return nil }
        var steps: [Int: Int] = [:]
        var last = 0
        for bucket in buckets {
            guard let bound = bucket.key.integer, let count = bucket.value.integer else { return nil }
            steps[bound, default: 0] &+= count &- last
            last = count
        }
        return (calls, steps)
    }
}
