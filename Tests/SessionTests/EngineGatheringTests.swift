// What Keyway makes of several shards' answers to questions of its own.

import Telemetry
import Testing

@testable import Session

@Suite struct EngineGatheringTests {
    @Test func aScanSeesEveryKeyOfEveryShard() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let keys = (0..<40).map { "key\($0)" }
        for key in keys { _ = rig.ask(client, "SET", key, "v") }
        var (cursor, seen, rounds) = ("0", Set<String>(), 0)
        repeat {
            let lines = rig.ask(client, "SCAN", cursor).parts(between: "\r\n")
            cursor = lines[2]
            seen.formUnion(lines.filter { $0.hasPrefix("key") })
            rounds += 1
        } while cursor != "0" && rounds < 100
        #expect(seen == Set(keys))
        #expect(rig.ask(client, "SCAN", "x") == "-ERR invalid cursor\r\n")
    }

    @Test func aShardThatRestartsIsScannedAnew() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        for index in 0..<9 { _ = rig.ask(client, "SET", "key\(index)", "v") }
        let cursor = rig.ask(client, "SCAN", "0").parts(between: "\r\n")[2]
        rig.backends[0].runID = "another"
        rig.lose(0)
        rig.advance(ms: 5_000)
        rig.backends[0].seen = []
        _ = rig.ask(client, "SCAN", cursor)
        #expect(rig.backends[0].seen.contains(["SCAN", "0"]), "the old cursor means nothing to the new process")
    }

    @Test func setsOfSeveralShardsAreComputed() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let (a, b) = (rig.key(on: 0), rig.key(on: 1))
        _ = rig.ask(client, "SET", a, "x y z")
        _ = rig.ask(client, "SET", b, "y z q")
        #expect(rig.ask(client, "SINTERCARD", "2", a, b) == ":2\r\n")
        #expect(rig.ask(client, "SDIFF", a, b) == "*1\r\n$1\r\nx\r\n")
        _ = rig.ask(client, "HELLO", "3")
        #expect(rig.ask(client, "SDIFF", a, b) == "~1\r\n$1\r\nx\r\n")
    }

    @Test func computingIsRefusedWhereThePoolSaysSo() throws {
        let rig = try EngineRig(pool: { $0.computesAcrossShards = false })
        let reply = rig.ask(rig.connect(), "SINTER", rig.key(on: 0), rig.key(on: 1))
        #expect(reply.hasPrefix("-CROSSSLOT Keys of 'sinter' are on different shards"))
    }

    @Test func keywayTellsWhereAKeyLives() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let reply = rig.ask(client, "KEYWAY", "ROUTE", rig.key(on: 2))
        #expect(reply.contains("$2\r\ns2\r\n"))
        #expect(rig.ask(client, "KEYWAY", "EXPLAIN", "MGET", rig.key(on: 0), rig.key(on: 1)).contains("split: one"))
        #expect(rig.ask(client, "KEYWAY", "ON", "s1", "DBSIZE").hasPrefix("-NOPERM 'keyway|on' is for operators"))
        #expect(rig.ask(client, "KEYWAY", "NOSUCH").hasPrefix("-ERR unknown subcommand"))
    }

    @Test func anOperatorReachesOneShard() throws {
        let rig = try EngineRig(pool: { $0.allowsOperatorCommands = true })
        let client = rig.connect()
        _ = rig.ask(client, "SET", rig.key(on: 1), "v")
        #expect(rig.ask(client, "KEYWAY", "ON", "s1", "DBSIZE") == ":1\r\n")
        #expect(rig.ask(client, "KEYWAY", "ON", "s0", "DBSIZE") == ":0\r\n")
        #expect(rig.ask(client, "KEYWAY", "ON", "s9", "DBSIZE").contains("its shards are s0, s1, s2"))
        for words in [["SELECT", "1"], ["SUBSCRIBE", "c"], ["BLPOP", "k", "0"], ["MULTI"]] {
            #expect(rig.ask(client, ["KEYWAY", "ON", "s0"] + words).hasPrefix("-NOTSUPPORTED"), "\(words)")
        }
    }
}

extension String {
    /// The parts between separators, empty ones too.
    fileprivate func parts(between separator: String) -> [String] {
        var parts: [String] = []
        var rest = Substring(self)
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
