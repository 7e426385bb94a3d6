// SimulatedListener: a client that listens: it joins and leaves topics at random and hears what is published.
// Each name that it gives is confirmed once, in order, with the number of topics that it then has; between the
// confirmations come messages, each of a topic that it listens to and as its publisher sent it.
// Not here: which messages must come (Audience).

import Glibc

final class SimulatedListener: ClientEnd {
    private struct Awaited {
        let verb: TopicVerb
        let topic: SimulatedTopic
        let count: Int
        /// The last message that was published before it asked.
        let event: Int
    }

    private let audience: Audience
    private let hearing = Hearing()
    private var awaited: [Awaited] = []
    /// As they will be once all that was asked is done.
    private var asked: [SimulatedTopic] = []
    /// It was told that it joined, and not yet that it left.
    private var joined: Set<SimulatedTopic> = []
    private var awaitsHello = false
    private static let topicCountMax = 6

    init(index: Int, world: World, ledger: Ledger, service: SimulatedService, audience: Audience) {
        self.audience = audience
        super.init(index: index, world: world, ledger: ledger, service: service)
        audience.add(hearing)
    }

    var topics: [SimulatedTopic] { asked }
    var isAnswered: Bool { awaited.isEmpty && !awaitsHello }

    func hasHeard(part: Int, on topic: SimulatedTopic) -> Bool { hearing.lastParts[topic] == part }

    // MARK: Asking

    override func hasConnected() {
        hearing.begin(socket)
        if world.dice.below(2) == 0 {
            pending.append("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n")
            awaitsHello = true
        }
    }

    override func hasGone() {
        hearing.begin(nil)
        awaited.removeAll()
        asked.removeAll()
        joined.removeAll()
        awaitsHello = false
    }

    override func ask() {
        guard awaited.count < 8, world.dice.below(16) == 0 else { return }
        if asked.count < world.dice.below(Self.topicCountMax) { return join() }
        guard let topic = asked.first else { return }
        let leaves = asked.filter { $0.kind == topic.kind && ($0 == topic || world.dice.below(2) == 0) }
        say(topic.kind.leavingVerb, leaves)
    }

    /// One to three topics of one kind, some of them perhaps joined already.
    func join() {
        let kind = world.dice.oneOf(SimulatedTopic.Kind.allCases)
        let topics = (0..<world.dice.between(1, 3)).map { _ in
            let isAll = kind == .pattern && world.dice.below(2) == 0
            return SimulatedTopic(kind, key: isAll ? -1 : world.dice.below(min(8, world.profile.keyCount)))
        }
        say(kind.joiningVerb, topics)
    }

    private func say(_ verb: TopicVerb, _ topics: [SimulatedTopic]) {
        world.hasMoved = true
        world.trace.note("listener, joins, topics: says", index, verb.isJoining ? 1 : 0, topics.count)
        pending.append("*", 1 + topics.count)
        pending.appendBulk(verb.word)
        for topic in topics {
            pending.appendBulk(topic.name)
            asked.removeAll { $0 == topic && !verb.isJoining }
            if verb.isJoining, !asked.contains(topic) { asked.append(topic) }
            if !verb.isJoining { hearing.leave(topic) }
            let count = asked.count { ($0.kind == .shardChannel) == (topic.kind == .shardChannel) }
            awaited.append(Awaited(verb: verb, topic: topic, count: count, event: audience.eventCount))
        }
    }

    // MARK: Hearing

    override func accept(_ reply: UnsafeMutablePointer<UInt8>, count: Int) {
        if awaitsHello {
            awaitsHello = false
            if reply[0] != 0x25 { ledger.accuse("listener \(index): HELLO 3 is not answered with a map") }
            return
        }
        let words = Self.words(reply, count)
        guard let first = words.first, words.count >= 3 else {
            return ledger.accuse("listener \(index): neither a message nor a confirmation")
        }
        let word = String(decoding: first, as: UTF8.self)
        for kind in SimulatedTopic.Kind.allCases where word == "\(kind.messageWord)" { return hear(kind, words) }
        confirm(word, words)
    }

    private func confirm(_ word: String, _ words: [UnsafeBufferPointer<UInt8>]) {
        guard let expected = awaited.first else {
            return ledger.accuse("listener \(index): \(word) that it did not ask for")
        }
        awaited.removeFirst()
        let count = String(decoding: words[2], as: UTF8.self)
        guard word == "\(expected.verb.word)", expected.topic.name.elementsEqual(words[1]), count == "\(expected.count)"
        else { return ledger.accuse("listener \(index): \(word) with the number \(count), not \(expected)") }
        if expected.verb.isJoining { joined.insert(expected.topic) } else { joined.remove(expected.topic) }
        guard expected.verb.isJoining, asked.contains(expected.topic) else { return }
        // It may have asked to leave since, and to join anew; only what it asked last counts.
        if !awaited.contains(where: { $0.topic == expected.topic && !$0.verb.isJoining }) {
            hearing.join(expected.topic, after: expected.event)
        }
    }

    private func hear(_ kind: SimulatedTopic.Kind, _ words: [UnsafeBufferPointer<UInt8>]) {
        let message = words[words.count - 1]
        let part = message.count >= 8 ? Ledger.readDigits(message.baseAddress!, count: 8) : -1
        guard words.count == (kind == .pattern ? 4 : 3), part >= 0, part < ledger.partCount,
            let topic = SimulatedTopic(kind, words[1])
        else { return ledger.accuse("listener \(index): a message that nobody published") }
        let record = ledger.parts[part]
        let channel = SimulatedTopic(kind == .shardChannel ? .shardChannel : .channel, key: record.key)
        guard record.executionCount == 1, topic.hears(channel), channel.name.elementsEqual(words[words.count - 2]),
            message.count == 8 + record.writtenBytes,
            memcmp(message.baseAddress! + 8, Ledger.value(of: part), record.writtenBytes) == 0
        else { return ledger.accuse("listener \(index): not the message \(record) as it was published") }
        guard joined.contains(topic) else {
            return ledger.accuse("listener \(index): a message on \(topic), to which it does not listen")
        }
        if let fault = hearing.hear(part: part, event: record.sizeBytes, shard: record.shard, on: topic) {
            ledger.accuse("listener \(index): \(fault)")
        }
    }

    /// The strings and numbers of an array or a push of them.
    private static func words(_ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> [UnsafeBufferPointer<UInt8>] {
        var words: [UnsafeBufferPointer<UInt8>] = []
        guard reply[0] == 0x2A || reply[0] == 0x3E else { return words }
        var position = lineBytes(reply, count)
        while position < count {
            let start = reply + position
            let line = lineBytes(start, count - position)
            if start[0] == 0x24 {
                let size = max(0, Ledger.readDigits(start + 1, count: line - 3))
                words.append(UnsafeBufferPointer(start: start + line, count: size))
                position += line + size + 2
            } else {
                words.append(UnsafeBufferPointer(start: start + 1, count: line - 3))
                position += line
            }
        }
        return words
    }

    private static func lineBytes(_ start: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        memchr(start, 10, count).map { $0.assumingMemoryBound(to: UInt8.self) - start + 1 } ?? count
    }
}
