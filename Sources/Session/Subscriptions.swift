// Subscriptions: who of one worker's clients listens to what. One topic stands for all listeners of a channel, a
// pattern or a shard channel of a pool, and is subscribed to once, on every shard: a message may be published on any
// of them, by a client, a script or a key that expires.
//
//     client ──► SUBSCRIBE ──► topic ──► every shard's ear ──► servers
//     servers ──► message ──► ear ──► topic ──► its listeners
//
// A listener's reply waits until every shard that can be reached has confirmed, so that no message published after it
// is missed; and it is shown nothing that a shard sent before, for the topic may be older than its wish.
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
    }

    /// A reply that waits for the shards.
    struct Pending {
        let client: ClientRef
        let sequence: UInt32
        let reply: [UInt8]
        let sinceMs: UInt64
        var marks: [Int]
    }

    let name: TopicName
    var listeners: [Listener] = []
    var pending: [Pending] = []

    init(_ name: TopicName) { self.name = name }

    /// The connection to a shard is another one, or gone.
    func setMark(_ mark: Int, shardIndex: Int) {
        for index in listeners.indices { listeners[index].marks[shardIndex] = mark }
        for index in pending.indices { pending[index].marks[shardIndex] = mark }
    }
}

/// The connection on which a worker hears what is published on one shard. Each of its commands has one answer.
struct Ear {
    /// The mark of a connection that is not there.
    static let unreachable = Int.max

    let line: LineRef
    /// What the unanswered commands are about, behind `answeredCount` that are answered.
    private var topics: [TopicName?] = []
    private var answeredCount = 0
    private var saidCount = 0
    private(set) var heardCount = 0

    init(_ line: LineRef) { self.line = line }

    /// - Returns: the command's mark.
    mutating func said(about topic: TopicName?) -> Int {
        topics.append(topic)
        saidCount += 1
        return saidCount
    }

    /// A command is answered.
    ///
    /// - Returns: what it was about.
    mutating func heard() -> TopicName? {
        guard answeredCount < topics.count else { return nil }
        let topic = topics[answeredCount]
        answeredCount += 1
        heardCount += 1
        if answeredCount == topics.count { forget() }
        return topic
    }

    /// The connection is lost: nothing that was said will be answered.
    mutating func lost() {
        heardCount = saidCount
        forget()
    }

    private mutating func forget() {
        topics = []
        answeredCount = 0
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
    var ears: [Int: [Ear]] = [:]

    func topics(ofPool poolIndex: Int) -> [Topic] { topics.values.filter { $0.name.poolIndex == poolIndex } }
}
