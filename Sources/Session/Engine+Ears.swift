// Engine+Ears: the connections over which a worker hears published messages, one a shard of each pool in which somebody
// listens. They speak RESP2, where a message differs from RESP3's in its first byte only, and every server knows it.
// A lost ear connects again and subscribes to everything anew; what was published meanwhile is lost, as it is for a
// client of a server that restarts.
// Not here: who listens (Engine+Subscriptions).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// After this a listener is told that it is subscribed although a shard has not said so.
    private static var confirmationMs: UInt64 { 1_000 }

    // MARK: Topics

    /// A topic has got its first listener.
    mutating func listen(to topic: Topic) {
        let poolIndex = topic.name.poolIndex
        if subscriptions.ears[poolIndex] == nil { openEars(poolIndex) }
        for ear in subscriptions.ears[poolIndex]! where ear.isReady {
            say(ear, topic.name.kind.subscribeWord, [topic.name.name])
        }
    }

    /// The last one has gone.
    mutating func listenNoMore(to topic: Topic) {
        let poolIndex = topic.name.poolIndex
        guard let ears = subscriptions.ears[poolIndex] else { return }
        for ear in ears where ear.isReady { say(ear, topic.name.kind.unsubscribeWord, [topic.name.name]) }
        guard subscriptions.topics(ofPool: poolIndex).isEmpty else { return }
        subscriptions.ears[poolIndex] = nil
        for ear in ears { retire(ear) }
    }

    private mutating func openEars(_ poolIndex: Int) {
        let pool = pools[poolIndex]
        subscriptions.ears[poolIndex] = (0..<pool.shardCount).map { index in
            Line.make(
                shard: pool.shards + index, role: .ear,
                dialect: Dialect(version: .two, database: pool.options.backend.database))
        }
        for ear in subscriptions.ears[poolIndex]! { open(ear) }
    }

    private mutating func say(_ ear: LineRef, _ word: String, _ names: [[UInt8]]) {
        let words = [Array(word.utf8)] + names
        let bytes =
            Array("*\(words.count)\r\n".utf8)
            + words.flatMap { Array("$\($0.count)\r\n".utf8) + $0 + [13, 10] }
        ear.pointee.out.append(bytes, count: bytes.count, pool: &buffers)
        markDirty(ear)
    }

    // MARK: Connections

    /// The ear is connected: it subscribes to all that its pool listens to.
    mutating func earIsReady(_ ear: LineRef) {
        let topics = subscriptions.topics(ofPool: ear.pointee.shard.pointee.poolIndex)
        for kind in TopicKind.allCases {
            let names = topics.filter { $0.name.kind == kind }.map(\.name.name)
            // A server may refuse a very long request; this many names make none.
            for start in stride(from: 0, to: names.count, by: 256) {
                say(ear, kind.subscribeWord, Array(names[start..<min(start + 256, names.count)]))
            }
        }
    }

    mutating func earIsLost(_ ear: LineRef) {
        let index = ear.pointee.shard.pointee.index
        for topic in subscriptions.topics(ofPool: ear.pointee.shard.pointee.poolIndex) {
            topic.confirmedShards.remove(index)
        }
    }

    /// About once a second: a server that is gone without a word is not heard for ever.
    mutating func pingEars() {
        for ear in subscriptions.ears.values.joined() where ear.isReady {
            let silentMs = nowMs - ear.pointee.receivedAtMs
            if silentMs >= 2 * Self.silenceMs {
                lost(ear, failure: ETIMEDOUT)
            } else if silentMs >= Self.silenceMs, ear.pointee.out.isEmpty {
                say(ear, "PING", [])
            }
        }
    }

    private static var silenceMs: UInt64 { 10_000 }

    // MARK: Hearing

    /// One whole reply of an ear.
    ///
    /// - Returns: false when it is nothing that a subscriber is sent.
    mutating func hear(_ ear: LineRef, _ reply: ByteView) -> Bool {
        // What it said after it was told to be silent, or to a PING.
        guard let words = Self.words(of: reply) else { return reply.count > 0 && reply[0] != UInt8(ascii: "*") }
        guard let kindWord = words.first, words.count >= 3 else { return true }
        let poolIndex = ear.pointee.shard.pointee.poolIndex
        switch String(decoding: kindWord, as: UTF8.self) {
        case "message": deliver(reply, to: poolIndex, .channel, words[1])
        case "smessage": deliver(reply, to: poolIndex, .shardChannel, words[1])
        case "pmessage": deliver(reply, to: poolIndex, .pattern, words[1])
        case "subscribe": confirm(ear, .channel, words[1])
        case "psubscribe": confirm(ear, .pattern, words[1])
        case "ssubscribe": confirm(ear, .shardChannel, words[1])
        default: break
        }
        return true
    }

    private mutating func deliver(_ reply: ByteView, to poolIndex: Int, _ kind: TopicKind, _ name: [UInt8]) {
        let name = TopicName(poolIndex: poolIndex, kind: kind, name: name)
        guard let topic = subscriptions.topics[name] else { return }
        pools[poolIndex].counters.add(.messages, topic.listeners.count)
        deliver(reply, to: topic)
    }

    private mutating func confirm(_ ear: LineRef, _ kind: TopicKind, _ name: [UInt8]) {
        let shard = ear.pointee.shard
        guard let topic = subscriptions.topics[TopicName(poolIndex: shard.pointee.poolIndex, kind: kind, name: name)]
        else { return }
        topic.confirmedShards.insert(shard.pointee.index)
        if isConfirmed(topic) { answerPending(topic) }
    }

    /// Every shard that can be reached has confirmed.
    func isConfirmed(_ topic: Topic) -> Bool {
        let pool = pools[topic.name.poolIndex]
        return (0..<pool.shardCount).allSatisfy {
            topic.confirmedShards.contains($0) || pool.shards[$0].isDown
        }
    }

    private mutating func answerPending(_ topic: Topic) {
        let pending = topic.pending
        topic.pending = []
        for entry in pending where !entry.client.pointee.flags.contains(.closed) {
            answer(entry.client, entry.sequence, bytes: entry.reply)
        }
    }

    /// About once a second: nobody waits for a shard that does not answer.
    mutating func answerLateConfirmations() {
        for topic in subscriptions.topics.values where !topic.pending.isEmpty {
            guard isConfirmed(topic) || nowMs - topic.bornMs >= Self.confirmationMs else { continue }
            answerPending(topic)
        }
    }

    /// The bulk strings at the front of an array, at most four; nil when it is no array. An integer counts as its text.
    private static func words(of reply: ByteView) -> [[UInt8]]? {
        guard let header = ReplyMerge.arrayHeader(reply) else { return nil }
        var words: [[UInt8]] = []
        var offset = header.sizeBytes
        for _ in 0..<min(header.count, 3) {
            guard let sizeBytes = ReplyMerge.elementSizeBytes(reply, at: offset) else { return nil }
            let element = UnsafeRawBufferPointer(rebasing: reply.buffer[offset..<(offset + sizeBytes)])
            guard let value = ReplyValue(parsing: element) else { return nil }
            words.append(value.bytes ?? [])
            offset += sizeBytes
        }
        return words
    }
}
