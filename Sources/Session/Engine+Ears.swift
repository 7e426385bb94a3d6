// Engine+Ears: the connections over which a worker hears published messages, one a shard of each pool in which somebody
// listens or did. They speak RESP2, where a message differs from RESP3's in its first byte only, and every server knows
// it. A lost ear connects again and subscribes to everything anew; what was published meanwhile is lost, as it is for a
// client of a server that restarts.
// When the last topic goes the ears stay, until the servers close them: many clients listen for each answer anew and do
// not wait for the confirmation before they ask somebody to publish it. A subscription that had to connect first would
// come too late.
// Not here: who listens (Engine+Subscriptions).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// After this a client waits no longer for a shard that has not answered.
    private static var waitMsMax: UInt64 { 1_000 }

    // MARK: Topics

    /// A topic gets a listener. The first one has it subscribed to; for a later one a PING tells what each shard sent
    /// before from what it sends after.
    ///
    /// - Returns: the listener's marks.
    mutating func listen(to topic: Topic, isNew: Bool) -> [Int] {
        let poolIndex = topic.name.poolIndex
        if subscriptions.ears[poolIndex] == nil { openEars(poolIndex) }
        return subscriptions.ears[poolIndex]!.indices.map { index in
            guard subscriptions.ears[poolIndex]![index].line.isReady else { return Ear.unreachable }
            return isNew ? subscribe(poolIndex, index, topic) : say(poolIndex, index, "PING")
        }
    }

    private mutating func subscribe(_ poolIndex: Int, _ index: Int, _ topic: Topic) -> Int {
        say(poolIndex, index, topic.name.kind.subscribeWord, topic.name.name)
    }

    /// The last one that stayed goes.
    mutating func listenNoMore(to topic: Topic) {
        _ = sayToAll(topic.name.poolIndex, topic.name.kind.unsubscribeWord, topic.name.name)
    }

    /// - Returns: the marks at which all that was published until now has been heard.
    mutating func pingAll(_ poolIndex: Int) -> [Int] { sayToAll(poolIndex, "PING") }

    /// - Returns: the command's marks; what is not connected has nothing to say.
    private mutating func sayToAll(_ poolIndex: Int, _ word: String, _ name: [UInt8]? = nil) -> [Int] {
        guard let ears = subscriptions.ears[poolIndex] else { return [] }
        return ears.indices.map { ears[$0].line.isReady ? say(poolIndex, $0, word, name) : 0 }
    }

    private mutating func openEars(_ poolIndex: Int) {
        let pool = pools[poolIndex]
        let lines = (0..<pool.shardCount).map { index in
            Line.make(
                shard: pool.shards + index, role: .ear,
                dialect: Dialect(version: .two, database: pool.options.backend.database))
        }
        subscriptions.ears[poolIndex] = lines.map { Ear($0) }
        for line in lines { open(line) }
    }

    /// - Returns: the command's mark.
    private mutating func say(_ poolIndex: Int, _ index: Int, _ word: String, _ name: [UInt8]? = nil) -> Int {
        let line = subscriptions.ears[poolIndex]![index].line
        let words = [Array(word.utf8)] + (name.map { [$0] } ?? [])
        let bytes = RequestBuilder.bytes(words)
        line.pointee.out.append(bytes, count: bytes.count, pool: &buffers)
        markDirty(line)
        return subscriptions.ears[poolIndex]![index].said()
    }

    // MARK: Connections

    /// The ear is connected: it subscribes to all that its pool listens to.
    mutating func earIsReady(_ line: LineRef) {
        let (poolIndex, index) = (line.pointee.shard.pointee.poolIndex, line.pointee.shard.pointee.index)
        for topic in subscriptions.topics(ofPool: poolIndex) where topic.isWanted {
            topic.setMark(subscribe(poolIndex, index, topic), shardIndex: index)
        }
        let mark = subscriptions.ears[poolIndex]![index].saidCount
        subscriptions.setMarkOfJoining(mark, poolIndex: poolIndex, shardIndex: index)
    }

    mutating func earIsLost(_ line: LineRef) {
        let (poolIndex, index) = (line.pointee.shard.pointee.poolIndex, line.pointee.shard.pointee.index)
        guard !subscriptions.topics(ofPool: poolIndex).isEmpty else {
            for ear in subscriptions.ears.removeValue(forKey: poolIndex) ?? [] { retire(ear.line) }
            return
        }
        defer { perform(line, .failed) }
        subscriptions.ears[poolIndex]?[index].lost()
        for topic in subscriptions.topics(ofPool: poolIndex) { topic.setMark(Ear.unreachable, shardIndex: index) }
        subscriptions.setMarkOfJoining(Ear.unreachable, poolIndex: poolIndex, shardIndex: index)
    }

    /// About once a second: a server that is gone without a word is not heard for ever.
    mutating func pingEars() {
        for (poolIndex, ears) in subscriptions.ears {
            for (index, ear) in ears.enumerated() where ear.line.isReady {
                let silentMs = nowMs - ear.line.pointee.receivedAtMs
                if silentMs >= 2 * Self.silenceMs {
                    lost(ear.line, failure: ETIMEDOUT)
                } else if silentMs >= Self.silenceMs, ear.line.pointee.out.isEmpty {
                    _ = say(poolIndex, index, "PING")
                }
            }
        }
    }

    private static var silenceMs: UInt64 { 10_000 }

    // MARK: Hearing

    /// One whole reply of an ear.
    ///
    /// - Returns: false when it is nothing that a subscriber is sent.
    mutating func hear(_ line: LineRef, _ reply: ByteView) -> Bool {
        guard let words = Self.words(of: reply) else {
            // An error, or the answer to a PING where nothing is subscribed to.
            guard reply.count > 0, reply[0] != UInt8(ascii: "*") else { return false }
            noteHeard(line)
            return true
        }
        guard let kindWord = words.first, words.count >= 2 else { return true }
        switch String(decoding: kindWord, as: UTF8.self) {
        case "message": deliver(reply, from: line, .channel, words[1])
        case "smessage": deliver(reply, from: line, .shardChannel, words[1])
        case "pmessage": deliver(reply, from: line, .pattern, words[1])
        default: noteHeard(line)
        }
        return true
    }

    private mutating func deliver(_ reply: ByteView, from line: LineRef, _ kind: TopicKind, _ name: [UInt8]) {
        let (poolIndex, index) = (line.pointee.shard.pointee.poolIndex, line.pointee.shard.pointee.index)
        guard let topic = subscriptions.topics[TopicName(poolIndex: poolIndex, kind: kind, name: name)],
            let ear = subscriptions.ears[poolIndex]?[index]
        else { return }
        deliver(reply, to: topic, shardIndex: index, heardCount: ear.heardCount)
    }

    private mutating func noteHeard(_ line: LineRef) {
        let (poolIndex, index) = (line.pointee.shard.pointee.poolIndex, line.pointee.shard.pointee.index)
        subscriptions.ears[poolIndex]?[index].heard()
        endWaits(poolIndex)
    }

    // MARK: Waiting

    /// Every shard that can be reached has answered.
    func isConfirmed(_ marks: [Int], poolIndex: Int) -> Bool {
        guard let ears = subscriptions.ears[poolIndex] else { return true }
        return ears.indices.allSatisfy {
            ears[$0].heardCount >= marks[$0] || pools[poolIndex].shards[$0].isDown
        }
    }

    /// In the order in which they began; nobody waits long for a shard that does not answer.
    private mutating func endWaits(_ poolIndex: Int) {
        while let wait = subscriptions.waits[poolIndex]?.first,
            isConfirmed(wait.marks, poolIndex: poolIndex) || nowMs - wait.sinceMs >= Self.waitMsMax
        {
            subscriptions.waits[poolIndex]!.removeFirst()
            end(wait)
        }
    }

    /// About once a second.
    mutating func endLateWaits() {
        for poolIndex in subscriptions.waits.keys { endWaits(poolIndex) }
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
