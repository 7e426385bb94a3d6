// Copies of hot keys: who is answered from them, and when they end.

import Foundation
import Platform
import Routing
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineCopiesTests {
    /// A rig whose keys are hot as soon as anybody asks for them.
    private final class Stage {
        let rig: EngineRig
        let key: String
        /// PTTL's answer.
        var lifeMs = -1

        init(_ change: (inout PoolOptions) -> Void = { _ in }) throws {
            rig = try EngineRig(pool: {
                $0.hotKeys.mode = .cache
                $0.hotKeys.policy.requestsPerSecondMin = 0
                $0.hotKeys.policy.sharePercentMin = 0
                change(&$0)
            })
            key = rig.key(on: 0)
            for backend in rig.backends {
                backend.lie = { [unowned self] words in
                    words[0] == "PTTL" ? Array(":\(lifeMs)\r\n".utf8) : nil
                }
            }
        }

        /// The key is hot, and copies of it are made.
        func heat() {
            let client = rig.connect()
            for _ in 0..<20 { _ = rig.ask(client, "GET", key) }
            look()
            look()
        }

        func look() {
            rig.advance(ms: 1_000)
            rig.engine.keepHouse()
            rig.settle()
            // The pulse comes back, and the lease is new.
            rig.advance(ms: 50)
        }

        var hot: HotPoolRef { rig.engine.poolViews.pointee.hot! }
        var cover: LineRef { hot.pointee.covers.pointee.line! }
        var reads: Int { rig.backends[0].seen.count { $0 == ["GET", key] } }
        var values: MetricValues<PoolMetric> { rig.counters.snapshot().pools[0].values }

        func push(_ text: String) { rig.reply(cover, text) }
        func pushKey() { push(">2\r\n$10\r\ninvalidate\r\n*1\r\n$\(key.utf8.count)\r\n\(key)\r\n") }
    }

    @Test func aHotReadIsAskedOnceAndTrackedInOnePiece() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        stage.rig.backends[0].seen = []
        let clients = (0..<5).map { _ in stage.rig.connect() }
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(
            stage.rig.backends[0].seen == [["CLIENT", "CACHING", "YES"], ["GET", stage.key], ["PTTL", stage.key]])
        #expect(stage.values[.copyHits] == 4 && stage.values[.copyFills] == 1 && stage.values[.copies] == 0)
        stage.look()
        #expect(stage.values[.copies] == 1 && stage.values[.hotKeys] == 1)
    }

    /// Goal: a reply that is there waits one turn for those that servers are asked for, and no longer.
    @Test(arguments: [true, false]) func aBatchIsOneSendUnlessItsServerIsSlow(isSlow: Bool) throws {
        let stage = try Stage()
        let other = stage.rig.key(on: 1)
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        for key in [other, stage.key] { _ = stage.rig.ask(client, "GET", key) }
        client.got = []
        stage.rig.backends[1].isFrozen = isSlow
        client.pending += stage.rig.request("GET", stage.key) + stage.rig.request("GET", other)
        #expect(stage.rig.tick() && client.text == "" && stage.rig.engine.waitMs(nowMs: stage.rig.nowMs) == 1)
        #expect(stage.rig.tick() && client.text == (isSlow ? "$1\r\nv\r\n" : "$1\r\nv\r\n$-1\r\n"))
        #expect(stage.rig.engine.heldClients.isEmpty)
        stage.rig.thaw(1)
        #expect(client.text == "$1\r\nv\r\n$-1\r\n")
    }

    /// Goal: who goes on asking is not put off again and again.
    @Test func nobodyIsHeldTwiceInARow() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        _ = stage.rig.ask(client, "GET", stage.key)
        client.got = []
        stage.rig.backends[1].isFrozen = true
        client.pending += stage.rig.request("GET", stage.key) + stage.rig.request("GET", stage.rig.key(on: 1))
        for turn in 0..<6 {
            _ = stage.rig.tick()
            #expect(client.text == (turn == 0 ? "" : "$1\r\nv\r\n"), "in turn \(turn)")
            client.pending += stage.rig.request("GET", stage.key)
        }
    }

    @Test func aClientThatLeavesWhileItIsHeldIsForgotten() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        _ = stage.rig.ask(client, "GET", stage.key)
        client.pending += stage.rig.request("GET", stage.key) + stage.rig.request("GET", stage.rig.key(on: 1))
        _ = stage.rig.tick()
        #expect(stage.rig.engine.heldClients == [client.ref])
        stage.rig.engine.close(client.ref, .byError)
        stage.rig.settle()
        #expect(stage.rig.engine.heldClients.isEmpty && !client.isOpen && stage.rig.engine.unansweredCount == 0)
    }

    @Test func thoseWhoAskMeanwhileJoin() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        stage.rig.backends[0].isFrozen = true
        let before = stage.reads
        let clients = (0..<3).map { _ in stage.rig.connect() }
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "") }
        stage.rig.thaw(0)
        #expect(clients.allSatisfy { $0.text == "$1\r\nv\r\n" } && stage.reads == before + 1)
    }

    @Test func eachProtocolHasItsOwn() throws {
        let stage = try Stage()
        stage.heat()
        let (two, three) = (stage.rig.connect(), stage.rig.connect())
        _ = stage.rig.ask(three, "HELLO", "3")
        for _ in 0..<3 {
            #expect(stage.rig.ask(two, "GET", stage.key) == "$-1\r\n")
            // The played server says null as RESP2 does.
            #expect(stage.rig.ask(three, "GET", stage.key) == "$-1\r\n")
        }
        #expect(stage.values[.copyFills] == 2 && stage.values[.copyHits] == 4)
    }

    @Test func newsOfAChangeEndTheCopy() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.backends[0].store[stage.key] = Array("w".utf8)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n", "nobody has said so yet")
        stage.pushKey()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
        stage.rig.backends[0].store[stage.key] = Array("x".utf8)
        stage.push(">2\r\n$10\r\ninvalidate\r\n_\r\n")
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nx\r\n")
    }

    /// Goal: news that come between a read and its life make no copy.
    @Test func newsDuringAFillLeaveNoCopy() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        stage.rig.stall(stage.cover)
        #expect(stage.rig.ask(client, "GET", stage.key) == "")
        stage.pushKey()
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "$-1\r\n")
        let before = stage.reads
        #expect(stage.rig.ask(client, "GET", stage.key) == "$-1\r\n" && stage.reads == before + 1)
    }

    @Test func aWriteEndsTheCopyBeforeAndAfter() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let (writer, reader) = (stage.rig.connect(), stage.rig.connect())
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nv\r\n")
        // The write waits at the server; a fill on the other line overtakes it and reads what was before.
        let shared = stage.rig.engine.line(of: stage.rig.engine.pools[0].shards, for: writer.ref)
        stage.rig.stall(shared)
        stage.rig.send(writer, stage.rig.request("SET", stage.key, "w"))
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nv\r\n")
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nv\r\n")
        #expect(
            stage.values[.copyHits] == 1, "between a write and its reply copies may be used that were asked for then")
        stage.rig.unstall()
        stage.rig.settle()
        #expect(writer.text == "+OK\r\n")
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nw\r\n", "no push has come, and none is needed")
    }

    /// Goal: a client reads what it wrote, also when both come in one piece and lie on two lines.
    @Test func aReadBehindAWriteGoesTheSameWay() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        let shared = stage.rig.engine.line(of: stage.rig.engine.pools[0].shards, for: client.ref)
        stage.rig.stall(shared)
        client.got = []
        stage.rig.send(client, stage.rig.request("SET", stage.key, "w") + stage.rig.request("GET", stage.key))
        #expect(client.text == "")
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "+OK\r\n$1\r\nw\r\n")
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
    }

    /// Goal: a client's requests keep their order although its reads wait on another line than its writes.
    @Test(arguments: [["SET", "$KEY", "w"], ["MSET", "$KEY", "w"], ["DEL", "$KEY", "$OTHER"], ["MGET", "$KEY"]])
    func nothingOvertakesARead(words: [String]) throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        stage.rig.stall(stage.cover)
        stage.rig.backends[0].seen = []
        let other = stage.rig.key(on: 1)
        let second = words.map { $0 == "$KEY" ? stage.key : $0 == "$OTHER" ? other : $0 }
        stage.rig.send(
            client, stage.rig.request("GET", stage.key) + stage.rig.request(second.map { Array($0.utf8) }))
        #expect(client.text == "" && stage.rig.backends[0].seen == [])
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text.hasPrefix("$1\r\nv\r\n") && client.got.count > 7, "\(client.text)")
        #expect(stage.rig.backends[0].seen.first { $0[0] != "CLIENT" } == ["GET", stage.key])
    }

    /// Goal: behind a read that is on its way, no older copy of the same key is read.
    @Test(arguments: [true, false]) func noOlderCopyIsReadBehindAFill(isJoining: Bool) throws {
        let stage = try Stage()
        let backend = stage.rig.backends[0]
        backend.lie = { [unowned stage] words in
            switch words[0] {
            case "PTTL": Array(":-1\r\n".utf8)
            case "STRLEN": Array(":\(backend.store[stage.key]!.count)\r\n".utf8)
            default: nil
            }
        }
        backend.store[stage.key] = Array("v".utf8)
        stage.heat()
        let (client, other) = (stage.rig.connect(), stage.rig.connect())
        if !isJoining { #expect(stage.rig.ask(other, "STRLEN", stage.key) == ":1\r\n") }
        stage.rig.stall(stage.cover)
        if isJoining { #expect(stage.rig.ask(other, "STRLEN", stage.key) == "") }
        stage.rig.send(client, stage.rig.request("GET", stage.key) + stage.rig.request("STRLEN", stage.key))
        // One that has asked for less is free to read the copy.
        #expect(isJoining || stage.rig.ask(other, "STRLEN", stage.key) == ":1\r\n")
        #expect(client.text == "")
        backend.store[stage.key] = Array("vw".utf8)
        stage.pushKey()
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "$2\r\nvw\r\n:2\r\n")
        #expect(backend.seen.count { $0[0] == "STRLEN" } == 2)
    }

    /// Goal: what a transaction writes is read behind it, however long ago it was queued.
    @Test(arguments: [true, false]) func aReadBehindATransactionComesAfterIt(isHotLater: Bool) throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        let (client, reader) = (stage.rig.connect(), stage.rig.connect())
        if !isHotLater { stage.heat() }
        _ = stage.rig.ask(client, "MULTI")
        #expect(stage.rig.ask(client, "SET", stage.key, "w") == "+QUEUED\r\n")
        if isHotLater { stage.heat() }
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nv\r\n")
        let shared = stage.rig.engine.line(of: stage.rig.engine.pools[0].shards, for: client.ref)
        stage.rig.stall(shared)
        client.got = []
        stage.rig.send(client, stage.rig.request("EXEC") + stage.rig.request("GET", stage.key))
        #expect(client.text == "")
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "*1\r\n+OK\r\n$1\r\nw\r\n")
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nw\r\n")
    }

    @Test(arguments: [["MSET", "$KEY", "w"], ["DEL", "$KEY"], ["MULTI"]])
    func writesOfOtherShapesEndCopiesToo(words: [String]) throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let (writer, reader) = (stage.rig.connect(), stage.rig.connect())
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nv\r\n")
        let other = stage.rig.key(on: 1)
        if words[0] == "MULTI" {
            _ = stage.rig.ask(writer, "MULTI")
            _ = stage.rig.ask(writer, "SET", stage.key, "w")
            _ = stage.rig.ask(writer, "EXEC")
        } else {
            let more = words[0] == "MSET" ? [other, "x"] : [other]
            _ = stage.rig.ask(writer, words.map { $0 == "$KEY" ? stage.key : $0 } + more)
        }
        #expect(stage.rig.ask(reader, "GET", stage.key) == (words[0] == "DEL" ? "$-1\r\n" : "$1\r\nw\r\n"))
    }

    /// Goal: a module's command of several keys is a write like any other.
    @Test func aLearnedWriteEndsTheCopy() throws {
        let stage = try Stage()
        let backend = stage.rig.backends[0]
        backend.store[stage.key] = Array("v".utf8)
        stage.heat()
        let (client, reader) = (stage.rig.connect(), stage.rig.connect())
        for one in [client, reader] { #expect(stage.rig.ask(one, "GET", stage.key) == "$1\r\nv\r\n") }
        let description =
            "*1\r\n*10\r\n$4\r\npair\r\n:3\r\n*1\r\n+write\r\n:1\r\n:2\r\n:1\r\n*0\r\n*0\r\n*0\r\n*0\r\n"
        for backend in stage.rig.backends {
            backend.lie = { [unowned backend] words in
                switch words[0] {
                case "COMMAND": return Array(description.utf8)
                case "PAIR":
                    backend.store[words[1]] = Array("w".utf8)
                    return Array("+OK\r\n".utf8)
                case "PTTL": return Array(":-1\r\n".utf8)
                default: return nil
                }
            }
        }
        #expect(stage.rig.ask(client, "PAIR", stage.key, stage.rig.key(on: 0, "other")) == "+OK\r\n")
        for one in [client, reader] { #expect(stage.rig.ask(one, "GET", stage.key) == "$1\r\nw\r\n") }
    }

    /// A long value comes in pieces, over a connection of its own.
    @Test func aLongWriteEndsTheCopy() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        client.got = []
        let value = [UInt8](repeating: 9, count: 200_000)
        stage.rig.send(client, stage.rig.request([Array("SET".utf8), Array(stage.key.utf8), value]))
        #expect(client.text == "+OK\r\n")
        client.got = []
        stage.rig.send(client, stage.rig.request("GET", stage.key))
        #expect(client.got.count == FakeBackend.bulk(value).count)
    }

    @Test func copiesEndWithTheLineThatCoversThem() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.backends[0].store[stage.key] = Array("w".utf8)
        stage.rig.lose(stage.cover)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
        #expect(stage.hot.pointee.table.copyCount == 0)
    }

    /// Goal: what fills copies gives up none of the questions by which they stay in use.
    @Test func aFullLineGivesUpNoPulse() throws {
        let stage = try Stage {
            $0.backend.inFlightMax = 1
            $0.backend.shedsOldest = true
        }
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        stage.rig.engine.sendPulse(stage.hot.pointee.covers, stage.cover)
        stage.rig.send(client, stage.rig.request("GET", stage.key))
        stage.rig.settle()
        #expect(client.text == "$1\r\nv\r\n")
        for _ in 0..<20 { stage.rig.advance(ms: 10) }
        for _ in 0..<3 { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(stage.values[.copyHits] == 2)
    }

    @Test func copiesAreNotUsedBeyondTheLease() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.stall(stage.cover)
        stage.rig.backends[0].store[stage.key] = Array("w".utf8)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.advance(ms: 110)
        #expect(
            stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n", "the line says nothing, so nobody relies on it")
    }

    @Test func aReadWhoseCoverIsLostGoesTheCommonWay() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let clients = (0..<2).map { _ in stage.rig.connect() }
        stage.rig.stall(stage.cover)
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "") }
        stage.rig.lose(stage.cover)
        #expect(clients.allSatisfy { $0.text == "$1\r\nv\r\n" })
    }

    @Test func aCopyLivesNoLongerThanItsKey() throws {
        let stage = try Stage()
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        stage.lifeMs = 40
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        let before = stage.reads
        stage.rig.advance(ms: 30)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n" && stage.reads == before)
        stage.rig.advance(ms: 20)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n" && stage.reads == before + 1)
    }

    @Test func aLongReplyIsPassedOnAndNotKept() throws {
        let stage = try Stage { $0.hotKeys.replyBytesMax = 1_000 }
        let value = [UInt8](repeating: 7, count: 5_000)
        stage.rig.backends[0].store[stage.key] = value
        stage.heat()
        let client = stage.rig.connect()
        for _ in 0..<3 {
            client.got = []
            stage.rig.send(client, stage.rig.request("GET", stage.key))
            #expect(client.got == FakeBackend.bulk(value))
        }
        #expect(stage.values[.copyFills] == 0 && stage.values[.copyMisses] == 1)
    }

    /// Goal: a key that is about to be hot, or whose values are too long, costs nobody the copies of others.
    @Test func keysWithoutCopiesLeaveThoseOfOthersInUse() throws {
        let stage = try Stage { $0.hotKeys.replyBytesMax = 1_000 }
        let long = stage.rig.key(on: 0, "long")
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.rig.backends[0].store[long] = [UInt8](repeating: 7, count: 5_000)
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        let before = stage.reads
        for look in 0..<3 {
            for _ in 0..<20 { _ = stage.rig.ask(client, "GET", long) }
            #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
            #expect(stage.reads == before, "after look \(look)")
            stage.look()
        }
        #expect(stage.values[.hotKeys] == 2)
    }

    @Test func aClientThatRefusesCopiesHasNone() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "KEYWAY", "CACHE", "OFF") == "+OK\r\n")
        let before = stage.reads
        for _ in 0..<3 { _ = stage.rig.ask(client, "GET", stage.key) }
        #expect(stage.reads == before + 3 && stage.values[.copyHits] == 0)
        #expect(stage.rig.ask(client, "KEYWAY", "CACHE", "ON") == "+OK\r\n")
        for _ in 0..<3 { _ = stage.rig.ask(client, "GET", stage.key) }
        #expect(stage.reads == before + 4 && stage.values[.copyHits] == 2)
    }

    @Test func aKeyThatCoolsDownLeavesNothing() throws {
        let stage = try Stage { $0.hotKeys.policy.requestsPerSecondMin = 1 }
        stage.heat()
        let client = stage.rig.connect()
        _ = stage.rig.ask(client, "GET", stage.key)
        #expect(stage.hot.pointee.table.keyCount == 1)
        for _ in 0..<100 { stage.look() }
        #expect(stage.hot.pointee.table.keyCount == 0 && stage.hot.pointee.table.copyCount == 0)
        #expect(stage.hot.pointee.table.sizeBytes == 0 && stage.hot.pointee.covers.pointee.line == nil)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$-1\r\n")
    }

    @Test func hotKeysAreShown() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        _ = stage.rig.ask(client, "GET", stage.key)
        stage.look()
        let shown = stage.rig.ask(client, "KEYWAY", "HOTKEYS", "COUNT", "1")
        #expect(shown.hasPrefix("*1\r\n*16\r\n$3\r\nkey\r\n$\(stage.key.utf8.count)\r\n\(stage.key)\r\n"), "\(shown)")
        #expect(shown.contains("$6\r\ncached\r\n") && shown.contains("$2\r\ns0\r\n"))
        #expect(stage.rig.ask(client, "KEYWAY", "HOTKEYS", "POOL", "x").hasPrefix("-ERR there is no pool 'x'"))
        #expect(stage.rig.ask(client, "KEYWAY", "HOTKEYS", "COUNT") == "-ERR syntax error\r\n")
        let plain = try EngineRig()
        #expect(plain.ask(plain.connect(), "KEYWAY", "HOTKEYS").contains("does not look for hot keys"))
    }

    private func rows(_ stage: Stage, _ words: String...) -> String {
        stage.rig.ask(stage.rig.connect(), ["KEYWAY", "HOTKEYS"] + words)
    }

    /// Goal: a key is big by its replies, whichever way they come, and hot slots are known, without any copies.
    @Test(arguments: [20_000, 300_000]) func bigKeysAndHotSlotsAreShown(sizeBytes: Int) throws {
        let stage = try Stage { $0.hotKeys.mode = .observe }
        stage.rig.backends[0].store[stage.key] = [UInt8](repeating: 9, count: sizeBytes)
        stage.rig.moveBytesMax = { 50_000 }
        #expect(rows(stage, "BIG") == "*0\r\n")
        let client = stage.rig.connect()
        for _ in 0..<40 { #expect(stage.rig.ask(client, "GET", stage.key).utf8.count > sizeBytes) }
        stage.look()
        let replyBytes = FakeBackend.bulk([UInt8](repeating: 9, count: sizeBytes)).count
        let big = "*1\r\n*6\r\n$3\r\nkey\r\n$\(stage.key.utf8.count)\r\n\(stage.key)\r\n$5\r\nshard\r\n$2\r\ns0\r\n"
        let bytes = String(replyBytes)
        #expect(rows(stage, "big") == big + "$10\r\nsize_bytes\r\n$\(bytes.utf8.count)\r\n\(bytes)\r\n")
        let slots = rows(stage, "SLOTS", "COUNT", "5")
        #expect(slots.hasPrefix("*1\r\n*8\r\n$5\r\nslots\r\n") && slots.contains("$2\r\ns0\r\n"), "\(slots)")
        #expect(rows(stage, "BIG", "SLOTS") == "-ERR syntax error\r\n")
        // Requests are of some 20 bytes.
        let keys = rows(stage).components(separatedBy: "\r\n")
        let index = try #require(keys.firstIndex(of: "bytes_per_second"))
        let rate = try #require(keys.firstIndex(of: "reads_per_second"))
        #expect(Int(keys[index + 2])! > Int(keys[rate + 2])! * sizeBytes / 2)
    }

    /// Goal: a sample whose request gets no reply of its own gives its place back.
    @Test func samplesOfReadsThatJoinOrMeetACopyAreGivenUp() throws {
        let stage = try Stage { $0.coalescing = .tick }
        stage.rig.backends[0].store[stage.key] = Array("v".utf8)
        stage.heat()
        let clients = (0..<100).map { _ in stage.rig.connect() }
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
        for client in clients { client.pending += stage.rig.request("STRLEN", stage.key) }
        stage.rig.settle()
        let big = stage.rig.key(on: 0, "big")
        stage.rig.backends[0].store[big] = [UInt8](repeating: 9, count: 20_000)
        #expect(stage.rig.ask(clients[0], "GET", big).utf8.count > 20_000)
        stage.look()
        #expect(rows(stage, "BIG").contains("\r\n\(big)\r\n"))
    }

    @Test func agesOfCopiesAreCounted() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        for ageMs in [UInt64(5), 50, 90] {
            _ = stage.rig.ask(client, "GET", stage.key)
            stage.rig.advance(ms: ageMs)
            stage.pushKey()
        }
        let values = stage.values
        #expect(values[.copiesDropped] == 3 && values[.copyAgesMs10] == 1)
        #expect(values[.copyAgesMs100] == 3 && values[.copyAgesMs1000] == 3 && values[.copyAgesMs10000] == 3)
    }

    // MARK: Guarded keys

    /// A key that took 20 ms to bring, is hot, and lives on for 5 s, which PTTL alone has told. Copies of it are read
    /// until shortly before its end, which is 10 ms away.
    private func agedStage(_ change: (inout PoolOptions) -> Void = { _ in }) throws -> Stage {
        let stage = try Stage {
            $0.stampede.prefixes = [[]]
            change(&$0)
        }
        let bringer = stage.rig.connect()
        #expect(stage.rig.ask(bringer, "GET", stage.key) == "$-1\r\n")
        stage.rig.advance(ms: 20)
        #expect(stage.rig.ask(bringer, "SET", stage.key, "v") == "+OK\r\n")
        stage.lifeMs = 5_000
        stage.heat()
        #expect(stage.rig.ask(bringer, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.backends[0].seen = []
        let key = try #require(stage.hot.pointee.table.keys.first { $0.pointee.firstCopy != nil })
        let endsAtMs = key.pointee.firstCopy!.pointee.untilMs
        while stage.rig.nowMs < endsAtMs - 10 {
            stage.rig.advance(ms: min(50, endsAtMs - 10 - stage.rig.nowMs))
            if stage.rig.nowMs < endsAtMs - 500 {
                #expect(stage.rig.ask(bringer, "GET", stage.key) == "$1\r\nv\r\n")
            }
        }
        stage.lifeMs = 10
        return stage
    }

    /// Goal: a hot key does not end before somebody has brought it anew, also where nobody asks its shard any more.
    @Test func oneReaderOfCopiesBringsAKeyAnewBeforeItEnds() throws {
        let stage = try agedStage { $0.stampede.earlyFactor = 1 }
        let clients = (0..<50).map { _ in stage.rig.connect() }
        var told: [FakeClient] = []
        for _ in 0..<2 {
            for client in clients where stage.rig.ask(client, "GET", stage.key) == "$-1\r\n" { told.append(client) }
        }
        let bringer = try #require(told.first)
        #expect(told.count == 1 && stage.values[.earlyMisses] == 1, "nobody else, nor that one again")
        #expect(stage.reads == 1, "all but the first of the new clients had copies")
        stage.lifeMs = 10_000
        #expect(stage.rig.ask(bringer, "SET", stage.key, "w", "PX", "10000") == "+OK\r\n")
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n") }
    }

    @Test func copiesDrawNoLotsWhereNobodyIsToldEarly() throws {
        let stage = try agedStage()
        let clients = (0..<50).map { _ in stage.rig.connect() }
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
    }
}
