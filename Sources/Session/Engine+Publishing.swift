// Engine+Publishing: PUBLISH, SPUBLISH and PUBSUB. A message goes to one shard, which its channel's name chooses;
// those who listen through Keyway hear every shard. Servers count Keyway's connections as receivers; the replies count
// its clients instead (ListenerCensus).
// Not here: listening (Engine+Subscriptions).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// Commands of the class `pubSub`.
    mutating func publishOrSubscribe(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        switch row.pointee.id {
        case .subscribe: subscribe(client, request, .channel)
        case .psubscribe: subscribe(client, request, .pattern)
        case .ssubscribe: subscribe(client, request, .shardChannel)
        case .unsubscribe: unsubscribe(client, request, .channel)
        case .punsubscribe: unsubscribe(client, request, .pattern)
        case .sunsubscribe: unsubscribe(client, request, .shardChannel)
        case .publish: publish(client, request, row, .channel, chunk: chunk)
        case .spublish: publish(client, request, row, .shardChannel, chunk: chunk)
        case .pubsubHelp: forwardAnywhere(client, request)
        case .pubsub: answerNow(client, error: ProxyError.wrongArity(wireName(row)))
        default: askWhoListens(client, request, row)
        }
    }

    private mutating func publish(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ kind: TopicKind,
        chunk: ChunkRef?
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let index = shardIndex(of: request[1], pool)
        guard !shared.census.isEmpty else {
            forward(client, request, to: pool.pointee.shards + index, isWrite: true, chunk: chunk)
            return
        }
        let words = Self.words(request)
        gather(
            client, row, .publish(kind, channel: words[1]), [GatherRequest(shardIndex: index, words: words)])
    }

    private mutating func askWhoListens(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let words = Self.words(request)
        gather(
            client, row, .audience(row.pointee.id, words),
            (0..<pool.pointee.shardCount).map { GatherRequest(shardIndex: $0, words: words) })
    }

    // MARK: Answering

    mutating func answerPublished(_ merge: MergeRef, _ kind: TopicKind, _ channel: [UInt8], _ value: ReplyValue) {
        // Where nobody heard it, none of Keyway's connections did.
        guard let count = value.integer, count > 0 else { return pass(merge, part: 0) }
        let correction = shared.census.correction(
            poolIndex: merge.pointee.client.pointee.poolIndex, kind: kind, name: channel, matchesPatterns: true)
        answer(merge.pointee.client, merge.pointee.sequence, bytes: Array(":\(max(0, count + correction))\r\n".utf8))
    }

    mutating func answerAudience(_ merge: MergeRef, _ id: CommandID, _ words: [[UInt8]], _ values: [ReplyValue]) {
        let client = merge.pointee.client
        if let index = values.firstIndex(where: { $0.errorText != nil }) { return pass(merge, part: index) }
        let reply: ReplyValue
        switch id {
        case .pubsubNumpat: reply = .integer(values.compactMap(\.integer).max() ?? 0)
        case .pubsubNumsub: reply = counted(.channel, words, values, client.pointee.poolIndex)
        case .pubsubShardnumsub: reply = counted(.shardChannel, words, values, client.pointee.poolIndex)
        default:
            var seen: Set<[UInt8]> = []
            let names = values.flatMap { $0.elements ?? [] }.filter { seen.insert($0.bytes ?? []).inserted }
            reply = .array(names)
        }
        answer(client, merge.pointee.sequence, bytes: reply.encode(version: client.pointee.version))
    }

    /// Names and numbers in turn, in the order of the request.
    private func counted(
        _ kind: TopicKind, _ words: [[UInt8]], _ values: [ReplyValue], _ poolIndex: Int
    ) -> ReplyValue {
        let names = Array(words.dropFirst(2))
        let elements = names.enumerated().flatMap { position, name -> [ReplyValue] in
            let atServers = values.reduce(0) { sum, value in
                let numbers = value.elements ?? []
                let place = position * 2 + 1
                return sum + (place < numbers.count ? numbers[place].integer ?? 0 : 0)
            }
            let ours = shared.census.connectionCount(poolIndex: poolIndex, kind: kind, name: name) * values.count
            let clients = shared.census.clientCount(poolIndex: poolIndex, kind: kind, name: name)
            return [.bulk(name), .integer(max(0, atServers - ours) + clients)]
        }
        return .array(elements)
    }
}
