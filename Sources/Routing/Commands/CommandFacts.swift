// CommandFacts: the vocabulary of a command's row: class, flags, policies, how its keys are found.
// Words and meanings are those of Valkey's command JSON and of COMMAND INFO; the class is Keyway's own.
// Not here: the rows (CommandRows, generated) and their shape (CommandRow).

/// How Keyway treats a command; docs and tests count them.
public enum CommandClass: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    /// One key: forwarded to its shard.
    case key
    /// Exact when split: one command per shard, answers merged.
    case split
    /// Forwarded when the keys share a shard, otherwise computed by Keyway from its parts.
    case compute
    /// Every key on one shard, or an error that names two of them.
    case sameShard
    /// Scripts and functions: keys by numkeys, all on one shard.
    case script
    /// Needs a backend connection of its own while it lasts.
    case pinned
    case pubSub
    /// Walks all shards with a cursor of Keyway's own.
    case iterate
    /// To all shards, answers aggregated.
    case broadcast
    /// Answered by Keyway itself.
    case local
    /// Answered with an error: it would bypass placement, topology or persistence.
    case refuse
}

/// Every flag of Valkey's command JSON, the two nondeterminism tips, and two facts derived from the data.
public struct CommandFlags: OptionSet, BitwiseCopyable, Sendable, Hashable {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let write = CommandFlags(rawValue: 1 << 0)
    public static let readonly = CommandFlags(rawValue: 1 << 1)
    public static let denyOOM = CommandFlags(rawValue: 1 << 2)
    public static let admin = CommandFlags(rawValue: 1 << 3)
    public static let pubSub = CommandFlags(rawValue: 1 << 4)
    public static let noscript = CommandFlags(rawValue: 1 << 5)
    public static let blocking = CommandFlags(rawValue: 1 << 6)
    public static let loading = CommandFlags(rawValue: 1 << 7)
    public static let stale = CommandFlags(rawValue: 1 << 8)
    public static let skipMonitor = CommandFlags(rawValue: 1 << 9)
    public static let skipCommandlog = CommandFlags(rawValue: 1 << 10)
    public static let asking = CommandFlags(rawValue: 1 << 11)
    public static let fast = CommandFlags(rawValue: 1 << 12)
    public static let noAuth = CommandFlags(rawValue: 1 << 13)
    public static let mayReplicate = CommandFlags(rawValue: 1 << 14)
    public static let sentinel = CommandFlags(rawValue: 1 << 15)
    public static let onlySentinel = CommandFlags(rawValue: 1 << 16)
    public static let noMandatoryKeys = CommandFlags(rawValue: 1 << 17)
    public static let protected = CommandFlags(rawValue: 1 << 18)
    public static let noAsyncLoading = CommandFlags(rawValue: 1 << 19)
    public static let noMulti = CommandFlags(rawValue: 1 << 20)
    public static let allowBusy = CommandFlags(rawValue: 1 << 21)
    public static let touchesArbitraryKeys = CommandFlags(rawValue: 1 << 22)
    public static let allDBs = CommandFlags(rawValue: 1 << 23)
    /// Tip: the answer differs between equal servers, so never coalesced, never cached.
    public static let nondeterministicOutput = CommandFlags(rawValue: 1 << 24)
    /// Tip: the elements are the same but their order is not.
    public static let nondeterministicOrder = CommandFlags(rawValue: 1 << 25)
    /// Derived: it has subcommands.
    public static let container = CommandFlags(rawValue: 1 << 26)
    /// Derived as Valkey does: first, last and step do not tell all its keys.
    public static let movableKeys = CommandFlags(rawValue: 1 << 27)
}

/// Which way `KeyFinder` takes.
public enum KeyFinding: UInt8, BitwiseCopyable, Sendable {
    /// It has no keys.
    case none
    /// Exactly one key, at `keyFirst`.
    case single
    /// One range: first, last, step.
    case range
    /// An argument says how many keys follow.
    case keynum
    /// Several places: a destination and its sources, or two single keys.
    case multiple
    /// After a word: STORE, STREAMS, KEYS.
    case keyword
    /// Its specification is "unknown": SORT and SORT_RO.
    case unknown
}

/// Valkey's `request_policy` tip, after Keyway's overrides.
public enum RequestPolicy: UInt8, BitwiseCopyable, Sendable {
    case none, allNodes, allShards, multiShard, special
}

/// Valkey's `response_policy` tip, after Keyway's overrides.
public enum ResponsePolicy: UInt8, BitwiseCopyable, Sendable {
    case none, sum, minimum, logicalAnd, allSucceeded, oneSucceeded, special
}

/// Which numbers of keys a command takes and how Valkey words its refusal of others.
public enum NumkeysRule: UInt8, BitwiseCopyable, Sendable {
    case none
    /// EVAL, EVALSHA: 0 is legal.
    case script
    /// FCALL: 0 is legal, its own words for what is no number.
    case function
    /// LMPOP, ZMPOP and their blocking forms: 1 or more, and an argument must follow the keys.
    case pop
    /// SINTERCARD.
    case setCardinality
    /// ZUNION and family.
    case sortedSet
    /// MSETEX: pairs.
    case pairs
}
