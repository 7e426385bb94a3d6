// Engine+Tracking: CLIENT TRACKING for clients that keep copies of what they read. Servers track connections, so such a
// client has one of its own to every shard (Engine+Leases), and what they say of changed keys is passed on as it comes.
// When one of those connections is lost nobody can say which keys changed: the client is closed, as a lost server
// closes its clients, and begins with an empty cache.
// Not here: Keyway's own copies of hot keys (HotKeys/Engine+Copies).

import Logging
import Platform
import Routing
import Upstream
import Wire

extension Engine {
    mutating func track(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) {
        let words = (2..<request.argumentCount).map { Self.text(request[$0]).uppercased() }
        let isTracking = client.pointee.state?.pointee.isTracking == true
        switch words[0] {
        case "OFF" where !isTracking: return answerNow(client, statics.ok)
        case "OFF":
            if putsOff(client) { return }
            fanOut(client, request, row, rule: .allSucceeded, to: allShards(of: client))
            forgetTracking(client)
            return returnLeases(client)
        case "ON": break
        default: return answerNow(client, error: ProxyError.syntax)
        }
        if words.contains("REDIRECT") {
            return answerNow(
                client,
                error: ProxyError.notSupported(
                    wireName(row),
                    why: "with REDIRECT each server would tell a connection of its own, and the client has one with "
                        + "Keyway; send HELLO 3 and leave REDIRECT out"))
        }
        guard client.pointee.version == .three else {
            return answerNow(
                client, error: "ERR Client tracking without REDIRECT needs RESP3; send HELLO 3 first")
        }
        if putsOff(client) { return }
        startTracking(client, request, row)
    }

    private mutating func startTracking(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) {
        let pool = poolViews + client.pointee.poolIndex
        for index in allShards(of: client) {
            let shard = pool.pointee.shards + index
            let isUsable = !shard.pointee.isDown && lend(shard, to: client) != nil
            if !isUsable {
                let error =
                    shard.pointee.isDown
                    ? refusal(line(of: shard, for: client), sizeBytes: 0) : leaseRefusal(shard)
                answerNow(client, error: error)
                return returnLeases(client)
            }
        }
        // What is refused to a client that tracks leaves it tracking.
        if state(of: client).pointee.isTracking {
            return fanOut(client, request, row, rule: .allSucceeded, to: allShards(of: client))
        }
        state(of: client).pointee.isTracking = true
        let words = Self.words(request)
        gather(client, row, .tracking, allShards(of: client).map { GatherRequest(shardIndex: $0, words: words) })
    }

    /// All servers track for the client now, or none.
    mutating func answerTracking(_ merge: MergeRef) {
        guard let error = firstError(of: merge) else { return pass(merge, part: 0) }
        answer(merge.pointee.client, merge.pointee.sequence, error: error)
        stopTracking(merge.pointee.client)
    }

    /// CLIENT CACHING. The next command may be any shard's, so all are told; `endCaching` follows that command.
    mutating func trackNext(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) {
        guard client.pointee.state?.pointee.isTracking == true else {
            return answerNow(
                client,
                error: "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT "
                    + "mode enabled")
        }
        fanOut(client, request, row, rule: .allSucceeded, to: allShards(of: client))
        client.pointee.state?.pointee.isCachingSet = true
        settleWay(of: client)
    }

    /// The command that CLIENT CACHING was for is on its way. A shard that it was not for would apply CLIENT CACHING to
    /// its own next one; so all are sent one that reads no key.
    mutating func endCaching(_ client: ClientRef) {
        guard let state = client.pointee.state, state.pointee.isCachingSet, state.pointee.transaction == nil,
            let command = CommandID(rawValue: client.pointee.lastCommand),
            !commandTable.name(of: command).hasPrefix("CLIENT ")
        else { return }
        state.pointee.isCachingSet = false
        settleWay(of: client)
        tellAll(client, ["PING"])
    }

    mutating func describeTracking(_ client: ClientRef, _ request: RequestView) {
        if client.pointee.state?.pointee.isTracking == true {
            forward(
                client, request, to: (poolViews + client.pointee.poolIndex).pointee.shards, isWrite: false, chunk: nil)
            return
        }
        answerNow(client) { reply in
            reply.map(3)
            reply.bulk("flags")
            reply.set(1)
            reply.bulk("off")
            reply.bulk("redirect")
            reply.integer(-1)
            reply.bulk("prefixes")
            reply.array(0)
        }
    }

    /// RESET, or the client's end: the servers forget what they track for it.
    mutating func stopTracking(_ client: ClientRef) {
        guard let state = client.pointee.state, state.pointee.isTracking else { return }
        forgetTracking(client)
        tellAll(client, ["CLIENT", "TRACKING", "OFF"])
        returnLeases(client)
    }

    private func forgetTracking(_ client: ClientRef) {
        client.pointee.state?.pointee.isTracking = false
        client.pointee.state?.pointee.isCachingSet = false
        settleWay(of: client)
    }

    /// Every server that tracks for the client.
    private mutating func tellAll(_ client: ClientRef, _ words: [String]) {
        guard let state = client.pointee.state else { return }
        for index in allShards(of: client) {
            let shard = (poolViews + client.pointee.poolIndex).pointee.shards + index
            if let line = lease(state, shard) { tell(line, RequestBuilder.bytes(words)) }
        }
    }

    /// A push on a line: for the client that it is lent to. On a shared line it is nobody's.
    mutating func acceptPush(_ line: LineRef, _ push: ByteView) {
        if line.pointee.role == .cover { return coverHears(line, push) }
        guard line.pointee.role == .leased, let client = line.pointee.holder?.assumingMemoryBound(to: Client.self),
            !client.pointee.flags.contains(.closed)
        else { return }
        let chunk = buffers.chunks.take(atLeast: push.count)
        chunk.data.update(from: push.start, count: push.count)
        chunk.pointee.fillBytes = push.count
        sendUnasked(client, taking: chunk)
    }

    /// A leased line of a client that tracks is lost.
    mutating func trackingLost(_ client: ClientRef, _ shard: ShardRef) {
        log.warning(
            """
            client \(client.pointee.id): the connection to shard \(name(of: shard).text) that tracked its keys was \
            lost; connection closed, so that it drops its copies
            """)
        close(client, .byProxy)
    }

    private func allShards(of client: ClientRef) -> [Int] {
        Array(0..<(poolViews + client.pointee.poolIndex).pointee.shardCount)
    }
}
