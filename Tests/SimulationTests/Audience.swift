// Audience: who must hear what is published. A listener that has been told that it is subscribed must hear each message
// that a server gives to the connection of its worker, once, in the order of publication on each shard, unless that
// connection ends before. A listener that is not subscribed hears nothing, and none hears what is older than its wish.
// Asked for only where the server has nothing of that connection left to read: until then it may not know the listener.
// Not here: listeners (SimulatedListener), servers (SimulatedBackend).

final class Audience {
    struct Message {
        /// Counts all publications of a run.
        let event: Int
        let part: Int
        let shard: Int
        /// The connection over which Keyway hears it.
        let socket: SimulatedSocket

        /// Keyway has not heard it, and will not.
        var mayBeLost: Bool { socket.isClosedByEngine || socket.end != .none }
    }

    private var hearings: [Hearing] = []
    private(set) var eventCount = 0

    func add(_ hearing: Hearing) { hearings.append(hearing) }

    func nextEvent() -> Int {
        eventCount += 1
        return eventCount
    }

    /// A server gives it to a connection that is subscribed to the topic.
    func expect(_ message: Message, on topic: SimulatedTopic) {
        guard !hearings.isEmpty, message.socket.isReadOut else { return }
        for hearing in hearings where hearing.worker == message.socket.worker { hearing.expect(message, on: topic) }
    }

    /// Clients that hear what is said on the channel, as PUBLISH counts them.
    func count(hearing channel: SimulatedTopic) -> Int {
        hearings.reduce(0) { $0 + $1.confirmed.keys.count { $0.hears(channel) } }
    }

    /// All that was to be heard has been.
    var isContent: Bool { hearings.allSatisfy(\.isContent) }
}

/// What one listener's connection has to hear, and what it has heard.
final class Hearing {
    private struct Source: Hashable {
        let topic: SimulatedTopic
        let shard: Int
    }

    private var socket: SimulatedSocket?
    /// That has its connection at the moment; -1: none.
    var worker: Int { socket?.worker ?? -1 }
    /// Topics that it was told it listens to, and has not asked to leave, each with the last event before it asked.
    private(set) var confirmed: [SimulatedTopic: Int] = [:]
    private var expected: [Source: [Audience.Message]] = [:]
    private var lastEvents: [Source: Int] = [:]
    /// The last message heard on each topic, by its part.
    private(set) var lastParts: [SimulatedTopic: Int] = [:]

    /// A new connection, or none.
    func begin(_ socket: SimulatedSocket?) {
        self.socket = socket
        confirmed = [:]
        expected = [:]
        lastEvents = [:]
        lastParts = [:]
    }

    func join(_ topic: SimulatedTopic, after event: Int) {
        if confirmed[topic] == nil { confirmed[topic] = event }
    }

    func leave(_ topic: SimulatedTopic) {
        confirmed[topic] = nil
        for source in expected.keys where source.topic == topic { expected[source] = nil }
    }

    fileprivate func expect(_ message: Audience.Message, on topic: SimulatedTopic) {
        guard confirmed[topic] != nil else { return }
        expected[Source(topic: topic, shard: message.shard), default: []].append(message)
    }

    fileprivate var isContent: Bool { expected.values.allSatisfy { $0.allSatisfy(\.mayBeLost) } }

    /// - Returns: what is wrong with its being heard now; nil when nothing is.
    func hear(part: Int, event: Int, shard: Int, on topic: SimulatedTopic) -> String? {
        let source = Source(topic: topic, shard: shard)
        guard event > lastEvents[source, default: 0] else { return "a message twice, or out of order" }
        if let since = confirmed[topic], event <= since {
            return "the message \(event) of shard \(shard) on \(topic), and it asked after \(since)"
        }
        lastEvents[source] = event
        lastParts[topic] = part
        guard let messages = expected[source] else { return nil }
        let missed = messages.prefix { $0.event < event }
        expected[source] = Array(messages.drop { $0.event <= event })
        guard let message = missed.first(where: { !$0.mayBeLost }) else { return nil }
        return "the message \(message.part) on \(topic) was not heard"
    }
}
