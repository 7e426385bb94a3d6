// Shards that leave the ring while they are down, and how they come back.

import Hashing
import Routing
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineEjectionTests {
    private func rig(
        shards: Int = 4, percentMax: Int = 50, onReturn: EjectReturn = .keep
    ) throws -> EngineRig {
        try EngineRig(
            shardCount: shards,
            pool: {
                $0.failureMode = .remap(percentMax: percentMax, onReturn: onReturn)
                $0.allowsOperatorCommands = true
                $0.backend.timeoutMs = 100
                $0.backend.breaker.failureCountMax = 2
                $0.backend.breaker.trickleMs = 0
            })
    }

    /// - Returns: a key of the shard.
    private func fail(_ rig: EngineRig, _ shard: Int, _ client: FakeClient) -> String {
        let view = rig.engine.poolViews[0].placement
        let key = (0...).lazy.map { "e\($0)" }.first {
            view.serverIndex(key: Array($0.utf8), count: $0.utf8.count, random: 0) == shard
        }!
        _ = rig.ask(client, "SET", key, "before")
        rig.backends[shard].isFrozen = true
        rig.send(client, rig.request("GET", key) + rig.request("GET", key))
        rig.advance(ms: 110)
        return key
    }

    private func state(_ rig: EngineRig, _ client: FakeClient) -> [String] {
        let words = rig.ask(client, "KEYWAY", "HEALTH").split(separator: "\r\n")
        return words.indices.filter { words[$0] == "ring" }.map { String(words[$0 + 2]) }
    }

    @Test func theOthersGetTheKeysAndGiveThemBack() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = fail(rig, 1, client)
        #expect(rig.ask(client, "GET", key) == "$-1\r\n", "another shard has it now")
        #expect(rig.ask(client, "SET", key, "meanwhile") == "+OK\r\n")
        #expect(rig.ask(client, "GET", key) == "$9\r\nmeanwhile\r\n")
        #expect(state(rig, client) == ["in", "out", "in", "in"])
        let pool = rig.counters.snapshot().pools[0]
        #expect(pool.values[.serverEjects] == 1 && pool.servers[1].values[.serverEjectedAt] > 0)
        rig.thaw(1)
        rig.advance(ms: 1_010)
        #expect(state(rig, client) == ["in", "in", "in", "in"])
        #expect(rig.ask(client, "GET", key) == "$6\r\nbefore\r\n", "what it had")
    }

    /// Goal: clients that stay with the other workers when the config is swapped get their shard back. Method: a worker
    /// whose own have left, and that called the shard down.
    @Test func aWorkerThatEndsLeavesItsShardsToTheOthers() throws {
        let rig = try rig()
        let other = try Mailbox()
        rig.engine.shared.mailboxes.append(other)
        let client = rig.connect()
        _ = fail(rig, 1, client)
        rig.engine.handOver()
        rig.settle()
        let mayEnd = rig.engine.isDeserted
        #expect(rig.departed.count == 1 && mayEnd)
        _ = other.takeAll()
        rig.engine.giveEverythingBack()
        let entry = rig.engine.shared.register[rig.engine.pools[0].options.shards[1]]
        #expect(entry.outCount == 0 && entry.isEjected)
        let told = other.takeAll().map { if case .shardLeft(0, let index) = $0 { index } else { -1 } }
        #expect(told == [1])
    }

    @Test(arguments: [EjectReturn.keep, .flush]) func whoStaysBringsAShardBack(onReturn: EjectReturn) throws {
        let rig = try rig(onReturn: onReturn)
        let shards = rig.engine.pools[0].options.shards
        let register = rig.engine.shared.register
        rig.backends[1].lie = { $0[0] == "FLUSHALL" ? Array("+OK\r\n".utf8) : nil }
        _ = register.eject(1, of: shards, countMax: 1)
        rig.mailbox.post(.shardLeft(poolIndex: 0, shardIndex: 1))
        rig.settle()
        #expect(register[shards[1]].outCount == 1 && register[shards[1]].isEjected, "it is not known to be well")
        rig.advance(ms: 1_010)
        #expect(register[shards[1]].outCount == 0 && !register[shards[1]].isEjected)
        #expect(rig.backends[1].seen.count { $0[0] == "FLUSHALL" } == (onReturn == .flush ? 1 : 0))
        rig.mailbox.post(.shardLeft(poolIndex: 0, shardIndex: 1))
        rig.settle()
        #expect(register[shards[1]].outCount == 0, "it is in the ring already")
    }

    /// Goal: the ring without a shard is twemproxy's, which is that of the others alone. Method: a placement of them.
    @Test func theRingIsThatOfTheOthers() throws {
        let rig = try rig()
        let client = rig.connect()
        _ = fail(rig, 2, client)
        let expected = rig.engine.pools[0].options.placement.excluding([2])
        for index in 0..<500 {
            let key = Array("key\(index)".utf8)
            #expect(
                rig.engine.poolViews[0].placement.serverIndex(key: key, count: key.count, random: 0)
                    == expected.view.serverIndex(key: key, count: key.count, random: 0))
        }
    }

    @Test func flushEmptiesItBeforeItsReturn() throws {
        let rig = try rig(onReturn: .flush)
        let client = rig.connect()
        let key = fail(rig, 1, client)
        rig.backends[1].lie = { words in
            guard words[0] == "FLUSHALL" else { return nil }
            rig.backends[1].store = [:]
            return Array("+OK\r\n".utf8)
        }
        rig.thaw(1)
        rig.advance(ms: 1_010)
        #expect(rig.backends[1].seen.last == ["FLUSHALL"])
        #expect(state(rig, client)[1] == "in")
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
        #expect(rig.backends[0].seen.filter { $0[0] == "FLUSHALL" }.isEmpty, "the others keep what they have")
    }

    @Test func aShardThatCannotBeEmptiedStaysOut() throws {
        let rig = try rig(onReturn: .flush)
        let client = rig.connect()
        _ = fail(rig, 1, client)
        rig.backends[1].lie = { $0[0] == "FLUSHALL" ? Array("-NOPERM no\r\n".utf8) : nil }
        rig.thaw(1)
        rig.advance(ms: 1_010)
        #expect(state(rig, client)[1] == "out")
        #expect(rig.ask(client, "KEYWAY", "HEALTH").contains("did not empty itself before its return: NOPERM no"))
    }

    @Test func holdWaitsForAnOperator() throws {
        let rig = try rig(onReturn: .hold)
        let client = rig.connect()
        let key = fail(rig, 1, client)
        #expect(rig.ask(client, "KEYWAY", "READMIT", "s1").hasPrefix("-ERR shard s1 (/nowhere/1) is still down"))
        rig.thaw(1)
        rig.advance(ms: 1_010)
        #expect(state(rig, client)[1] == "held")
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
        #expect(rig.ask(client, "KEYWAY", "READMIT", "s9").contains("its shards are s0, s1, s2, s3"))
        #expect(rig.ask(client, "KEYWAY", "READMIT", "s1") == "+OK\r\n")
        rig.settle()
        #expect(rig.ask(client, "GET", key) == "$6\r\nbefore\r\n")
        #expect(rig.ask(client, "KEYWAY", "READMIT", "s1").contains("is in the ring"))
    }

    @Test func ejectingStopsWhenTooManyAreOut() throws {
        let rig = try rig(percentMax: 50)
        let client = rig.connect()
        for shard in 0..<2 { _ = fail(rig, shard, client) }
        let key = fail(rig, 2, client)
        #expect(state(rig, client) == ["out", "out", "in", "in"])
        #expect(rig.ask(client, "GET", key).hasPrefix("-SHARDDOWN shard s2"), "its keys stay where they are")
    }

    @Test func theLastShardIsNeverEjected() throws {
        let rig = try rig(shards: 1, percentMax: 50)
        let client = rig.connect()
        let key = fail(rig, 0, client)
        #expect(rig.ask(client, "GET", key).hasPrefix("-SHARDDOWN"))
    }

    @Test func oneShardStaysInTheRingWhateverThePoolSays() throws {
        let rig = try rig(shards: 2, percentMax: 100)
        let client = rig.connect()
        for shard in 0..<2 { _ = fail(rig, shard, client) }
        #expect(state(rig, client) == ["out", "in"])
        #expect(rig.ask(client, "GET", "any").hasPrefix("-SHARDDOWN shard s1"))
    }

    /// Goal: two workers that change the ring at once leave all with the same. Method: their mail in the wrong order.
    @Test func theLatestRingHoldsHoweverItsMailComes() throws {
        let rig = try rig()
        let register = rig.engine.shared.register
        let options = rig.engine.pools[0].options
        let rings = try [1, 2].map { try #require(register.eject($0, of: options.shards, countMax: 2)) }
        for ring in rings.reversed() {
            rig.engine.use(options.placement.excluding(ring.ejected), poolIndex: 0, revision: ring.revision)
        }
        let view = rig.engine.poolViews[0].placement
        let used = Set(
            (0..<100).map { index in
                let key = Array("k\(index)".utf8)
                return view.serverIndex(key: key, count: key.count, random: 0)
            })
        #expect(used == [0, 3])
    }
}
