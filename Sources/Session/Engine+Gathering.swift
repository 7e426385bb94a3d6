// Engine+Gathering: requests that Keyway answers from what shards say to requests of its own: computing over several
// shards, operators' commands that every shard answers in its own way, SCAN, RANDOMKEY.
// A cold path: words and replies are arrays and trees here. Its parts travel as those of any merge do, in their places
// on the shared lines.
// Not here: the judgement (Routing: Computation, ShardMerge, ScanCursor), merges as bytes (Engine+Merges).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

/// One request to one shard.
struct GatherRequest {
    let shardIndex: Int
    let words: [[UInt8]]
}

/// What is to become of the parts; kept by the merge until they have come.
final class Gathering {
    enum Purpose {
        case computation(Computation)
        case shardMerge(ShardMerge)
        case scan(ScanCursor, asked: UInt64)
        /// Parts alternate: DBSIZE and RANDOMKEY of each shard. `attempt` counts how often they were asked before.
        case randomKey(attempt: Int)
        case publish(TopicKind, channel: [UInt8])
        /// PUBSUB CHANNELS and the like.
        case audience(CommandID, [[UInt8]])
        /// The one part is the reply.
        case oneShard
        /// COMMAND INFO of a name that the table lacks; no reply stands for it.
        case learning([UInt8])
        case storedScript(StoredScript)
        /// CONFIG GET.
        case settings([[UInt8]])
        /// CLIENT TRACKING ON.
        case tracking
    }

    let purpose: Purpose

    init(_ purpose: Purpose) { self.purpose = purpose }
}

extension Engine {
    // MARK: Asking

    /// Sends every request, or none where one of them cannot be sent.
    mutating func gather(
        _ client: ClientRef, _ row: UnsafePointer<CommandRow>, _ purpose: Gathering.Purpose, _ requests: [GatherRequest]
    ) {
        ask(client, client.pushSlot(pool: &slots), row, purpose, requests)
    }

    /// The same for a place that the client has already.
    mutating func ask(
        _ client: ClientRef, _ sequence: UInt32, _ row: UnsafePointer<CommandRow>, _ purpose: Gathering.Purpose,
        _ requests: [GatherRequest]
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let encoded = requests.map { RequestBuilder.bytes($0.words) }
        for (request, bytes) in zip(requests, encoded) {
            let line = line(of: pool.pointee.shards + request.shardIndex, for: client)
            // An operator reaches a shard that others do not.
            if case .oneShard = purpose, line.isReady { continue }
            guard admits(line, sizeBytes: bytes.count) else {
                return answer(client, sequence, error: refusal(line, sizeBytes: bytes.count))
            }
        }
        let merge = merges.take(client: client, rule: .gathered, command: row.pointee.id.rawValue)
        merge.pointee.sequence = sequence
        merge.pointee.gathering = .passRetained(Gathering(purpose))
        expectAnswer(for: client)
        for request in requests { _ = merge.appendPart(shardIndex: request.shardIndex) }
        for (index, request) in requests.enumerated() {
            let line = line(of: pool.pointee.shards + request.shardIndex, for: client)
            line.pointee.out.append(encoded[index], count: encoded[index].count, pool: &buffers)
            submitPart(
                merge, index, line, sizeBytes: encoded[index].count, isWrite: isWrite(row),
                isScript: row.pointee.commandClass == .script)
        }
    }

    static func words(_ request: RequestView) -> [[UInt8]] {
        (0..<request.argumentCount).map { Array(request[$0].buffer) }
    }

    static func words(_ text: String) -> [[UInt8]] { text.split(separator: " ").map { Array($0.utf8) } }

    /// A command of the class `compute`: forwarded where all its keys are on one shard.
    mutating func compute(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let search = keyFinder.find(row, in: request, into: &keys)
        let shards = search == .found ? (0..<keys.count).map { shardIndex(of: request[keys[$0]], pool) } : []
        guard Set(shards).count > 1, let command = ComputedCommand(row.pointee.id) else {
            return forwardToOneShard(client, request, row, chunk: chunk)
        }
        guard pools[client.pointee.poolIndex].options.computesAcrossShards else {
            return forwardToOneShard(client, request, row, chunk: chunk)
        }
        do throws(ComputeRefusal) {
            let computation = try Computation(command, request: request)
            let requests = computation.fetches.map { fetch in
                GatherRequest(
                    shardIndex: shardIndex(of: request[fetch.keyArgument], pool), words: fetch.arguments)
            }
            pool.pointee.counters.add(.fragments, requests.count)
            gather(client, row, .computation(computation), requests)
        } catch {
            answerNow(client, error: error.errorText)
        }
    }

    /// A command that all shards answer, each in its own way.
    ///
    /// - Returns: false when it is none of those.
    mutating func gatherFromAll(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) -> Bool {
        let words = Self.words(request)
        guard let merge = ShardMerge(row.pointee.id, wireName: wireName(row), arguments: words) else { return false }
        let pool = poolViews + client.pointee.poolIndex
        gather(
            client, row, .shardMerge(merge),
            (0..<pool.pointee.shardCount).map { GatherRequest(shardIndex: $0, words: words) })
        return true
    }

    mutating func scan(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) {
        let pool = poolViews + client.pointee.poolIndex
        let words = Self.words(request)
        guard
            let cursor = ScanCursor(
                words[1], ringTag: ringTag(client.pointee.poolIndex), shardCount: pool.pointee.shardCount)
        else { return answerNow(client, error: ScanCursor.invalidText) }
        let asked = cursor.cursor(forProcess: processTag(pool.pointee.shards + cursor.shardIndex))
        gather(
            client, row, .scan(cursor, asked: asked),
            [GatherRequest(shardIndex: cursor.shardIndex, words: ScanCursor.request(words, cursor: asked))])
    }

    mutating func randomKey(_ client: ClientRef, _ row: UnsafePointer<CommandRow>) {
        askForRandomKey(client, client.pushSlot(pool: &slots), row, attempt: 0)
    }

    private static var randomKeyAttemptsMax: Int { 10 }

    private mutating func askForRandomKey(
        _ client: ClientRef, _ sequence: UInt32, _ row: UnsafePointer<CommandRow>, attempt: Int
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let requests = (0..<pool.pointee.shardCount).flatMap { index in
            ["DBSIZE", "RANDOMKEY"].map { GatherRequest(shardIndex: index, words: Self.words($0)) }
        }
        ask(client, sequence, row, .randomKey(attempt: attempt), requests)
    }

    /// Of the shards' names in their order: cursors end with the ring that they were made on.
    private func ringTag(_ poolIndex: Int) -> UInt8 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for shard in pools[poolIndex].options.shards {
            for byte in shard.name.utf8 + [0] { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        }
        return ScanCursor.tag(ofHash: hash >> 8)
    }

    private func processTag(_ shard: ShardRef) -> UInt8 { ScanCursor.tag(ofHash: shard.pointee.processTag >> 8) }

    // MARK: Answering

    /// All parts have come.
    mutating func answerGathered(_ merge: MergeRef) {
        let client = merge.pointee.client
        let gathering = merge.pointee.gathering.unsafelyUnwrapped.takeUnretainedValue()
        if case .scan(let cursor, let asked) = gathering.purpose { return answerScan(merge, cursor, asked: asked) }
        if case .oneShard = gathering.purpose { return pass(merge, part: 0) }
        if case .tracking = gathering.purpose { return answerTracking(merge) }
        if case .storedScript(let script) = gathering.purpose { return answerStoredScript(merge, script) }
        if case .learning(let name) = gathering.purpose {
            return learned(client, name, merge.pointee.parts[0].reply)
        }
        var values: [ReplyValue] = []
        for index in 0..<merge.pointee.partCount {
            guard let value = ReplyValue(parsing: merge.pointee.parts[index].reply.buffer) else {
                return answerBadPart(merge, index)
            }
            values.append(value)
        }
        switch gathering.purpose {
        case .computation(let computation):
            let budget = pools[client.pointee.poolIndex].options.computeBudget
            switch computation.finish(values, version: client.pointee.version, budget: budget) {
            case .reply(let bytes): answer(client, merge.pointee.sequence, bytes: bytes)
            case .badPart(let index): answerBadPart(merge, index)
            }
        case .shardMerge(let rule):
            let parts = values.enumerated().map { index, value in
                ShardReply(shard: shardName(merge, index).name, reply: value)
            }
            answer(client, merge.pointee.sequence, bytes: rule.merge(parts).encode(version: client.pointee.version))
        case .randomKey(let attempt): answerRandomKey(merge, values, attempt: attempt)
        case .settings(let words):
            // A server that does not tell its settings leaves Keyway's.
            let reply = settings(client.pointee.poolIndex, words, atServer: values[0].pairs ?? [])
            answer(client, merge.pointee.sequence, bytes: reply.encode(version: client.pointee.version))
        case .publish(let kind, let channel): answerPublished(merge, kind, channel, values[0])
        case .audience(let id, let words): answerAudience(merge, id, words, values)
        case .scan, .oneShard, .tracking, .learning, .storedScript:
            preconditionFailure("Engine: \(gathering.purpose) was answered above")
        }
    }

    private mutating func answerScan(_ merge: MergeRef, _ cursor: ScanCursor, asked: UInt64) {
        let (client, sequence) = (merge.pointee.client, merge.pointee.sequence)
        let pool = poolViews + client.pointee.poolIndex
        let reply = merge.pointee.parts[0].reply
        if ReplyMerge.isError(reply) { return pass(merge, part: 0) }
        guard let answered = ScanCursor.answer(in: reply) else { return answerBadPart(merge, 0) }
        let step = cursor.advanced(
            answer: answered.cursor, asked: asked, processTag: processTag(pool.pointee.shards + cursor.shardIndex),
            shardCount: pool.pointee.shardCount)
        guard let head = ScanCursor.replyHead(step) else {
            let shard = name(of: pool.pointee.shards + cursor.shardIndex).name
            return answer(
                client, sequence, error: ScanCursor.tooLargeText(shard: shard, answer: answered.cursor))
        }
        let keys = ByteView(start: reply.start + answered.keysOffset, count: reply.count - answered.keysOffset)
        let shown = hidesCopies(client) ? ReservedKeys.hidden(in: keys) : nil
        answer(client, sequence, bytes: head + (shown ?? Array(keys.buffer)))
    }

    /// Each key of all shards is as likely as any other, as far as each shard's own choice is fair.
    private mutating func answerRandomKey(_ merge: MergeRef, _ values: [ReplyValue], attempt: Int) {
        let (client, sequence) = (merge.pointee.client, merge.pointee.sequence)
        if let error = values.lazy.compactMap(\.errorText).first {
            return answer(client, sequence, error: error)
        }
        let hidesCopies = hidesCopies(client)
        let shards = stride(from: 0, to: values.count, by: 2).filter { shard in
            !values[shard + 1].isNull
                && !(hidesCopies && (values[shard + 1].bytes ?? []).starts(with: ReservedKeys.prefix))
        }
        // Where servers name nothing but copies, there may be more behind those.
        if shards.isEmpty, hidesCopies, attempt < Self.randomKeyAttemptsMax,
            values.indices.contains(where: { !$0.isMultiple(of: 2) && !values[$0].isNull })
        {
            return askForRandomKey(client, sequence, commands[.randomkey], attempt: attempt + 1)
        }
        let weights = shards.map { max(1, values[$0].integer ?? 1) }
        guard let last = shards.last else { return answer(client, sequence, bytes: null(for: client)) }
        var draw = (Int(nextRandom()) << 31 | Int(nextRandom() >> 1)) % weights.reduce(0, +)
        for (shard, weight) in zip(shards, weights) {
            draw -= weight
            if draw < 0 { return pass(merge, part: shard + 1) }
        }
        pass(merge, part: last + 1)
    }

    private func null(for client: ClientRef) -> [UInt8] {
        var reply = ReplyBuilder(version: client.pointee.version)
        reply.null()
        return reply.bytes
    }
}
