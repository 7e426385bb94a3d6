// Subscriptions: who of one worker's clients listens to what. One topic stands for all listeners of a channel, a
// pattern or a shard channel of a pool, and is subscribed to once, on every shard: a message may be published on any
// of them, by a client, a script or a key that expires.
//
//     client ──► SUBSCRIBE ──► topic ──► every shard's ear ──► servers
//     servers ──► message ──► ear ──► topic ──► its listeners
//
// A listener's reply waits until every shard that can be reached has confirmed, so that no message published after it
// is missed. Classes and dictionaries: a worker has few topics, and a message is looked up once for all its listeners.
// Not here: the commands (Engine+Subscriptions), the connections (Engine+Ears).

import Upstream

enum TopicKind: Int, CaseIterable {
    case channel, pattern, shardChannel

    var subscribeWord: String { ["subscribe", "psubscribe", "ssubscribe"][rawValue] }
    var unsubscribeWord: String { ["unsubscribe", "punsubscribe", "sunsubscribe"][rawValue] }
}

struct TopicName: Hashable {
    let poolIndex: Int
    let kind: TopicKind
    let name: [UInt8]
}

final class Topic {
    /// A reply that waits for the shards.
    struct Pending {
        let client: ClientRef
        let sequence: UInt32
        let reply: [UInt8]
    }

    let name: TopicName
    let bornMs: UInt64
    var listeners: [ClientRef] = []
    var pending: [Pending] = []
    var confirmedShards: Set<Int> = []

    init(_ name: TopicName, nowMs: UInt64) {
        self.name = name
        bornMs = nowMs
    }
}

/// What one client listens to, in the order in which it asked.
final class ClientTopics {
    private(set) var topics: [TopicKind: [[UInt8]]] = [:]
    /// Since when more waits for the client than it may take long for; 0 while that is not so.
    var overSoftLimitSinceMs: UInt64 = 0

    func names(_ kind: TopicKind) -> [[UInt8]] { topics[kind] ?? [] }

    /// - Returns: false when it was there already.
    func insert(_ kind: TopicKind, _ name: [UInt8]) -> Bool {
        guard !names(kind).contains(name) else { return false }
        topics[kind, default: []].append(name)
        return true
    }

    /// - Returns: false when it was not there.
    func remove(_ kind: TopicKind, _ name: [UInt8]) -> Bool {
        guard let index = names(kind).firstIndex(of: name) else { return false }
        topics[kind]?.remove(at: index)
        return true
    }

    /// The number in the replies: shard channels are counted by themselves.
    func count(with kind: TopicKind) -> Int {
        kind == .shardChannel ? names(kind).count : names(.channel).count + names(.pattern).count
    }

    var isEmpty: Bool { TopicKind.allCases.allSatisfy { names($0).isEmpty } }
}

/// All topics of a worker, and the connections that hear them: one a shard of each pool that has a topic.
struct Subscriptions {
    var topics: [TopicName: Topic] = [:]
    var ears: [Int: [LineRef]] = [:]

    func topics(ofPool poolIndex: Int) -> [Topic] { topics.values.filter { $0.name.poolIndex == poolIndex } }
}
