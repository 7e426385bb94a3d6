// Subscriptions: who of one worker's clients listens to what. One topic stands for all listeners of a channel, a
// pattern or a shard channel of a pool, and is subscribed to once, on every shard: a message may be published on any
// of them, by a client, a script or a key that expires.
//
//     client ──► SUBSCRIBE ──► topic ──► every shard's ear ──► servers
//     servers ──► message ──► ear ──► topic ──► its listeners
//
// A listener's reply waits until every shard that can be reached has confirmed, so that no message published after it
// is missed; and it is shown nothing that a shard sent before, for the topic may be older than its wish.
// A client that leaves waits likewise: until every shard has answered it is shown what was published before, in front
// of its reply, and it is counted, as the shards may still count the connection that is there for it. What it joins
// meanwhile is subscribed to at once; whatever else it asks is read when it has left.
// Classes and dictionaries: a worker has few topics, and a message is looked up once for all its listeners.
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
    struct Listener {
        let client: ClientRef
        /// For each shard, which of its ear's commands must be answered before the client may be shown a message: what
        /// was published before the client asked is not for it.
        var marks: [Int]
        /// It is leaving, and waits for the last messages.
        var waitID: Int?
    }

    let name: TopicName
    var listeners: [Listener] = []

    init(_ name: TopicName) { self.name = name }

    /// Somebody listens who is not about to leave; else the shards are not yet subscribed to, or no more.
    var isWanted: Bool { listeners.contains { $0.waitID == nil } }

    /// The connection to a shard is another one, or gone.
    func setMark(_ mark: Int, shardIndex: Int) {
        for index in listeners.indices { listeners[index].marks[shardIndex] = mark }
    }

    /// The one that stays or, where it only leaves, none.
    func indexOfListener(_ client: ClientRef) -> Int? {
        listeners.firstIndex { $0.client == client && $0.waitID == nil }
    }
}

/// A client that waits for the shards to answer.
struct EarWait {
    struct Confirmation {
        let sequence: UInt32
        let reply: [UInt8]
    }

    let id: Int
    let client: ClientRef
    let sinceMs: UInt64
    /// For each shard, which of its ear's commands must be answered.
    var marks: [Int]
    /// What the client is told then, and where.
    let confirmations: [Confirmation]
    /// What it leaves; empty for one that joins.
    var leaving: [TopicName] = []
    /// What was published before it left; it goes in front of the first confirmation.
    var messages: [UInt8] = []
}

/// The connection on which a worker hears what is published on one shard. Each of its commands has one answer.
struct Ear {
    /// The mark of a connection that is not there.
    static let unreachable = Int.max

    let line: LineRef
    private(set) var saidCount = 0
    private(set) var heardCount = 0

    init(_ line: LineRef) { self.line = line }

    /// - Returns: the command's mark.
    mutating func said() -> Int {
        saidCount += 1
        return saidCount
    }

    /// A command is answered.
    mutating func heard() { heardCount = min(heardCount + 1, saidCount) }

    /// The connection is lost: nothing that was said will be answered.
    mutating func lost() { heardCount = saidCount }
}

/// What one client listens to, in the order in which it asked.
final class ClientTopics {
    private(set) var topics: [TopicKind: [[UInt8]]] = [:]
    /// Since when more waits for the client than it may take long for; 0 while that is not so.
    var overSoftLimitSinceMs: UInt64 = 0
    /// How many of its requests to leave wait.
    var leavingCount = 0

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

/// All topics of a worker, and the connections that hear them: one a shard of each pool that has, or had, a topic.
struct Subscriptions {
    var topics: [TopicName: Topic] = [:]
    var ears: [Int: [Ear]] = [:]
    /// By pool, in the order in which they began, which is that of their marks.
    var waits: [Int: [EarWait]] = [:]
    private var lastWaitID = 0

    mutating func nextWaitID() -> Int {
        lastWaitID += 1
        return lastWaitID
    }

    func topics(ofPool poolIndex: Int) -> [Topic] { topics.values.filter { $0.name.poolIndex == poolIndex } }

    /// What is to be heard of a shard's new connection, or of none, before clients that join are told so.
    mutating func setMarkOfJoining(_ mark: Int, poolIndex: Int, shardIndex: Int) {
        for index in waits[poolIndex, default: []].indices where waits[poolIndex]![index].leaving.isEmpty {
            waits[poolIndex]![index].marks[shardIndex] = mark
        }
    }
}
