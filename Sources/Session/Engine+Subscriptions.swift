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
            let marks = topic.listeners.last { $0.client == client }!.marks
            if isConfirmed(marks, poolIndex: client.pointee.poolIndex) {
                answer(client, sequence, bytes: reply)
            } else {
                wait(client, marks: marks, confirmation: (sequence, reply))
            }
        }
    }

    mutating func unsubscribe(_ client: ClientRef, _ request: RequestView, _ kind: TopicKind) {
        let known = client.pointee.state?.pointee.topics?.takeUnretainedValue()
        let names =
            request.argumentCount > 1
            ? (1..<request.argumentCount).map { Array(request[$0].buffer) } : known?.names(kind) ?? []
        if putsOffLeaving(client, [kind: names]) { return }
        guard !names.isEmpty else { return answerUnsubscribed(client, kind, nil, count: known?.count(with: kind) ?? 0) }
        for name in names {
            if let known, known.remove(kind, name) { leave(client, topicName(client, kind, name)) }
            answerUnsubscribed(client, kind, name, count: known?.count(with: kind) ?? 0)
        }
        dropTopicsIfEmpty(of: client)
    }

    private mutating func answerUnsubscribed(_ client: ClientRef, _ kind: TopicKind, _ name: [UInt8]?, count: Int) {
        let sequence = pushUnsuppressedSlot(client)
        let reply = Self.confirmation(kind.unsubscribeWord, name, count: count, version: client.pointee.version)
        answer(client, sequence, bytes: reply)
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
            topics.takeUnretainedValue().isEmpty
        else { return }
        topics.release()
        state.pointee.topics = nil
        settleWay(of: client)
        dropStateIfEmpty(client)
    }

    private mutating func join(_ client: ClientRef, _ kind: TopicKind, _ name: [UInt8]) -> Topic {
        let name = topicName(client, kind, name)
        shared.census.add(name, clients: 1, connections: subscriptions.topics[name] == nil ? 1 : 0)
        let known = subscriptions.topics[name]
        let topic = known ?? Topic(name)
        subscriptions.topics[name] = topic
        topic.listeners.append(Topic.Listener(client: client, marks: listen(to: topic, isNew: !topic.isWanted)))
        return topic
    }

    /// A client is shown what was published before it leaves. Where nobody stays the servers are told at once, so that
    /// none counts a connection when the client has its reply.
    ///
    /// - Returns: true when the caller must leave the request as it is; it will be handled again.
    mutating func putsOffLeaving(_ client: ClientRef, _ names: [TopicKind: [[UInt8]]]) -> Bool {
        guard let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue() else { return false }
        guard !topics.hasHeardAll else {
            topics.hasHeardAll = false
            return false
        }
        let left = names.flatMap { kind, names in
            names.filter(topics.names(kind).contains).map { topicName(client, kind, $0) }
        }
        guard !left.isEmpty else { return false }
        for name in left { startLeaving(client, subscriptions.topics[name]!) }
        let marks = pingAll(client.pointee.poolIndex)
        guard !isConfirmed(marks, poolIndex: client.pointee.poolIndex) else { return false }
        wait(client, marks: marks, confirmation: nil)
        putOff(client, .asking)
        return true
    }

    private mutating func startLeaving(_ client: ClientRef, _ topic: Topic) {
        guard topic.isWanted, let index = topic.listeners.firstIndex(where: { $0.client == client }) else { return }
        topic.listeners[index].isLeaving = true
        if !topic.isWanted { listenNoMore(to: topic) }
    }

    mutating func handleLeavingAgain(_ client: ClientRef) {
        client.pointee.state?.pointee.topics?.takeUnretainedValue().hasHeardAll = true
        client.pointee.gate.remove(.asking)
        scheduleResume(client)
    }

    private mutating func leave(_ client: ClientRef, _ name: TopicName) {
        guard let topic = subscriptions.topics[name] else { return }
        startLeaving(client, topic)
        topic.listeners.removeAll { $0.client == client }
        let isLast = topic.listeners.isEmpty
        shared.census.add(name, clients: -1, connections: isLast ? -1 : 0)
        guard isLast else { return }
        subscriptions.topics[name] = nil
        closeUnusedEars(name.poolIndex)
    }

    /// Everything that the client listens to: it is gone, or RESET.
    mutating func endTopics(of client: ClientRef) {
        guard let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue() else { return }
        for kind in TopicKind.allCases {
            for name in topics.names(kind) {
                _ = topics.remove(kind, name)
                leave(client, topicName(client, kind, name))
            }
        }
        dropTopicsIfEmpty(of: client)
    }

    /// The client is gone. It may wait though it listens to nothing any more.
    mutating func endWaits(of client: ClientRef) {
        subscriptions.waits[client.pointee.poolIndex]?.removeAll { $0.client == client }
    }

    // MARK: Messages

    /// A message of one shard lies at `bytes`, in the form of RESP2.
    ///
    /// - Parameter heardCount: of the shard's ear.
    mutating func deliver(_ bytes: ByteView, to topic: Topic, shardIndex: Int, heardCount: Int) {
        // A cut client leaves the topic.
        for listener in topic.listeners where !listener.client.pointee.flags.contains(.closed) {
            guard heardCount >= listener.marks[shardIndex] else { continue }
            pools[topic.name.poolIndex].counters.add(.messages)
            deliver(bytes, to: listener.client)
        }
    }

    private mutating func deliver(_ bytes: ByteView, to client: ClientRef) {
        guard let topics = client.pointee.state?.pointee.topics?.takeUnretainedValue() else { return }
        let chunk = buffers.chunks.take(atLeast: bytes.count)
        chunk.data.update(from: bytes.start, count: bytes.count)
        // The two protocols differ in the first byte only.
        if client.pointee.version == .three { chunk.data[0] = UInt8(ascii: ">") }
        chunk.pointee.fillBytes = bytes.count
        sendUnasked(client, taking: chunk)
        if !client.pointee.flags.contains(.closed) { checkListener(client, topics) }
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
        if held > options.listenerHardBytesMax { return cutListener(client, options.listenerHardBytesMax) }
        guard held > options.listenerSoftBytesMax else {
            topics.overSoftLimitSinceMs = 0
            return
        }
        if topics.overSoftLimitSinceMs == 0 { topics.overSoftLimitSinceMs = nowMs }
        if nowMs - topics.overSoftLimitSinceMs >= UInt64(options.listenerSoftLimitS) * 1_000 {
            cutListener(client, options.listenerSoftBytesMax)
        }
    }

    private mutating func cutListener(_ client: ClientRef, _ limitBytes: Int) {
        cut(
            client,
            "\(client.pointee.heldBytes) bytes of messages wait for it, the limit for subscribers is \(limitBytes)")
    }
}
