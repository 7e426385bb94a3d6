// Engine+Subscriptions: SUBSCRIBE and its kin, and messages on their way to those who listen (see Subscriptions).
// A message stands between two replies, never inside one. A listener that does not take its messages is cut by the
// limits that Valkey has for such clients: at once above the hard one, after a while above the soft one.
// Not here: the connections to servers (Engine+Ears), PUBLISH and PUBSUB (Engine+Publishing).

import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    // MARK: Commands

    mutating func subscribe(_ client: ClientRef, _ request: RequestView, _ kind: TopicKind) {
        for index in 1..<request.argumentCount {
            let name = Array(request[index].buffer)
            let topics = topics(of: client)
            let isNew = topics.insert(kind, name)
            let reply = Self.confirmation(
                kind.subscribeWord, name, count: topics.count(with: kind), version: client.pointee.version)
            let sequence = pushUnsuppressedSlot(client)
            let topic = isNew ? join(client, kind, name) : subscriptions.topics[topicName(client, kind, name)]!
            let marks = topic.listeners[topic.indexOfListener(client)!].marks
            let wait = EarWait(
                id: subscriptions.nextWaitID(), client: client, sinceMs: nowMs, marks: marks,
                confirmations: [EarWait.Confirmation(sequence: sequence, reply: reply)])
            begin(wait)
        }
    }

    mutating func unsubscribe(_ client: ClientRef, _ request: RequestView, _ kind: TopicKind) {
        let known = client.pointee.state?.pointee.topics?.takeUnretainedValue()
        let names =
            request.argumentCount > 1
            ? (1..<request.argumentCount).map { Array(request[$0].buffer) } : known?.names(kind) ?? []
        var left: [TopicName] = []
        var confirmations: [EarWait.Confirmation] = []
        for name in names.isEmpty ? [nil] : names.map(Optional.some) {
            if let name, let known, known.remove(kind, name) { left.append(topicName(client, kind, name)) }
            let reply = Self.confirmation(
                kind.unsubscribeWord, name, count: known?.count(with: kind) ?? 0, version: client.pointee.version)
            confirmations.append(EarWait.Confirmation(sequence: pushUnsuppressedSlot(client), reply: reply))
        }
        leave(client, left, confirmations)
    }

    private static func confirmation(_ word: String, _ name: [UInt8]?, count: Int, version: RESPVersion) -> [UInt8] {
        var reply = ReplyBuilder(version: version)
        reply.push(3)
        reply.bulk(word)
        if let name { reply.bulk(name) } else { reply.null() }
        reply.integer(count)
        return reply.bytes
    }

    /// Why a client that listens may not ask this; nil when it may. In RESP3 it may ask anything.
    func refusalWhileListening(_ client: ClientRef, _ row: UnsafePointer<CommandRow>) -> String? {
        guard client.pointee.version == .two, client.pointee.state?.pointee.topics != nil else { return nil }
        switch row.pointee.id {
        case .subscribe, .unsubscribe, .psubscribe, .punsubscribe, .ssubscribe, .sunsubscribe, .ping, .quit, .reset:
            return nil
        default:
            return "ERR Can't execute '\(wireName(row))': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
                + "are allowed in this context"
        }
    }

    /// Messages and their confirmations come whatever CLIENT REPLY says.
    private mutating func pushUnsuppressedSlot(_ client: ClientRef) -> UInt32 {
        let suppressing = client.pointee.flags.intersection([.replyOff, .replySkip])
        client.pointee.flags.subtract([.replyOff, .replySkip])
        defer { client.pointee.flags.formUnion(suppressing) }
        let sequence = client.pushSlot(pool: &slots)
        client.slot(sequence).pointee.command = CommandTimes.noCommand
        return sequence
    }

    // MARK: Listeners

    private func topicName(_ client: ClientRef, _ kind: TopicKind, _ name: [UInt8]) -> TopicName {
        TopicName(poolIndex: client.pointee.poolIndex, kind: kind, name: name)
    }

    private mutating func topics(of client: ClientRef) -> ClientTopics {
        let state = state(of: client)
        if let topics = state.pointee.topics { return topics.takeUnretainedValue() }
        let topics = ClientTopics()
        state.pointee.topics = .passRetained(topics)
        settleWay(of: client)
        return topics
    }

    private mutating func dropTopicsIfEmpty(of client: ClientRef) {
        guard let state = client.pointee.state, let topics = state.pointee.topics,
            topics.takeUnretainedValue().isEmpty, topics.takeUnretainedValue().leavingCount == 0
        else { return }
        topics.release()
        state.pointee.topics = nil
        settleWay(of: client)
        dropStateIfEmpty(client)
    }

    private mutating func join(_ client: ClientRef, _ kind: TopicKind, _ name: [UInt8]) -> Topic {
        let name = topicName(client, kind, name)
        let known = subscriptions.topics[name]
        let isThere = known?.listeners.contains { $0.client == client } ?? false
        shared.census.add(name, clients: isThere ? 0 : 1, connections: known == nil ? 1 : 0)
        let topic = known ?? Topic(name)
        subscriptions.topics[name] = topic
        topic.listeners.append(Topic.Listener(client: client, marks: listen(to: topic, isNew: !topic.isWanted)))
        return topic
    }

    // MARK: Leaving

    /// A client leaves everything without being told so.
    ///
    /// - Returns: true when the caller must leave the request as it is; it will be handled again.
    mutating func putsOffLeavingAll(_ client: ClientRef) -> Bool {
        guard let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue() else { return false }
        let names = topics.topics.flatMap { kind, names in names.map { topicName(client, kind, $0) } }
        for name in names { _ = topics.remove(name.kind, name.name) }
        leave(client, names, [])
        guard client.pointee.state?.pointee.topics != nil else { return false }
        putOff(client, .asking)
        return true
    }

    /// - Returns: true when the request, which is about something else, must wait until the client has left what it is
    ///   leaving: what it says from now on is not for it any more.
    mutating func putsOffWhileLeaving(_ client: ClientRef, _ row: UnsafePointer<CommandRow>) -> Bool {
        guard let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue(), topics.leavingCount > 0 else {
            return false
        }
        switch row.pointee.id {
        case .subscribe, .unsubscribe, .psubscribe, .punsubscribe, .ssubscribe, .sunsubscribe: return false
        default:
            putOff(client, .asking)
            return true
        }
    }

    /// A client is shown what was published before it leaves. Where nobody stays the servers are told at once, so that
    /// none counts a connection when the client has its reply.
    private mutating func leave(_ client: ClientRef, _ names: [TopicName], _ confirmations: [EarWait.Confirmation]) {
        guard !names.isEmpty else {
            for confirmation in confirmations { answer(client, confirmation.sequence, bytes: confirmation.reply) }
            return
        }
        let id = subscriptions.nextWaitID()
        for name in names {
            let topic = subscriptions.topics[name]!
            topic.listeners[topic.indexOfListener(client)!].waitID = id
            if !topic.isWanted { listenNoMore(to: topic) }
        }
        client.pointee.state?.pointee.topics?.takeUnretainedValue().leavingCount += 1
        begin(
            EarWait(
                id: id, client: client, sinceMs: nowMs, marks: pingAll(client.pointee.poolIndex),
                confirmations: confirmations, leaving: names))
    }

    private mutating func begin(_ wait: EarWait) {
        if isConfirmed(wait.marks, poolIndex: wait.client.pointee.poolIndex) {
            end(wait)
        } else {
            subscriptions.waits[wait.client.pointee.poolIndex, default: []].append(wait)
        }
    }

    /// The shards have answered, or will not, or the client is gone.
    mutating func end(_ wait: EarWait) {
        let client = wait.client
        for name in wait.leaving { remove(client, from: name) { $0.waitID == wait.id } }
        if !wait.leaving.isEmpty, let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue() {
            topics.leavingCount -= 1
            if topics.leavingCount == 0, client.pointee.gate.contains(.asking) {
                client.pointee.gate.remove(.asking)
                scheduleResume(client)
            }
            dropTopicsIfEmpty(of: client)
        }
        for (index, confirmation) in wait.confirmations.enumerated() {
            answer(client, confirmation.sequence, bytes: (index == 0 ? wait.messages : []) + confirmation.reply)
        }
    }

    private mutating func remove(
        _ client: ClientRef, from name: TopicName, where isMeant: (Topic.Listener) -> Bool
    ) {
        let topic = subscriptions.topics[name]!
        topic.listeners.removeAll { $0.client == client && isMeant($0) }
        let isThere = topic.listeners.contains { $0.client == client }
        let isLast = topic.listeners.isEmpty
        shared.census.add(name, clients: isThere ? 0 : -1, connections: isLast ? -1 : 0)
        if isLast { subscriptions.topics[name] = nil }
    }

    /// The client is gone.
    mutating func endTopics(of client: ClientRef) {
        guard let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue() else { return }
        for (kind, names) in topics.topics {
            for name in names {
                _ = topics.remove(kind, name)
                let name = topicName(client, kind, name)
                let topic = subscriptions.topics[name]!
                remove(client, from: name) { _ in true }
                if !topic.isWanted { listenNoMore(to: topic) }
            }
        }
        dropTopicsIfEmpty(of: client)
    }

    /// Likewise; before its topics end. It may wait though it listens to nothing any more.
    mutating func endWaits(of client: ClientRef) {
        let poolIndex = client.pointee.poolIndex
        let waits = subscriptions.waits[poolIndex, default: []].filter { $0.client == client }
        guard !waits.isEmpty else { return }
        subscriptions.waits[poolIndex]!.removeAll { $0.client == client }
        for wait in waits { end(wait) }
    }

    // MARK: Messages

    /// A message of one shard lies at `bytes`, in the form of RESP2.
    ///
    /// - Parameter heardCount: of the shard's ear.
    mutating func deliver(_ bytes: ByteView, to topic: Topic, shardIndex: Int, heardCount: Int) {
        // A cut client leaves the topic.
        for listener in topic.listeners where !listener.client.pointee.flags.contains(.closed) {
            guard heardCount >= listener.marks[shardIndex] else { continue }
            if let waitID = listener.waitID,
                !isForLeaver(bytes, listener.client, waitID: waitID, shardIndex: shardIndex, heardCount: heardCount)
            {
                continue
            }
            pools[topic.name.poolIndex].counters.add(.messages)
            deliver(bytes, to: listener.client)
        }
    }

    /// A message on a topic that the client is leaving. It is kept for the front of the reply, where there is one.
    ///
    /// - Returns: whether it is to be delivered like any other.
    private mutating func isForLeaver(
        _ bytes: ByteView, _ client: ClientRef, waitID: Int, shardIndex: Int, heardCount: Int
    ) -> Bool {
        let poolIndex = client.pointee.poolIndex
        guard let index = subscriptions.waits[poolIndex]?.firstIndex(where: { $0.id == waitID }),
            heardCount < subscriptions.waits[poolIndex]![index].marks[shardIndex]
        else { return false }
        guard !subscriptions.waits[poolIndex]![index].confirmations.isEmpty else { return true }
        pools[poolIndex].counters.add(.messages)
        subscriptions.waits[poolIndex]![index].messages.append(Self.firstByteOfMessage(client))
        subscriptions.waits[poolIndex]![index].messages += bytes.buffer.dropFirst()
        let keptBytes = subscriptions.waits[poolIndex]![index].messages.count
        if keptBytes + client.pointee.heldBytes > options.listenerHardBytesMax {
            cutListener(client, options.listenerHardBytesMax, heldBytes: keptBytes + client.pointee.heldBytes)
        }
        return false
    }

    private mutating func deliver(_ bytes: ByteView, to client: ClientRef) {
        guard let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue() else { return }
        let chunk = buffers.chunks.take(atLeast: bytes.count)
        chunk.data.update(from: bytes.start, count: bytes.count)
        chunk.data[0] = Self.firstByteOfMessage(client)
        chunk.pointee.fillBytes = bytes.count
        sendUnasked(client, taking: chunk)
        if !client.pointee.flags.contains(.closed) { checkListener(client, topics) }
    }

    /// The two protocols differ in it, and nowhere else.
    private static func firstByteOfMessage(_ client: ClientRef) -> UInt8 {
        UInt8(ascii: client.pointee.version == .three ? ">" : "*")
    }

    /// Sends what no request asked for, behind the replies that are under way; takes over the caller's reference.
    mutating func sendUnasked(_ client: ClientRef, taking chunk: ChunkRef) {
        let sizeBytes = chunk.pointee.fillBytes
        if client.pointee.inFlightCount == 0 {
            client.pointee.heldBytes += sizeBytes
            client.pointee.out.append(taking: chunk, offset: 0, sizeBytes: sizeBytes, pool: &buffers)
            markDirty(client)
            if client.pointee.heldBytes > options.outputSizeBytesMax { cut(client) }
        } else {
            fill(client, pushUnsuppressedSlot(client), taking: chunk, offset: 0, sizeBytes: sizeBytes)
        }
    }

    private mutating func checkListener(_ client: ClientRef, _ topics: ClientTopics) {
        let held = client.pointee.heldBytes
        if held > options.listenerHardBytesMax {
            return cutListener(client, options.listenerHardBytesMax, heldBytes: held)
        }
        guard held > options.listenerSoftBytesMax else {
            topics.overSoftLimitSinceMs = 0
            return
        }
        if topics.overSoftLimitSinceMs == 0 { topics.overSoftLimitSinceMs = nowMs }
        if nowMs - topics.overSoftLimitSinceMs >= UInt64(options.listenerSoftLimitS) * 1_000 {
            cutListener(client, options.listenerSoftBytesMax, heldBytes: held)
        }
    }

    private mutating func cutListener(_ client: ClientRef, _ limitBytes: Int, heldBytes: Int) {
        cut(
            client,
            "\(heldBytes) bytes of messages wait for it, the limit for subscribers is \(limitBytes)")
    }
}
