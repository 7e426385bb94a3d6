// Preset: the operations that have a name in `--mix`, one row each, and the names for several of them at once.
// A command's row also says what its reply is and what kind of data its key holds, for templates of the user's own too.
// Not here: what the placeholders become (Template), how weights are drawn (Workload).

/// How a reply is looked at. Errors and nils are found under every rule.
enum ReplyRule: UInt8, Sendable {
    /// Anything; a nil is a miss.
    case plain
    /// An array; a nil among its elements is one miss.
    case array
    /// EXEC's: nil, or an error among the elements, is an error; a nil element is a miss.
    case transaction
    /// The rest differ from `plain` (`reads` from `array`) under `--verify` only: `+OK` to a write,
    case acknowledgement
    /// the value of a key,
    case read
    /// the values of several keys in their order,
    case reads
    /// the value before the write that the same command makes,
    case exchange
    /// a status, whatever it says,
    case status
    /// a number.
    case integer

    var isWrite: Bool { self == .acknowledgement || self == .exchange }
    var isRead: Bool { self == .read || self == .reads }
    var isVerifiable: Bool { rawValue >= ReplyRule.acknowledgement.rawValue }

    /// What is looked at without `--verify`.
    var unverified: ReplyRule {
        switch self {
        case .plain, .array, .transaction: self
        case .reads: .array
        case .acknowledgement, .read, .exchange, .status, .integer: .plain
        }
    }
}

/// What a key holds, so that `--fill` can write it.
enum DataType: Sendable, Equatable {
    case string, counter, hash, list, set, sortedSet, stream, none
}

struct Preset: Sendable {
    let name: String
    let template: String
    /// Comes behind `template` as often as `--keys-per-command` says.
    let repeated: String
    let type: DataType
    let reply: ReplyRule
    /// A key may be gone afterwards, so that a nil is never `missing`.
    let canRemove: Bool

    init(
        _ name: String, _ template: String, repeated: String = "", _ type: DataType = .string,
        _ reply: ReplyRule = .plain, canRemove: Bool = false
    ) {
        self.name = name
        self.template = template
        self.repeated = repeated
        self.type = type
        self.reply = reply
        self.canRemove = canRemove
    }

    /// `{set-ttl}` is ` EX {ttl}` under `--ttl-s`, else nothing.
    static let table: [Preset] = [
        .init("get", "GET {key}", .string, .read),
        .init("set", "SET {key} {value}{set-ttl}", .string, .acknowledgement),
        .init("mget", "MGET", repeated: "{key}", .string, .reads),
        .init("mset", "MSET", repeated: "{key} {value}", .string, .acknowledgement),
        .init("getset", "GETSET {key} {value}", .string, .exchange),
        .init("setex", "SETEX {key} {ttl} {value}", .string, .acknowledgement, canRemove: true),
        .init("del", "DEL {key}", .string, .integer, canRemove: true),
        .init("unlink", "UNLINK {key}", .string, .integer, canRemove: true),
        .init("exists", "EXISTS {key}", .string, .integer),
        .init("touch", "TOUCH {key}", .string, .integer),
        .init("expire", "EXPIRE {key} {ttl}", .string, .integer, canRemove: true),
        .init("ttl", "TTL {key}", .string, .integer),
        .init("strlen", "STRLEN {key}", .string, .integer),
        .init("append", "APPEND {key+append:} {value}"),
        .init("incr", "INCR {key+counter:}", .counter),
        .init("decr", "DECR {key+counter:}", .counter),
        .init("incrby", "INCRBY {key+counter:} {random:1-100}", .counter),
        .init("hset", "HSET {key+hash:} field:{element} {value}", .hash),
        .init("hget", "HGET {key+hash:} field:{element}", .hash),
        .init("hmget", "HMGET {key+hash:} field:{element} field:{element} field:{element}", .hash, .array),
        .init("hgetall", "HGETALL {key+hash:}", .hash),
        .init("hdel", "HDEL {key+hash:} field:{element}", .hash),
        .init("lpush", "LPUSH {key+list:} {value}", .list),
        .init("rpush", "RPUSH {key+list:} {value}", .list),
        .init("lpop", "LPOP {key+list:}", .list),
        .init("rpop", "RPOP {key+list:}", .list),
        .init("llen", "LLEN {key+list:}", .list),
        .init("lrange", "LRANGE {key+list:} 0 {last-element}", .list),
        .init("sadd", "SADD {key+set:} member:{element}", .set),
        .init("srem", "SREM {key+set:} member:{element}", .set),
        .init("scard", "SCARD {key+set:}", .set),
        .init("sismember", "SISMEMBER {key+set:} member:{element}", .set),
        .init("smembers", "SMEMBERS {key+set:}", .set),
        .init("zadd", "ZADD {key+zset:} {random:0-1000000} member:{element}", .sortedSet),
        .init("zincrby", "ZINCRBY {key+zset:} {random:1-100} member:{element}", .sortedSet),
        .init("zrange", "ZRANGE {key+zset:} 0 {last-element}", .sortedSet),
        .init("zscore", "ZSCORE {key+zset:} member:{element}", .sortedSet),
        .init("xadd", "XADD {key+stream:} MAXLEN ~ 1000 * field {value}", .stream),
        .init("xrange", "XRANGE {key+stream:} - + COUNT {elements}", .stream),
        .init("xlen", "XLEN {key+stream:}", .stream),
        .init("ping", "PING", .none, .status),
        .init("echo", "ECHO {value}", .none),
        .init("eval", #"EVAL "return redis.call('GET', KEYS[1])" 1 {key}"#),
        .init("multi", "MULTI; SET {key} {value}{set-ttl}; GET {samekey}; EXEC", .none),
        .init("rmw", "GET {key}; SET {samekey} {value}{set-ttl}", .string),
    ]

    /// Names for several operations, in the syntax of `--mix`. The group of set commands is `sets`, since `set` is SET.
    static let groups: [(name: String, mix: String)] = [
        ("string", "get=6,set=3,incr=1"),
        ("hash", "hget=6,hset=3,hgetall=1"),
        ("list", "lpush=2,rpop=2,rpush=2,lpop=2,lrange=2"),
        ("sets", "sismember=6,sadd=2,srem=1,smembers=1"),
        ("zset", "zscore=5,zadd=2,zincrby=1,zrange=2"),
        ("stream", "xadd=5,xrange=4,xlen=1"),
        ("transaction", "multi=1"),
        ("ycsb-a", "get=50,set=50"),
        ("ycsb-b", "get=95,set=5"),
        ("ycsb-c", "get=100"),
        ("ycsb-f", "get=50,rmw=50"),
    ]

    /// The row of a command as it is sent, in either case; nil for those that have none and for those of several
    /// commands.
    static func row(ofCommand word: String) -> Preset? {
        let name = word.lowercased()
        return table.first { $0.name == name && !$0.template.contains(";") }
    }

    /// For error texts and help.
    static var names: String { table.map(\.name).joined(separator: " ") }
    static var groupNames: String { groups.map(\.name).joined(separator: " ") }
}
