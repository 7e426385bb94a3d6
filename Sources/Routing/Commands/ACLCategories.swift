// ACLCategories: the categories that COMMAND INFO shows and COMMAND LIST FILTERBY ACLCAT asks for.
// Derived as Valkey does: some follow from flags, the rest from the group, a few commands name their own.
// Not here: rights of Keyway's users.

struct ACLCategories: OptionSet, Sendable {
    let rawValue: UInt32

    static let keyspace = ACLCategories(rawValue: 1 << 0)
    static let read = ACLCategories(rawValue: 1 << 1)
    static let write = ACLCategories(rawValue: 1 << 2)
    static let set = ACLCategories(rawValue: 1 << 3)
    static let sortedSet = ACLCategories(rawValue: 1 << 4)
    static let list = ACLCategories(rawValue: 1 << 5)
    static let hash = ACLCategories(rawValue: 1 << 6)
    static let string = ACLCategories(rawValue: 1 << 7)
    static let bitmap = ACLCategories(rawValue: 1 << 8)
    static let hyperloglog = ACLCategories(rawValue: 1 << 9)
    static let geo = ACLCategories(rawValue: 1 << 10)
    static let stream = ACLCategories(rawValue: 1 << 11)
    static let pubSub = ACLCategories(rawValue: 1 << 12)
    static let admin = ACLCategories(rawValue: 1 << 13)
    static let fast = ACLCategories(rawValue: 1 << 14)
    static let slow = ACLCategories(rawValue: 1 << 15)
    static let blocking = ACLCategories(rawValue: 1 << 16)
    static let dangerous = ACLCategories(rawValue: 1 << 17)
    static let connection = ACLCategories(rawValue: 1 << 18)
    static let transaction = ACLCategories(rawValue: 1 << 19)
    static let scripting = ACLCategories(rawValue: 1 << 20)

    /// Names by bit, in the order of Valkey's ACL CAT.
    static let names = [
        "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
        "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction",
        "scripting",
    ]

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(of row: CommandRow, group: String) {
        var categories = Self.named(row, group: group)
        let flags = row.flags
        if flags.contains(.write) { categories.insert(.write) }
        if flags.contains(.readonly) && !categories.contains(.scripting) { categories.insert(.read) }
        if flags.contains(.admin) { categories.formUnion([.admin, .dangerous]) }
        if flags.contains(.pubSub) { categories.insert(.pubSub) }
        if flags.contains(.blocking) { categories.insert(.blocking) }
        categories.insert(flags.contains(.fast) ? .fast : .slow)
        self = categories
    }

    /// What the command's JSON names, beyond what its flags imply.
    private static func named(_ row: CommandRow, group: String) -> ACLCategories {
        switch row.id {
        case .sort, .sortRo: return [.set, .sortedSet, .list, .dangerous]
        case .wait, .waitaof, .readonly, .readwrite, .asking: return [.connection]
        case .command, .commandCount, .commandDocs, .commandGetkeys, .commandGetkeysandflags, .commandHelp,
            .commandInfo, .commandList:
            return [.connection]
        case .migrate, .restore, .restoreAsking, .keys, .swapdb, .flushall, .flushdb: return [.keyspace, .dangerous]
        case .role, .lastsave: return [.admin, .dangerous]
        case .info: return [.dangerous]
        case .dbsize, .clusterscan: return [.keyspace]
        default: break
        }
        if row.flags.contains(.container) { return [] }
        return switch group {
        case "generic": [.keyspace]
        case "set": [.set]
        case "sorted_set": [.sortedSet]
        case "list": [.list]
        case "hash": [.hash]
        case "string": [.string]
        case "bitmap": [.bitmap]
        case "hyperloglog": [.hyperloglog]
        case "geo": [.geo]
        case "stream": [.stream]
        case "connection": [.connection]
        case "transactions": [.transaction]
        case "scripting": [.scripting]
        default: []
        }
    }

    var memberNames: [String] {
        Self.names.indices.filter { rawValue & (1 << UInt32($0)) != 0 }.map { Self.names[$0] }
    }
}
