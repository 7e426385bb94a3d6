// SimulatedTopic: a channel, a pattern or a shard channel of the simulation. Channels are named after keys, `{k007}`,
// patterns after the channels that they match: `{k007*`, or `{k*` for all.
// Not here: who listens (SimulatedListener), what must be heard (Audience).

struct SimulatedTopic: Hashable {
    enum Kind: Int, CaseIterable {
        case channel, pattern, shardChannel

        var joiningVerb: TopicVerb { TopicVerb(kind: self, isJoining: true) }
        var leavingVerb: TopicVerb { TopicVerb(kind: self, isJoining: false) }

        var messageWord: StaticString {
            switch self {
            case .channel: "message"
            case .pattern: "pmessage"
            case .shardChannel: "smessage"
            }
        }
    }

    let kind: Kind
    /// -1: the pattern of all.
    let key: Int

    init(_ kind: Kind, key: Int) {
        self.kind = kind
        self.key = key
    }

    /// Nil where the name is none of the simulation.
    init?(_ kind: Kind, _ name: UnsafeBufferPointer<UInt8>) {
        guard name.count >= 3, let start = name.baseAddress else { return nil }
        let key = name.count == 3 ? -1 : name.count == 6 ? Ledger.readDigits(start + 2, count: 3) : -2
        guard key > -2 else { return nil }
        self.init(kind, key: key)
        guard self.name.elementsEqual(name) else { return nil }
    }

    var name: [UInt8] {
        if key < 0 { return Array("{k*".utf8) }
        return Array("{k\(String(key + 1_000).dropFirst())\(kind == .pattern ? "*" : "}")".utf8)
    }

    /// A message on that channel is one for those who listen to this.
    func hears(_ channel: SimulatedTopic) -> Bool {
        if kind == .pattern { return channel.kind == .channel && (key < 0 || key == channel.key) }
        return self == channel
    }
}

/// SUBSCRIBE and its kin.
struct TopicVerb {
    let kind: SimulatedTopic.Kind
    let isJoining: Bool

    init(kind: SimulatedTopic.Kind, isJoining: Bool) {
        self.kind = kind
        self.isJoining = isJoining
    }

    init?(_ name: String) {
        for kind in SimulatedTopic.Kind.allCases {
            for verb in [kind.joiningVerb, kind.leavingVerb] where "\(verb.word)".uppercased() == name {
                self = verb
                return
            }
        }
        return nil
    }

    /// As confirmations have it.
    var word: StaticString {
        switch kind {
        case .channel: isJoining ? "subscribe" : "unsubscribe"
        case .pattern: isJoining ? "psubscribe" : "punsubscribe"
        case .shardChannel: isJoining ? "ssubscribe" : "sunsubscribe"
        }
    }
}
