// Which shards a request goes to, as what, and what is refused before anything was sent.

import Hashing
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineRoutingTests {
    @Test func aSplitBecomesOneCommandPerShardWithKeysInOrder() throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        let a = (0..<3).map { rig.key(on: 0, "a\($0)-") }
        let b = (0..<2).map { rig.key(on: 1, "b\($0)-") }
        #expect(rig.ask(client, "MSET", a[0], "1", b[0], "2", a[1], "3", b[1], "4", a[2], "5") == "+OK\r\n")
        #expect(rig.backends[0].seen.last == ["MSET", a[0], "1", a[1], "3", a[2], "5"])
        #expect(rig.backends[1].seen.last == ["MSET", b[0], "2", b[1], "4"])
        let reply = rig.ask(client, "mget", b[1], a[2], a[0], "none", b[1])
        #expect(rig.backends[0].seen.last!.filter { $0 != "none" } == ["mget", a[2], a[0]])
        #expect(reply == "*5\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n1\r\n$-1\r\n$1\r\n4\r\n")
        #expect(rig.ask(client, "EXISTS", a[0], a[0], b[0], "none") == ":3\r\n")
        #expect(rig.ask(client, "DEL", a[0], a[0], b[0], "none") == ":2\r\n")
        #expect(rig.counters.snapshot().pools[0].values[.fragments] == 8)
    }

    @Test func aSplitWhoseKeysShareAShardPassesAsItIs() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "MSET", "{t}1", "a", "{t}2", "b") == "+OK\r\n")
        let shard = rig.shardIndex(of: "{t}1")
        #expect(rig.backends[shard].seen.last == ["MSET", "{t}1", "a", "{t}2", "b"])
        #expect(rig.ask(client, "MSET", "{t}1", "a", "{t}2") == "-ERR wrong number of arguments for 'mset' command\r\n")
    }

    @Test func aShardsErrorInASplitNamesTheShardAndTheCount() throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        rig.backends[1].lie = { $0[0] == "MGET" ? Array("-LOADING wait\r\n".utf8) : nil }
        let reply = rig.ask(client, "MGET", rig.key(on: 0), rig.key(on: 1))
        #expect(reply.hasPrefix("-LOADING 'mget' failed on 1 of 2 shards, first on s1"))
    }

    @Test(arguments: ["+OK\r\n", "*2\r\n$1\r\nx\r\n$1\r\ny\r\n", "*0\r\n", ":5\r\n", "*-1\r\n"])
    func aLyingShardCannotSwapValues(lie: String) throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        rig.backends[1].lie = { $0[0] == "MGET" ? Array(lie.utf8) : nil }
        let reply = rig.ask(client, "MGET", rig.key(on: 0), rig.key(on: 1))
        #expect(reply.hasPrefix("-"), "got \(reply)")
    }

    @Test func aDeadShardRefusesASplitBeforeAnythingIsSent() throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        rig.backends[1].isRefusing = true
        rig.send(client, rig.request("GET", rig.key(on: 1)))
        for _ in 0..<30 { rig.advance(ms: 100) }
        rig.backends[0].seen = []
        let reply = rig.ask(client, "MSET", rig.key(on: 0), "1", rig.key(on: 1), "2")
        #expect(reply.hasPrefix("-SHARDDOWN shard s1"))
        #expect(rig.backends[0].seen.isEmpty)
    }

    @Test func keysOfOneCommandOnTwoShardsAreRefusedByName() throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        let (a, b) = (rig.key(on: 0), rig.key(on: 1))
        let commands = [
            ["RENAME", a, b], ["SINTERSTORE", a, b], ["EVAL", "return 1", "2", a, b], ["MSETNX", a, "1", b, "2"],
        ]
        for words in commands {
            let reply = rig.ask(client, words)
            #expect(reply.hasPrefix("-CROSSSLOT") && reply.contains("'\(a)' is on s0"), "\(words): \(reply)")
            #expect(reply.contains("'\(b)' is on s1"))
        }
        #expect(rig.backends[0].seen.isEmpty && rig.backends[1].seen.isEmpty)
        #expect(rig.counters.snapshot().pools[0].values[.crossShardRefused] == 4)
        _ = rig.ask(client, "RENAME", "{t}a", "{t}b")
        #expect(rig.backends[rig.shardIndex(of: "{t}a")].seen.last == ["RENAME", "{t}a", "{t}b"])
    }

    /// Goal: what is wrong with a request's keys its server says, in its own words; nothing else may come of it.
    @Test(arguments: [["EVAL", "return 1", "x"], ["EVAL", "return 1", "3", "a"], ["LMPOP", "0", "a", "LEFT"]])
    func badCountsOfKeysAreAServersToRefuse(words: [String]) throws {
        let rig = try EngineRig()
        #expect(rig.ask(rig.connect(), words).hasPrefix("-ERR"))
        #expect(rig.backends.reduce(0) { $0 + $1.seen.count(where: { $0 == words }) } == 1)
    }

    @Test func sortWithPatternsIsRefusedOnlyAcrossShards() throws {
        let many = try EngineRig(shardCount: 2)
        #expect(many.ask(many.connect(), "SORT", "k", "BY", "w_*").hasPrefix("-CROSSSLOT 'sort' reads keys"))
        let shard = many.shardIndex(of: "{t}k")
        for words in [["SORT", "{t}k", "BY", "{t}w_*", "GET", "#"], ["SORT_RO", "{t}k", "GET", "{t}v_*->name"]] {
            _ = many.ask(many.connect(), words)
            #expect(many.backends[shard].seen.last == words)
        }
        for pattern in ["{t*}w", "{}*", "w_*"] {
            #expect(many.ask(many.connect(), "SORT", "{t}k", "BY", pattern).hasPrefix("-CROSSSLOT"), "\(pattern)")
        }
        let one = try EngineRig(shardCount: 1)
        _ = one.ask(one.connect(), "SORT", "k", "BY", "w_*")
        #expect(one.backends[0].seen.last == ["SORT", "k", "BY", "w_*"])
    }

    @Test func msetexIsSplitOnlyWithoutACondition() throws {
        let rig = try EngineRig(shardCount: 2)
        for backend in rig.backends { backend.lie = { $0[0] == "MSETEX" ? Array(":1\r\n".utf8) : nil } }
        let client = rig.connect()
        let (a, b) = (rig.key(on: 0), rig.key(on: 1))
        #expect(rig.ask(client, "MSETEX", "2", a, "1", b, "2", "EX", "10") == ":1\r\n")
        #expect(rig.backends[0].seen.last == ["MSETEX", "1", a, "1", "EX", "10"])
        #expect(rig.backends[1].seen.last == ["MSETEX", "1", b, "2", "EX", "10"])
        #expect(rig.ask(client, "MSETEX", "2", a, "1", b, "2", "NX").hasPrefix("-CROSSSLOT 'msetex' with NX or XX"))
        #expect(rig.ask(client, "MSETEX", "2", "{t}a", "1", "{t}b", "2", "NX") == ":1\r\n")
    }

    @Test func broadcastsMergeByTheirRule() throws {
        let rig = try EngineRig(shardCount: 3)
        let client = rig.connect()
        for index in 0..<9 { _ = rig.ask(client, "SET", "k\(index)", "v") }
        #expect(rig.ask(client, "DBSIZE") == ":9\r\n")
        let keys = rig.ask(client, "KEYS", "*")
        #expect(keys.hasPrefix("*9\r\n") && (0..<9).allSatisfy { keys.contains("k\($0)\r\n") })
        let answers = ["*2\r\n:1\r\n:0\r\n", "*2\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n:1\r\n"]
        for (backend, answer) in zip(rig.backends, answers) {
            backend.lie = { words in
                switch words[0] {
                case "SCRIPT": words[1] == "EXISTS" ? Array(answer.utf8) : Array("$2\r\nab\r\n".utf8)
                case "FLUSHALL": Array("+OK\r\n".utf8)
                case "RANDOMKEY": Array("$-1\r\n".utf8)
                default: nil
                }
            }
        }
        #expect(rig.ask(client, "SCRIPT", "EXISTS", "x", "y") == "*2\r\n:1\r\n:0\r\n")
        #expect(rig.ask(client, "SCRIPT", "LOAD", "return 1") == "$2\r\nab\r\n")
        #expect(rig.ask(client, "FLUSHALL") == "+OK\r\n")
        #expect(rig.ask(client, "RANDOMKEY") == "$-1\r\n")
        rig.backends[2].lie = { $0[0] == "RANDOMKEY" ? Array("$2\r\nk7\r\n".utf8) : nil }
        #expect(rig.ask(client, "RANDOMKEY") == "$2\r\nk7\r\n")
    }

    @Test(arguments: [
        ["SHUTDOWN"], ["CLUSTER", "MEET", "a", "1"], ["SWAPDB", "0", "1"], ["DEBUG", "SLEEP", "1"],
        ["ACL", "SETUSER", "u"],
        ["MIGRATE", "h", "1", "k", "0", "1"], ["SAVE"], ["REPLICAOF", "NO", "ONE"],
    ])
    func whatKeywayDoesNotDoIsSaidAndTheConnectionGoesOn(words: [String]) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let reply = rig.ask(client, words)
        #expect(reply.hasPrefix("-NOTSUPPORTED '") && reply.contains("does not work through Keyway: "), "\(reply)")
        #expect(rig.ask(client, "PING") == "+PONG\r\n")
    }

    /// Goal: the distribution `random` draws anew for each key. Method: many keys, and one key many times.
    @Test func theRandomDistributionUsesEveryShard() throws {
        let rig = try EngineRig(shardCount: 3, distribution: .random)
        let client = rig.connect()
        for index in 0..<60 { #expect(rig.ask(client, "SET", "k\(index % 2)", "v") == "+OK\r\n") }
        for backend in rig.backends { #expect(backend.seen.filter { $0[0] == "SET" }.count > 5) }
        for backend in rig.backends { backend.seen = [] }
        _ = rig.ask(client, ["DEL"] + (0..<60).map { "k\($0)" })
        for backend in rig.backends { #expect(backend.seen.filter { $0[0] == "DEL" }.count == 1) }
    }

    /// A client keeps to one of several connections; different clients use different ones.
    @Test func severalConnectionsKeepEachClientsOrder() throws {
        let rig = try EngineRig(shardCount: 1, pool: { $0.backend.connectionCount = 2 })
        let clients = (0..<4).map { _ in rig.connect() }
        for client in clients {
            rig.send(client, (0..<20).flatMap { rig.request("SET", "k\(client.descriptor)", "\($0)") })
            #expect(rig.ask(client, "GET", "k\(client.descriptor)") == "$2\r\n19\r\n")
        }
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.connects] == 2)
    }
}
