// ListenerCensus: how many clients of this process listen to what, and how many of its connections listen for them. A
// server counts the connections; PUBLISH and PUBSUB NUMSUB tell of the clients instead.
// Shared by the workers behind a lock: looked at once a published message, and only while anybody listens.
// Not here: who they are (Subscriptions).

import Routing
import Synchronization

final class ListenerCensus: Sendable {
    private struct Count {
        var clients = 0
        var connections = 0
    }

    private let counts = Mutex<[TopicName: Count]>([:])
    private let topicCount = Atomic<Int>(0)

    /// Nobody listens to anything.
    var isEmpty: Bool { topicCount.load(ordering: .relaxed) == 0 }

    /// - Parameters:
    ///   - clients: how many more of one worker listen, negative for fewer.
    ///   - connections: likewise its connections, 1 with the first client and -1 with the last.
    func add(_ topic: TopicName, clients: Int, connections: Int) {
        counts.withLock { counts in
            var count = counts[topic] ?? Count()
            count.clients += clients
            count.connections += connections
            counts[topic] = count.clients == 0 && count.connections == 0 ? nil : count
            topicCount.store(counts.count, ordering: .relaxed)
        }
    }

    /// What to add to a server's number of receivers so that it counts clients: theirs less our connections.
    ///
    /// - Parameter matchesPatterns: a message to the channel goes to patterns too; a count of subscribers does not.
    func correction(poolIndex: Int, kind: TopicKind, name: [UInt8], matchesPatterns: Bool) -> Int {
        counts.withLock { counts in
            var sum = 0
            if let count = counts[TopicName(poolIndex: poolIndex, kind: kind, name: name)] {
                sum += count.clients - count.connections
            }
            // Servers match no pattern with an empty name, not even a star.
            guard matchesPatterns, kind == .channel, !name.isEmpty else { return sum }
            for (topic, count) in counts where topic.poolIndex == poolIndex && topic.kind == .pattern {
                if GlobPattern(topic.name, foldsCase: false).matches(name) { sum += count.clients - count.connections }
            }
            return sum
        }
    }

    /// Our connections that listen to this, on each shard.
    func connectionCount(poolIndex: Int, kind: TopicKind, name: [UInt8]) -> Int {
        counts.withLock { $0[TopicName(poolIndex: poolIndex, kind: kind, name: name)]?.connections ?? 0 }
    }

    func clientCount(poolIndex: Int, kind: TopicKind, name: [UInt8]) -> Int {
        counts.withLock { $0[TopicName(poolIndex: poolIndex, kind: kind, name: name)]?.clients ?? 0 }
    }
}
