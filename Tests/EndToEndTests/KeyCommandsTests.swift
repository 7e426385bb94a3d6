// KeyCommandsTests: single-key commands of every type through the port, against one real server as the oracle.
// The script runs line by line on both; the replies must be the same.
// Not here: commands of several keys (SplitCommandsTests, SameShardTests).

import TestKit
import Testing

/// How the two replies of a line are compared; its first character in the script.
private enum Comparison {
    /// No mark: the same reply, and not an error.
    case same
    /// `!`: the same reply, which is an error.
    case sameError
    /// `~`: the same elements in any order.
    case sameElements
    /// `?`: the same kind of reply; times and sizes differ.
    case sameKind
}

private struct Line {
    let text: String
    let comparison: Comparison
    let arguments: [String]

    init(_ text: Substring) {
        self.text = String(text)
        comparison =
            switch text.first {
            case "!": .sameError
            case "~": .sameElements
            case "?": .sameKind
            default: .same
            }
        let command = comparison == .same ? text : text.dropFirst()
        arguments = command.split(separator: " ").map { $0 == "\"\"" ? "" : String($0) }
    }

    func agrees(_ reply: RESPValue, with expected: RESPValue) -> Bool {
        switch comparison {
        case .same, .sameError: reply == expected
        case .sameElements: reply.elements.count == expected.elements.count && reply.sortedTexts == expected.sortedTexts
        case .sameKind: kind(reply) == kind(expected)
        }
    }

    private func kind(_ value: RESPValue) -> String {
        switch value {
        case .array(let elements): "array of \(elements.count)"
        case .bulk: "bulk"
        case .integer(let number): number < 0 ? "\(number)" : "integer"
        default: "\(value)"
        }
    }
}

@Suite(.serialized) struct KeyCommandsTests {
    /// Goal: Keyway in front of four shards cannot be told from one server by commands of one key.
    @Test(arguments: Servers.found) func singleKeyCommandsAnswerAsOneServerDoes(_ server: Server) throws {
        let oracle = try ServerProcess(server)
        let rig = try Rig(server)
        let (direct, client) = (try oracle.connect(), try rig.connect())
        var problems = Problems()
        for line in script {
            let expected = try direct.command(line.arguments)
            let reply = try client.command(line.arguments)
            problems.check(line.agrees(reply, with: expected), "\(line.text): \(reply); one server says \(expected)")
            if server.product == .valkey && server.major >= 9 {
                problems.check(expected.isError == (line.comparison == .sameError), "\(line.text): \(expected)")
            }
        }
        problems.report()
    }

    /// Goal: the same when everything is in flight at once, in pieces of any size.
    @Test(arguments: Servers.found) func thePipelinedScriptAnswersInOrder(_ server: Server) throws {
        let oracle = try ServerProcess(server)
        let rig = try Rig(server, workers: 2)
        let (direct, client) = (try oracle.connect(), try rig.connect())
        var problems = Problems()
        let expected = try direct.pipeline(script.map(\.arguments))
        var random = SeededRandom.announced()
        try client.send(script.flatMap { respCommand($0.arguments) }) { random.below(300) + 1 }
        let replies = try client.replies(script.count)
        for (line, (reply, expected)) in zip(script, zip(replies, expected)) {
            problems.check(line.agrees(reply, with: expected), "\(line.text): \(reply); one server says \(expected)")
        }
        problems.report()
    }

    /// Goal: the script forgets no command.
    /// Method: the server itself lists what it knows; commands with one key, first in line, have to be in the script.
    @Test(arguments: Servers.found) func theScriptHasEverySingleKeyCommandOfTheServer(_ server: Server) throws {
        let direct = try ServerProcess(server).connect()
        var known: Set<String> = []
        func collect(_ entry: RESPValue, keyIndex: Int) {
            let facts = entry.elements
            let flags = facts[2].elements.compactMap(\.text)
            if facts[3] == .integer(keyIndex), facts[4] == .integer(keyIndex),
                !flags.contains("blocking"), !flags.contains("movablekeys"), !flags.contains("pubsub")
            {
                known.insert(facts[0].text!)
            }
            if facts.count > 9 { facts[9].elements.forEach { collect($0, keyIndex: 2) } }
        }
        try direct.command("COMMAND").elements.forEach { collect($0, keyIndex: 1) }
        let tested = Set(
            script.flatMap { line in
                let words = line.arguments.map { $0.lowercased() }
                return [words[0], words.prefix(2).joined(separator: "|")]
            })
        // Of several keys, or not for clients; dump and restore have a test of their own.
        let elsewhere: Set<String> = [
            "dump", "restore", "restore-asking", "pfdebug", "del", "unlink", "exists", "touch", "mget", "mset",
            "msetnx",
            "sunion", "sinter", "sdiff", "pfcount", "watch", "blpop", "brpop", "spublish", "clusterscan",
        ]
        #expect(known.count > 100)
        #expect(known.subtracting(tested).subtracting(elsewhere).sorted() == [])
    }

    @Test(arguments: Servers.found) func dumpedBytesRestoreUnderAnotherName(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        for keys in try rig.keysByShard(prefix: "dump:") {
            let values = (0..<50).map { "value \($0)" }
            #expect(try client.command(["RPUSH", keys[0]] + values) == 50)
            let dump = try #require(try client.command("DUMP", keys[0]).bytes)
            #expect(try client.command("RESTORE", "copy of " + keys[0], 0, dump) == .ok)
            #expect(try client.command("LRANGE", "copy of " + keys[0], 0, -1) == .array(values.map { .text($0) }))
        }
    }

    /// Goal: arguments are bytes; nothing in between reads them as text.
    @Test(arguments: Servers.newest) func keysAndValuesMayHoldAnyByte(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        for byte in UInt8.min...UInt8.max {
            let key = [byte, byte ^ 0x55, 13, 10, 0, byte]
            let value = [13, 10, byte, 0, 42, 13, 10]
            let replies = try client.pipeline([["SET", key, value], ["GET", key], ["STRLEN", key]])
            #expect(replies == [.ok, .bulk(value), 7])
        }
        #expect(try client.pipeline([["SET", "", "of nothing"], ["GET", ""]]) == [.ok, "of nothing"])
    }

    @Test(arguments: Servers.found) func everyKeySitsOnTheShardThatRouteNames(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let keys = (0..<400).map { "key:\($0)" } + (0..<100).map { "{tag\($0)}:rest" }
        let replies = try client.pipeline(keys.map { ["SET", $0, "of " + $0] })
        #expect(replies.allSatisfy { $0 == .ok })
        let direct = try rig.shards.map { try $0.connect() }
        let indices = try rig.shardIndices(of: keys)
        var problems = Problems()
        for (key, index) in zip(keys, indices) {
            let there = try direct[index].command("GET", key)
            problems.check(there == .text("of " + key), "\(key) should be on shard \(index), but there is \(there)")
        }
        problems.report()
        let sizes = try direct.map { try $0.command("DBSIZE").integer ?? 0 }
        #expect(sizes.reduce(0, +) == keys.count, "a key sits on more than one shard: \(sizes)")
        #expect(sizes.allSatisfy { $0 > 0 })
    }

    private let script = scriptText.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(Line.init)
}

/// One command a line; `""` is the empty argument; the first character says how replies are compared.
private let scriptText = """
    # strings
    SET s1 hello
    GET s1
    GET missing
    SET s1 x NX
    SET s1 world XX GET
    SETNX s2 a
    SETNX s2 b
    SETEX s3 1000 v
    PSETEX s4 1000000 v
    ?TTL s3
    ?PTTL s4
    TTL s1
    PTTL missing
    APPEND s1 !!!
    STRLEN s1
    GETRANGE s1 1 3
    SUBSTR s1 0 1
    SETRANGE s1 2 XYZ
    GETSET s1 other
    GETDEL s2
    GETEX s3 PERSIST
    TTL s3
    SET empty ""
    GET empty
    INCR n1
    INCRBY n1 41
    DECR n1
    DECRBY n1 100
    INCRBYFLOAT n1 0.5
    !INCR s1
    SETBIT b1 7 1
    GETBIT b1 7
    BITCOUNT b1
    BITPOS b1 1
    BITFIELD b1 SET u8 0 200 GET u4 0
    BITFIELD_RO b1 GET u8 0
    SET d1 same
    DELIFEQ d1 other
    DELIFEQ d1 same
    GET d1
    # keys
    TYPE s1
    TYPE missing
    EXPIRE s1 10000
    EXPIREAT s1 4102444800
    EXPIRETIME s1
    PEXPIRE s1 1000000
    PEXPIREAT s1 4102444800000
    PEXPIRETIME s1
    PERSIST s1
    EXPIRE s1 100 XX
    OBJECT ENCODING n1
    OBJECT REFCOUNT s1
    ?OBJECT IDLETIME s1
    !OBJECT FREQ s1
    OBJECT ENCODING missing
    ?MEMORY USAGE s1
    MOVE d1 1
    SET m1 v
    MOVE m1 1
    GET m1
    # hashes
    HSET h1 f1 v1 f2 v2
    HGET h1 f1
    HGET h1 missing
    HMSET h1 f3 v3
    HMGET h1 f1 missing f3
    ~HGETALL h1
    ~HKEYS h1
    ~HVALS h1
    HLEN h1
    HEXISTS h1 f1
    HSTRLEN h1 f1
    HSETNX h1 f1 x
    HINCRBY h1 n 5
    HINCRBYFLOAT h1 n 0.5
    HDEL h1 f2 missing
    HSET h2 only one
    HRANDFIELD h2
    HRANDFIELD h2 5 WITHVALUES
    HSCAN h2 0
    HGETALL missing
    !HGET s1 f
    HSETEX h3 EX 1000 FIELDS 1 f v
    ?HTTL h3 FIELDS 1 f
    ?HPTTL h3 FIELDS 1 f
    HPERSIST h3 FIELDS 1 f
    HEXPIRE h3 1000 FIELDS 1 f
    HPEXPIRE h3 1000000 FIELDS 1 f
    HEXPIREAT h3 4102444800 FIELDS 1 f
    HEXPIRETIME h3 FIELDS 1 f
    HPEXPIREAT h3 4102444800000 FIELDS 1 f
    HPEXPIRETIME h3 FIELDS 1 f
    HGETEX h3 PERSIST FIELDS 1 f
    HGETDEL h3 FIELDS 1 f
    HLEN h3
    # lists
    RPUSH l1 a b c
    LPUSH l1 z
    LPUSHX l1 y
    RPUSHX l1 d
    RPUSHX missing d
    LRANGE l1 0 -1
    LLEN l1
    LINDEX l1 0
    LINDEX l1 99
    LINSERT l1 BEFORE a before
    LSET l1 0 first
    !LSET missing 0 x
    LPOS l1 c
    LPOS l1 c COUNT 0
    LREM l1 1 z
    LTRIM l1 1 3
    LPOP l1
    LPOP l1 2
    RPOP l1
    RPOP l1
    LPOP missing 2
    # sets
    SADD t1 a b c
    SADD t1 a
    ~SMEMBERS t1
    SCARD t1
    SISMEMBER t1 a
    SMISMEMBER t1 a missing
    SREM t1 b
    SADD t2 one
    SRANDMEMBER t2
    SRANDMEMBER t2 3
    SSCAN t2 0
    SPOP t2
    SPOP t2
    # sorted sets
    ZADD z1 1 a 2 b 3 c 4 d
    ZADD z1 XX CH 9 d
    ZSCORE z1 a
    ZMSCORE z1 a missing
    ZCARD z1
    ZCOUNT z1 1 2
    ZINCRBY z1 0.5 a
    ZRANGE z1 0 -1 WITHSCORES
    ZRANGE z1 (1 +inf BYSCORE LIMIT 0 2
    ZREVRANGE z1 0 1
    ZRANGEBYSCORE z1 -inf 2
    ZREVRANGEBYSCORE z1 9 2 WITHSCORES
    ZRANK z1 b
    ZREVRANK z1 b
    ZRANK z1 missing
    ZADD z2 0 a 0 b 0 c
    ZLEXCOUNT z2 - +
    ZRANGEBYLEX z2 [a (c
    ZREVRANGEBYLEX z2 + [b
    ZREMRANGEBYLEX z2 [a [a
    ZREM z1 a
    ZREMRANGEBYRANK z1 0 0
    ZREMRANGEBYSCORE z1 3 3
    ZRANDMEMBER z1
    ZSCAN z1 0
    ZPOPMIN z1
    ZPOPMAX z2 2
    ZPOPMIN missing
    # geo
    GEOADD g1 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
    GEODIST g1 Palermo Catania km
    GEOHASH g1 Palermo
    GEOPOS g1 Palermo missing
    GEOSEARCH g1 FROMLONLAT 15 37 BYRADIUS 200 km ASC
    GEORADIUS_RO g1 15 37 200 km ASC
    GEORADIUSBYMEMBER_RO g1 Palermo 200 km ASC
    # hyperloglog
    PFADD p1 a b c
    PFCOUNT p1
    # streams
    XADD x1 1-1 f v
    XADD x1 2-1 f w g h
    !XADD x1 1-1 f v
    XLEN x1
    XRANGE x1 - +
    XREVRANGE x1 + - COUNT 1
    XGROUP CREATE x1 group 0
    !XGROUP CREATE x1 group 0
    XGROUP CREATECONSUMER x1 group consumer
    XINFO GROUPS x1
    ?XINFO CONSUMERS x1 group
    ?XINFO STREAM x1
    XPENDING x1 group
    XACK x1 group 1-1
    XCLAIM x1 group consumer 0 1-1 FORCE JUSTID
    XAUTOCLAIM x1 group consumer 0 0 JUSTID
    XPENDING x1 group - + 10 other
    XGROUP SETID x1 group $
    XGROUP DELCONSUMER x1 group consumer
    XGROUP DESTROY x1 group
    XDEL x1 1-1
    XTRIM x1 MAXLEN 0
    XSETID x1 9-9
    # ends that only a server can know
    !GET
    !GETRANGE s1 a b
    !EXPIRE s1 notanumber
    !ZADD z1 notafloat a
    """
