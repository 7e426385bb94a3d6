// Many clients miss one key: one is told, the others wait for what it brings.

import Platform
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineMissesTests {
    private func rig(_ change: @escaping (inout PoolOptions) -> Void = { _ in }) throws -> EngineRig {
        try EngineRig(pool: {
            $0.stampede.prefixes = [Array("k".utf8)]
            $0.stampede.waitMs = 200
            $0.stampede.leaseMs = 500
            change(&$0)
        })
    }

    private func values(_ rig: EngineRig) -> MetricValues<PoolMetric> { rig.counters.snapshot().pools[0].values }

    /// Clients that all ask for `key`.
    private func herd(_ rig: EngineRig, _ key: String, count: Int = 5) -> [FakeClient] {
        let clients = (0..<count).map { _ in rig.connect() }
        for client in clients { rig.send(client, rig.request("GET", key)) }
        return clients
    }

    @Test func oneIsToldAndTheOthersGetWhatItBrings() throws {
        let rig = try rig()
        let key = rig.key(on: 0)
        let clients = herd(rig, key)
        #expect(clients[0].text == "$-1\r\n" && clients.dropFirst().allSatisfy { $0.text == "" })
        rig.advance(ms: 50)
        #expect(clients.dropFirst().allSatisfy { $0.text == "" })
        #expect(rig.ask(clients[0], "SET", key, "v") == "+OK\r\n")
        rig.backends[0].seen = []
        rig.advance(ms: 20)
        #expect(clients.dropFirst().allSatisfy { $0.text == "$1\r\nv\r\n" })
        #expect(rig.backends[0].seen.count { $0 == ["GET", key] } == 1, "one question for all")
        #expect(values(rig)[.missLeases] == 1 && values(rig)[.missWaits] == 4 && values(rig)[.missWaitsLate] == 0)
        #expect(rig.engine.missWaits.isEmpty && rig.engine.poolViews.pointee.misses!.pointee.waiterCount == 0)
        #expect(rig.ask(clients[1], "GET", key) == "$1\r\nv\r\n")
    }

    /// Goal: nobody who waits gets an older value than it has seen. Method: the answer to the question comes late, over
    /// another connection than that of a client which has learned since that the key is gone.
    @Test func anAnswerIsForThoseWhoWaitedWhenItWasAskedFor() throws {
        let rig = try rig { $0.backend.connectionCount = 2 }
        let key = rig.key(on: 0)
        let clients = (0..<6).map { _ in rig.connect() }
        let first = rig.engine.pools[0].shards.pointee.lines[0]
        let (near, far) = (
            clients.filter { rig.engine.line(of: rig.engine.pools[0].shards, for: $0.ref) == first },
            clients.filter { rig.engine.line(of: rig.engine.pools[0].shards, for: $0.ref) != first }
        )
        try #require(near.count > 1 && far.count > 0)
        for client in near.prefix(2) { rig.send(client, rig.request("GET", key)) }
        rig.stall(first)
        rig.advance(ms: 20)
        rig.send(far[0], rig.request("GET", key))
        #expect(near[0].text == "$-1\r\n" && near[1].text == "" && far[0].text == "")
        rig.reply(first, "$3\r\nold\r\n")
        #expect(near[1].text == "$3\r\nold\r\n" && far[0].text == "", "it knows better")
        rig.advance(ms: 200)
        #expect(far[0].text == "$-1\r\n")
    }

    @Test func nobodyWaitsLongerThanItShould() throws {
        let rig = try rig()
        let clients = herd(rig, rig.key(on: 0))
        rig.advance(ms: 190)
        #expect(clients[1].text == "")
        rig.advance(ms: 20)
        #expect(clients.allSatisfy { $0.text == "$-1\r\n" })
        #expect(values(rig)[.missWaitsLate] == 4 && rig.engine.poolViews.pointee.misses!.pointee.waiterCount == 0)
    }

    @Test func theNextIsToldWhenTheFirstIsGone() throws {
        let rig = try rig()
        let clients = herd(rig, rig.key(on: 0))
        rig.disconnect(clients[0])
        rig.advance(ms: 20)
        rig.advance(ms: 20)
        #expect(clients[1].text == "$-1\r\n" && clients[2].text == "" && clients[3].text == "")
        #expect(values(rig)[.missLeases] == 2)
    }

    @Test func theNextIsToldWhenTheLeaseIsOver() throws {
        let rig = try rig { $0.stampede.waitMs = 5_000 }
        let clients = herd(rig, rig.key(on: 0), count: 3)
        for _ in 0..<60 { rig.advance(ms: 10) }
        #expect(clients[1].text == "$-1\r\n" && clients[2].text == "")
        // Who has the lease may ask again, and is told again.
        #expect(rig.ask(clients[1], "GET", rig.key(on: 0)) == "$-1\r\n")
    }

    @Test func whoLeavesGivesItsPlaceBack() throws {
        let rig = try rig()
        let clients = herd(rig, rig.key(on: 0), count: 3)
        #expect(rig.engine.poolViews.pointee.misses!.pointee.waiterCount == 2)
        rig.disconnect(clients[1])
        rig.advance(ms: 20)
        #expect(rig.engine.poolViews.pointee.misses!.pointee.waiterCount == 1)
        #expect(rig.ask(clients[0], "SET", rig.key(on: 0), "v") == "+OK\r\n")
        rig.advance(ms: 20)
        #expect(clients[2].text == "$1\r\nv\r\n")
    }

    @Test func whoHasAskedForMoreDoesNotWait() throws {
        let rig = try rig()
        let key = rig.key(on: 0)
        _ = herd(rig, key, count: 1)
        let client = rig.connect()
        rig.send(client, rig.request("GET", key) + rig.request("SET", key, "mine") + rig.request("GET", key))
        #expect(client.text == "$-1\r\n+OK\r\n$4\r\nmine\r\n")
    }

    /// What a client sends while it waits is read when it has waited.
    @Test func whatComesMeanwhileKeepsItsOrder() throws {
        let rig = try rig()
        let key = rig.key(on: 0)
        let clients = herd(rig, key, count: 2)
        rig.send(clients[1], rig.request("SET", key, "mine"))
        rig.advance(ms: 20)
        #expect(clients[1].text == "" && rig.backends[0].store[key] == nil)
        rig.advance(ms: 200)
        #expect(clients[1].text == "$-1\r\n+OK\r\n" && rig.backends[0].store[key] == Array("mine".utf8))
    }

    @Test func onlySoManyWait() throws {
        let rig = try rig { $0.stampede.waiterCountMax = 2 }
        let clients = herd(rig, rig.key(on: 0))
        #expect(clients.count { $0.text == "$-1\r\n" } == 3 && clients.count { $0.text == "" } == 2)
    }

    @Test func keysThatAreNotGuardedAreLikeAnyOther() throws {
        let rig = try rig { $0.stampede.prefixes = [Array("page:".utf8)] }
        #expect(herd(rig, rig.key(on: 0)).allSatisfy { $0.text == "$-1\r\n" })
    }

    @Test func bothProtocolsWaitForTheirOwnReply() throws {
        let rig = try rig()
        let key = rig.key(on: 0)
        let clients = (0..<4).map { _ in rig.connect() }
        for client in clients.suffix(2) { _ = rig.ask(client, "HELLO", "3") }
        for client in clients {
            client.got = []
            rig.send(client, rig.request("GET", key))
        }
        #expect(clients.map(\.text) == ["$-1\r\n", "", "", ""])
        rig.advance(ms: 210)
        #expect(clients.map(\.text) == ["$-1\r\n", "$-1\r\n", "_\r\n", "_\r\n"])
    }

    @Test func aShardThatFailsAnswersThoseWhoWaitInTime() throws {
        let rig = try rig()
        let clients = herd(rig, rig.key(on: 0))
        rig.backends[0].isFrozen = true
        rig.advance(ms: 20)
        rig.lose(0)
        rig.advance(ms: 200)
        #expect(clients.allSatisfy { $0.text == "$-1\r\n" })
    }

    @Test func aLostConnectionAsksTheReadAgain() throws {
        let rig = try rig()
        let key = rig.key(on: 0)
        rig.backends[0].store[key] = Array("v".utf8)
        let client = rig.connect()
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
        rig.backends[0].isFrozen = true
        #expect(rig.ask(client, "GET", key) == "")
        rig.backends[0].isFrozen = false
        rig.lose(0)
        rig.advance(ms: 100)
        #expect(client.text == "$1\r\nv\r\n")
    }

    @Test func aLongValueComesInPieces() throws {
        let rig = try rig()
        let key = rig.key(on: 0)
        let value = [UInt8](repeating: 9, count: 300_000)
        rig.backends[0].store[key] = value
        rig.moveBytesMax = { 10_000 }
        let client = rig.connect()
        rig.send(client, rig.request("GET", key) + rig.request("PING"))
        #expect(client.got == FakeBackend.bulk(value) + Array("+PONG\r\n".utf8))
    }

    /// Late writes are refused.
    private func strictRig() throws -> EngineRig {
        try rig {
            $0.stampede.waitMs = 5_000
            $0.stampede.refusesLateWrites = true
        }
    }

    /// A lease that ran out: its client comes with the value when another one has the lease.
    private func loseLease(_ rig: EngineRig, _ key: String) -> (late: FakeClient, next: FakeClient) {
        let clients = herd(rig, key, count: 2)
        for _ in 0..<60 { rig.advance(ms: 10) }
        #expect(clients.map(\.text) == ["$-1\r\n", "$-1\r\n"])
        return (clients[0], clients[1])
    }

    @Test func whatComesTooLateIsRefusedWhereThePoolSaysSo() throws {
        let rig = try strictRig()
        let key = rig.key(on: 0)
        let (late, next) = loseLease(rig, key)
        for _ in 0..<2 { #expect(rig.ask(late, "SET", key, "old").hasPrefix("-LEASELOST ")) }
        #expect(rig.ask(late, "SETEX", key, "9", "old").hasPrefix("-LEASELOST "))
        #expect(rig.ask(next, "SET", key, "new") == "+OK\r\n")
        #expect(rig.ask(late, "SET", key, "old").hasPrefix("-LEASELOST "), "also when the other one was quicker")
        #expect(rig.backends[0].store[key] == Array("new".utf8) && values(rig)[.lateWritesRefused] == 4)
        #expect(rig.ask(late, "GET", key) == "$3\r\nnew\r\n")
        #expect(rig.ask(late, "SET", key, "newer") == "+OK\r\n", "it knows what is there now")
    }

    @Test(arguments: [
        ["MSET", "$OTHER", "a", "$KEY", "old"], ["MSETNX", "$KEY", "old"], ["RENAME", "$OTHER", "$KEY"],
        ["COPY", "$OTHER", "$KEY"], ["EVAL", "return 1", "1", "$KEY"],
    ])
    func whatComesTooLateAmongOthersIsRefused(words: [String]) throws {
        let rig = try strictRig()
        let key = rig.key(on: 0)
        let (late, next) = loseLease(rig, key)
        let words = words.map { $0 == "$KEY" ? key : $0 == "$OTHER" ? rig.key(on: 0, "other") : $0 }
        #expect(rig.ask(late, words).hasPrefix("-LEASELOST "))
        #expect(rig.backends[0].store.isEmpty && values(rig)[.lateWritesRefused] == 1)
        #expect(!rig.ask(next, words).hasPrefix("-LEASELOST "))
        #expect(rig.ask(late, "EVAL_RO", "return 1", "1", key) == "-ERR unknown command\r\n", "it sets nothing")
    }

    @Test func whatComesTooLateInATransactionEndsThat() throws {
        let rig = try strictRig()
        let key = rig.key(on: 0)
        let (late, _) = loseLease(rig, key)
        #expect(rig.ask(late, "MULTI") == "+OK\r\n")
        #expect(rig.ask(late, "SET", key, "old").hasPrefix("-LEASELOST "))
        #expect(rig.ask(late, "EXEC").hasPrefix("-EXECABORT ") && rig.backends[0].store.isEmpty)
        #expect(rig.ask(late, "GET", key) == "")
    }

    @Test func aKeyIsBroughtAmongOthers() throws {
        let rig = try rig { $0.stampede.refusesLateWrites = true }
        let key = rig.key(on: 0)
        let client = herd(rig, key, count: 1)[0]
        #expect(rig.ask(client, "MSET", key, "v", rig.key(on: 1), "w") == "+OK\r\n")
        #expect(rig.ask(rig.connect(), "GET", key) == "$1\r\nv\r\n")
        rig.advance(ms: 60_000)
        #expect(rig.ask(client, "MSET", key, "w", rig.key(on: 1), "w") == "+OK\r\n")
    }

    @Test func aLongValueThatComesTooLateIsReadAndDropped() throws {
        let rig = try strictRig()
        let key = rig.key(on: 0)
        let (late, _) = loseLease(rig, key)
        late.got = []
        let value = [UInt8](repeating: 9, count: 300_000)
        rig.send(late, rig.request([Array("SET".utf8), Array(key.utf8), value]) + rig.request("PING"))
        #expect(late.text.hasPrefix("-LEASELOST ") && late.text.hasSuffix("\r\n+PONG\r\n"))
        #expect(rig.backends[0].store[key] == nil)
    }

    @Test func whatComesTooLateIsAcceptedElsewhere() throws {
        let rig = try rig { $0.stampede.waitMs = 5_000 }
        let key = rig.key(on: 0)
        let (late, _) = loseLease(rig, key)
        #expect(rig.ask(late, "SET", key, "old") == "+OK\r\n" && rig.backends[0].store[key] == Array("old".utf8))
    }

    @Test func aLeaseThatNobodyTookOverIsNotLost() throws {
        let rig = try rig { $0.stampede.refusesLateWrites = true }
        let key = rig.key(on: 0)
        let client = herd(rig, key, count: 1)[0]
        rig.advance(ms: 5_000)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
    }

    /// A key that has been brought and ended again is nobody's to bring.
    @Test func whoHasBroughtTheKeyHasNoLeaseAnyMore() throws {
        let rig = try rig {
            $0.stampede.leaseMs = 60_000
            $0.stampede.waitMs = 5_000
            $0.stampede.refusesLateWrites = true
        }
        let key = rig.key(on: 0)
        let first = herd(rig, key, count: 1)[0]
        #expect(rig.ask(first, "SET", key, "v") == "+OK\r\n")
        rig.backends[0].store[key] = nil
        let second = herd(rig, key, count: 1)[0]
        #expect(second.text == "", "the value may be on its way still")
        for _ in 0..<101 { rig.advance(ms: 10) }
        #expect(second.text == "$-1\r\n")
        #expect(rig.ask(first, "SET", key, "w") == "+OK\r\n", "it was not too late with what it had to bring")
    }

    // MARK: Before the end

    /// A key that took 300 ms to bring and lives for 10 s.
    private func bringSlowly(_ rig: EngineRig, _ key: String, _ words: [String]) -> FakeClient {
        let client = herd(rig, key, count: 1)[0]
        for _ in 0..<30 { rig.advance(ms: 10) }
        #expect(rig.ask(client, words) == "+OK\r\n")
        rig.advance(ms: 1_100)
        return client
    }

    private func toldCount(_ rig: EngineRig, _ key: String, of count: Int) -> Int {
        herd(rig, key, count: count).count { $0.text == "$-1\r\n" }
    }

    @Test func oneReaderBringsAKeyAnewBeforeItEnds() throws {
        let rig = try rig { $0.stampede.earlyFactor = 1 }
        let key = rig.key(on: 0)
        _ = bringSlowly(rig, key, ["SET", key, "v", "PX", "10000"])
        #expect(toldCount(rig, key, of: 200) == 0, "there is more time than any lot asks for")
        rig.advance(ms: 8_800)
        let clients = herd(rig, key, count: 50)
        #expect(clients.count { $0.text == "$-1\r\n" } == 1, "with 100 ms left it is drawn at once, and once")
        #expect(clients.count { $0.text == "$1\r\nv\r\n" } == 49 && values(rig)[.earlyMisses] == 1)
        let bringer = clients.first { $0.text == "$-1\r\n" }!
        #expect(rig.ask(bringer, "SET", key, "w", "EX", "10") == "+OK\r\n")
        #expect(toldCount(rig, key, of: 50) == 0, "it lives on")
    }

    @Test(arguments: [[], ["PXAT", "99999999999999"], ["KEEPTTL"]])
    func nobodyIsToldWhereTheEndIsNotKnown(options: [String]) throws {
        let rig = try rig { $0.stampede.earlyFactor = 100 }
        let key = rig.key(on: 0)
        _ = bringSlowly(rig, key, ["SET", key, "v"] + options)
        #expect(toldCount(rig, key, of: 200) == 0)
    }

    @Test func aKeyThatLivesLongerThanWasSeenIsLeftAlone() throws {
        let rig = try rig { $0.stampede.earlyFactor = 1 }
        let key = rig.key(on: 0)
        let client = bringSlowly(rig, key, ["SET", key, "v", "PX", "10000"])
        rig.advance(ms: 20_000)
        #expect(toldCount(rig, key, of: 200) == 0)
        rig.backends[0].lie = { $0[0] == "PERSIST" || $0[0] == "PEXPIRE" ? Array(":1\r\n".utf8) : nil }
        #expect(rig.ask(client, "PEXPIRE", key, "50") == ":1\r\n")
        #expect(toldCount(rig, key, of: 100) == 1)
        #expect(rig.ask(client, "PERSIST", key) == ":1\r\n")
        rig.advance(ms: 600)
        #expect(toldCount(rig, key, of: 100) == 0)
    }

    // MARK: After the end

    private func staleRig(_ change: @escaping (inout PoolOptions) -> Void = { _ in }) throws -> (EngineRig, String) {
        let rig = try rig {
            $0.stampede.staleMs = 5_000
            change(&$0)
        }
        let key = rig.key(on: 0)
        rig.backends[0].store[key] = Array("v".utf8)
        return (rig, key)
    }

    @Test func theOthersHaveTheOldValueWhileOneBringsTheNew() throws {
        let (rig, key) = try staleRig()
        #expect(toldCount(rig, key, of: 2) == 0)
        rig.backends[0].store[key] = nil
        rig.advance(ms: 4_000)
        let clients = herd(rig, key)
        #expect(clients.map(\.text) == ["$-1\r\n"] + [String](repeating: "$1\r\nv\r\n", count: 4))
        #expect(values(rig)[.staleReads] == 4 && values(rig)[.missLeases] == 1 && values(rig)[.missWaits] == 0)
        #expect(rig.ask(clients[0], "SET", key, "w") == "+OK\r\n")
        #expect(herd(rig, key).allSatisfy { $0.text == "$1\r\nw\r\n" })
    }

    @Test func anOldValueHasItsTime() throws {
        let (rig, key) = try staleRig()
        #expect(toldCount(rig, key, of: 1) == 0)
        rig.backends[0].store[key] = nil
        rig.advance(ms: 5_001)
        let clients = herd(rig, key, count: 2)
        #expect(clients.map(\.text) == ["$-1\r\n", ""])
        rig.engine.keepHouse()
        #expect(rig.engine.poolViews.pointee.misses!.pointee.kept!.sizeBytes == 0)
    }

    @Test func bothProtocolsHaveTheirOwnOldValues() throws {
        let (rig, key) = try staleRig()
        #expect(toldCount(rig, key, of: 1) == 0)
        rig.backends[0].store[key] = nil
        #expect(toldCount(rig, key, of: 1) == 1)
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        client.got = []
        rig.send(client, rig.request("GET", key))
        #expect(client.text == "", "nothing was read in its protocol")
    }

    @Test(arguments: [
        [["DEL", "KEY"]], [["UNLINK", "KEY", "kother"]], [["MSET", "KEY", "w", "kother", "w"]], [["GETDEL", "KEY"]],
        [["MULTI"], ["DEL", "KEY"], ["EXEC"]], [["FLUSHALL"]], [["EVAL", "return 1", "1", "KEY"]],
        [["EXPIRE", "KEY", "1"]], [["RENAME", "KEY", "KEY"]],
    ])
    func aWriteThroughKeywayEndsOldValues(requests: [[String]]) throws {
        let (rig, key) = try staleRig()
        #expect(toldCount(rig, key, of: 1) == 0)
        let writer = rig.connect()
        for words in requests { _ = rig.ask(writer, words.map { $0 == "KEY" ? key : $0 }) }
        rig.backends[0].store[key] = nil
        #expect(herd(rig, key, count: 3).map(\.text) == ["$-1\r\n", "", ""])
    }

    @Test func aLongWriteEndsOldValues() throws {
        let (rig, key) = try staleRig()
        #expect(toldCount(rig, key, of: 1) == 0)
        let writer = rig.connect()
        rig.send(writer, rig.request([Array("SET".utf8), Array(key.utf8), [UInt8](repeating: 9, count: 200_000)]))
        rig.backends[0].store[key] = nil
        #expect(herd(rig, key, count: 2).map(\.text) == ["$-1\r\n", ""])
    }

    /// Goal: what was read while a write was under way is not given to anybody once the write is answered.
    @Test func aValueThatWasReadBesideAWriteIsNotUsedAfterIt() throws {
        let (rig, key) = try staleRig { $0.backend.connectionCount = 2 }
        let (writer, reader) = (rig.connect(), rig.connect())
        _ = (rig.ask(writer, "EXISTS", key), rig.ask(reader, "EXISTS", key))
        let lines = [writer, reader].map { rig.engine.line(of: rig.engine.pools[0].shards, for: $0.ref) }
        #expect(lines[0] != lines[1])
        rig.stall(lines[0])
        rig.send(writer, rig.request("DEL", key))
        #expect(rig.ask(reader, "GET", key) == "$1\r\nv\r\n")
        rig.unstall()
        rig.settle()
        #expect(rig.backends[0].store[key] == nil)
        #expect(herd(rig, key, count: 2).map(\.text) == ["$-1\r\n", ""])
    }

    @Test func oldValuesAreBounded() throws {
        let (rig, _) = try staleRig {
            $0.stampede.staleCountMax = 8
            $0.stampede.staleSizeBytesMax = 4_000
        }
        let client = rig.connect()
        for index in 0..<100 {
            let key = rig.key(on: 0, "k\(index)x")
            rig.backends[0].store[key] = [UInt8](repeating: 9, count: [1, 1_500, 3_000, 6_000][index % 4])
            _ = rig.ask(client, "GET", key)
            #expect(rig.engine.poolViews.pointee.misses!.pointee.kept!.sizeBytes <= 4_000)
        }
        rig.engine.dropAllKeptValues()
        #expect(rig.engine.poolViews.pointee.misses!.pointee.kept!.sizeBytes == 0)
    }

    @Test func oldValuesGoWithTheWorker() throws {
        let (rig, key) = try staleRig()
        let client = rig.connect()
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
        rig.engine.handOver()
        rig.disconnect(client)
        rig.engine.giveEverythingBack()
        rig.engine.buffers.chunks.releaseFree()
        let leftBytes = rig.engine.buffers.chunks.totalBytes
        #expect(leftBytes == 0)
    }

    /// Goal: whatever is left of waits when a worker ends goes with it. Method: the answer to a question has not come,
    /// or has just come, for one whose turn it was.
    @Test(arguments: [true, false]) func waitsGoWithTheWorker(isAsking: Bool) throws {
        let rig = try rig()
        let clients = herd(rig, rig.key(on: 0), count: 2)
        rig.backends[0].isFrozen = isAsking
        if !isAsking { rig.disconnect(clients[0]) }
        rig.advance(ms: 20)
        #expect(clients[1].text == (isAsking ? "" : "$-1\r\n"))
        rig.engine.handOver()
        for client in clients where client.isOpen { rig.disconnect(client) }
        if isAsking { rig.advance(ms: 20) }
        let (isDeserted, isEmpty) = (rig.engine.isDeserted, rig.engine.missWaits.isEmpty)
        #expect(isDeserted && isEmpty == isAsking)
        rig.engine.giveEverythingBack()
        rig.engine.buffers.chunks.releaseFree()
        let leftBytes = rig.engine.buffers.chunks.totalBytes
        #expect(leftBytes == 0)
    }

    @Test func livesAreSpread() throws {
        let rig = try rig { $0.stampede.jitterPercent = 10 }
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].seen = []
        for _ in 0..<200 { #expect(rig.ask(client, "SET", key, "v", "EX", "1000") == "+OK\r\n") }
        let lives = rig.backends[0].seen.filter { $0[0] == "SET" }.compactMap { Int($0[4]) }
        #expect(lives.count == 200 && lives.allSatisfy { (900...1_100).contains($0) } && Set(lives).count > 50)
        #expect(rig.backends[0].seen.allSatisfy { $0[0] != "SET" || $0[3] == "EX" })
        _ = rig.ask(client, "SET", key, "v", "PXAT", "99999999999999")
        #expect(rig.backends[0].seen.last == ["SET", key, "v", "PXAT", "99999999999999"])
    }
}
