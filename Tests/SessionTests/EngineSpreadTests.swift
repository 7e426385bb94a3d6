// Copies of hot keys on several servers: who reads them, when they end, and what is left of them.

import Platform
import Routing
import Telemetry
import TestKit
import Testing
import Upstream
import Wire

@testable import Session

/// Four shards, and every key is hot as soon as anybody asks for it.
func spreadRig(_ change: (inout PoolOptions) -> Void) throws -> EngineRig {
    try EngineRig(
        shardCount: 4,
        pool: {
            $0.hotKeys.mode = .replicate
            $0.hotKeys.policy.requestsPerSecondMin = 0
            $0.hotKeys.policy.sharePercentMin = 0
            $0.backend.breaker.trickleMs = 0
            change(&$0)
        })
}

struct EngineSpreadTests {
    /// A rig of four shards whose keys are hot as soon as anybody asks for them.
    private final class Stage {
        let rig: EngineRig
        let key: String

        init(_ change: (inout PoolOptions) -> Void = { _ in }) throws {
            rig = try spreadRig {
                $0.backend.timeoutMs = 300
                change(&$0)
            }
            key = rig.key(on: 0)
            home.store[key] = Array("v".utf8)
        }

        /// The key is hot, and copies of it stand.
        func heat() {
            let client = rig.connect()
            for _ in 0..<20 { _ = rig.ask(client, "GET", key) }
            look()
            look()
            for _ in 0..<3 { _ = rig.ask(client, "GET", key) }
        }

        func look() {
            rig.advance(ms: 1_000)
            rig.engine.keepHouse()
            rig.settle()
            pass(ms: 50)
        }

        /// Time in which lines give their signs.
        func pass(ms: UInt64) { for _ in 0..<ms / 10 { rig.advance(ms: 10) } }

        var hot: HotPoolRef { rig.engine.poolViews.pointee.hot! }
        var cover: LineRef { hot.pointee.covers.pointee.line! }
        var home: FakeBackend { rig.backends[0] }
        var values: MetricValues<PoolMetric> { rig.counters.snapshot().pools[0].values }
        var stands: Bool {
            hot.pointee.table.keys.first { $0.pointee.view.buffer.elementsEqual(key.utf8) }?.pointee.generation?
                .pointee.state == .standing
        }

        func copies(_ shard: Int) -> [String] { rig.backends[shard].store.keys.filter { $0.hasPrefix("__keyway:") } }

        /// Reads of copies that the shard has seen, and those of the key itself.
        func reads(_ shard: Int) -> Int {
            rig.backends[shard].seen.count { $0[0] == "GET" && $0[1].hasPrefix("__keyway:") }
        }
        var homeReads: Int { home.seen.count { $0 == ["GET", key] } }

        func forget() { for backend in rig.backends { backend.seen = [] } }

        func push(_ text: String) { rig.reply(cover, text) }
        func pushKey() { push(">2\r\n$10\r\ninvalidate\r\n*1\r\n$\(key.utf8.count)\r\n\(key)\r\n") }

        func shared(_ shard: Int, _ client: FakeClient) -> LineRef {
            rig.engine.line(of: rig.engine.pools[0].shards + shard, for: client.ref)
        }

        /// The key's shard is gone, and is known to be.
        func loseHome() {
            home.isRefusing = true
            rig.lose(0)
            for _ in 0..<30 where !rig.engine.pools[0].shards[0].isDown { pass(ms: 100) }
            #expect(rig.engine.pools[0].shards[0].isDown)
        }
    }

    // MARK: Reads

    @Test func readsAreSpreadOverAllServers() throws {
        let stage = try Stage()
        stage.heat()
        #expect(stage.stands && stage.values[.generations] == 1)
        let names = Set((0..<4).flatMap { stage.copies($0) })
        #expect(names.count == 1 && names.first!.hasSuffix(":0.1:\(stage.key)"), "\(names)")
        #expect((0..<4).allSatisfy { stage.copies($0).count == 1 })
        stage.forget()
        let clients = (0..<10).map { _ in stage.rig.connect() }
        for index in 0..<400 { #expect(stage.rig.ask(clients[index % 10], "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(stage.homeReads == 0)
        for shard in 0..<4 { #expect((60...140).contains(stage.reads(shard)), "shard \(shard): \(stage.reads(shard))") }
        stage.look()
        #expect(stage.values[.spreadCopies] == 4 && stage.values[.spreadBytes] == 4 * 8)
    }

    /// Goal: a hot key does not end before somebody has brought it anew, also where its copies are read. Method: one
    /// that took 20 ms to bring and of which PTTL says that it ends in 5 s, read from 10 ms before its end on.
    @Test func oneReaderOfCopiesBringsAKeyAnewBeforeItEnds() throws {
        let stage = try Stage {
            $0.stampede.prefixes = [[]]
            $0.stampede.earlyFactor = 1
        }
        stage.home.store[stage.key] = nil
        let clients = (0..<50).map { _ in stage.rig.connect() }
        #expect(stage.rig.ask(clients[0], "GET", stage.key) == "$-1\r\n")
        stage.rig.advance(ms: 20)
        #expect(stage.rig.ask(clients[0], "SET", stage.key, "v") == "+OK\r\n")
        stage.home.lie = { $0[0] == "PTTL" ? Array(":5000\r\n".utf8) : nil }
        stage.heat()
        #expect(stage.stands)
        let key = try #require(stage.hot.pointee.table.keys.first { $0.pointee.generation != nil })
        let endsAtMs = key.pointee.generation!.pointee.untilMs
        stage.pass(ms: endsAtMs - 10 - stage.rig.nowMs)
        stage.forget()
        var told: [FakeClient] = []
        for _ in 0..<2 {
            for client in clients where stage.rig.ask(client, "GET", stage.key) == "$-1\r\n" { told.append(client) }
        }
        #expect(told.count == 1 && stage.values[.earlyMisses] == 1 && stage.homeReads == 0)
        #expect(stage.rig.ask(told[0], "SET", stage.key, "w") == "+OK\r\n")
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n") }
    }

    @Test func eachProtocolIsAnsweredInItsOwn() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        _ = stage.rig.ask(client, "HELLO", "3")
        stage.forget()
        for _ in 0..<20 { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(stage.homeReads == 0)
    }

    @Test func onlyTheKeyIsAnotherInTheRequest() throws {
        let stage = try Stage()
        stage.heat()
        stage.forget()
        for backend in stage.rig.backends {
            backend.lie = { $0[0] == "GETRANGE" ? Array("$2\r\nok\r\n".utf8) : nil }
        }
        #expect(stage.rig.ask(stage.rig.connect(), "GETRANGE", stage.key, "0", "1") == "$2\r\nok\r\n")
        let seen = stage.rig.backends.flatMap(\.seen).filter { $0[0] == "GETRANGE" }
        #expect(seen.count == 1 && seen[0].count == 4 && seen[0][2...] == ["0", "1"])
        #expect(seen[0][1].hasPrefix("__keyway:") && seen[0][1].hasSuffix(stage.key))
    }

    @Test(arguments: [["TTL"], ["OBJECT", "ENCODING"], ["PTTL"]])
    func whatIsNotAboutTheValueIsAskedAtHome(command: [String]) throws {
        let stage = try Stage()
        stage.heat()
        stage.forget()
        _ = stage.rig.ask(stage.rig.connect(), command + [stage.key])
        #expect(stage.home.seen.contains(command + [stage.key]))
        // Behind it copies are read again, once the line has given its sign.
        let before = stage.homeReads
        #expect(stage.rig.ask(stage.rig.connect(), "GET", stage.key) == "$1\r\nv\r\n" && stage.homeReads == before)
    }

    @Test func aFullServerIsAvoided() throws {
        let stage = try Stage { $0.backend.timeoutMs = 0 }
        stage.heat()
        stage.rig.backends[2].isFrozen = true
        let clients = (0..<100).map { _ in stage.rig.connect() }
        for client in clients { _ = stage.rig.ask(client, "GET", stage.key) }
        #expect(clients.count { $0.text == "" } <= 2, "it answers nothing, so hardly anybody is sent there")
        stage.rig.thaw(2)
        #expect(clients.allSatisfy { $0.text == "$1\r\nv\r\n" })
    }

    /// Goal: a read for which there is no room does not make others of its client go elsewhere in the middle of it.
    @Test func noReadIsGivenUpForAnother() throws {
        let stage = try Stage {
            $0.backend.inFlightMax = 3
            $0.backend.shedsOldest = true
        }
        stage.heat()
        let client = stage.rig.connect()
        stage.rig.send(client, [[UInt8]](repeating: stage.rig.request("GET", stage.key), count: 40).flatMap { $0 })
        stage.rig.settle()
        let replies = client.text.split(separator: "\r\n").filter { !$0.hasPrefix("$") }
        #expect(replies.count == 40 && replies.allSatisfy { $0 == "v" || $0.hasPrefix("-OVERLOADED") }, "\(replies)")
        stage.pass(ms: 200)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
    }

    @Test func aServerThatWasSlowIsAskedLessForAWhile() throws {
        let stage = try Stage()
        stage.heat()
        let clients = (0..<40).map { _ in stage.rig.connect() }
        stage.rig.backends[2].isFrozen = true
        for client in clients { _ = stage.rig.ask(client, "GET", stage.key) }
        stage.pass(ms: 200)
        stage.rig.thaw(2)
        stage.forget()
        for index in 0..<200 { _ = stage.rig.ask(clients[index % 40], "GET", stage.key) }
        #expect(stage.reads(2) < stage.reads(1) / 2, "\(stage.reads(2)) and \(stage.reads(1))")
        stage.pass(ms: 3_000)
        stage.forget()
        for index in 0..<400 { _ = stage.rig.ask(clients[index % 40], "GET", stage.key) }
        #expect(stage.reads(2) > 50, "its time is over: \(stage.reads(2))")
    }

    // MARK: Changes

    @Test func aWriteEndsCopiesBeforeItIsSent() throws {
        let stage = try Stage()
        stage.heat()
        let (writer, reader) = (stage.rig.connect(), stage.rig.connect())
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.stall(stage.shared(0, writer))
        stage.rig.send(writer, stage.rig.request("SET", stage.key, "w"))
        stage.forget()
        #expect(stage.rig.ask(reader, "GET", stage.key) == "")
        #expect(!stage.stands && (0..<4).allSatisfy { stage.reads($0) == 0 })
        stage.rig.unstall()
        stage.rig.settle()
        #expect(writer.text == "+OK\r\n" && reader.text == "$1\r\nw\r\n")
        #expect((0..<4).allSatisfy { stage.copies($0).isEmpty }, "nothing is left")
        // The rest counts from the first look at what has changed.
        for _ in 0..<2 {
            _ = stage.rig.ask(reader, "GET", stage.key)
            stage.pass(ms: 200)
        }
        _ = stage.rig.ask(reader, "GET", stage.key)
        stage.forget()
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nw\r\n" && stage.homeReads == 0, "after a rest")
    }

    @Test(arguments: [["MSET", "$KEY", "w"], ["DEL", "$KEY"], ["MULTI"]])
    func writesOfOtherShapesEndCopiesToo(words: [String]) throws {
        let stage = try Stage()
        stage.heat()
        let (writer, reader) = (stage.rig.connect(), stage.rig.connect())
        #expect(stage.rig.ask(reader, "GET", stage.key) == "$1\r\nv\r\n")
        let other = stage.rig.key(on: 1)
        if words[0] == "MULTI" {
            for command in [["MULTI"], ["SET", stage.key, "w"], ["EXEC"]] { _ = stage.rig.ask(writer, command) }
        } else {
            let more = words[0] == "MSET" ? [other, "x"] : [other]
            _ = stage.rig.ask(writer, words.map { $0 == "$KEY" ? stage.key : $0 } + more)
        }
        #expect(stage.rig.ask(reader, "GET", stage.key) == (words[0] == "DEL" ? "$-1\r\n" : "$1\r\nw\r\n"))
    }

    @Test func newsOfAChangeEndCopies() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        stage.home.store[stage.key] = Array("w".utf8)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n", "nobody has said so yet")
        stage.pushKey()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
        stage.pass(ms: 200)
        for _ in 0..<3 { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n") }
        #expect(stage.stands)
        stage.push(">2\r\n$10\r\ninvalidate\r\n_\r\n")
        #expect(!stage.stands)
    }

    /// Goal: whatever comes at whatever step while copies are made, none is read that is older than the news.
    @Test(arguments: ["push", "write", "loss", "memory"], 0..<3) func newsWhileCopiesAreMadeEndThem(
        what: String, step: Int
    ) throws {
        let stage = try Stage()
        let client = stage.rig.connect()
        for _ in 0..<20 { _ = stage.rig.ask(client, "GET", stage.key) }
        for shard in 1..<4 { _ = stage.rig.ask(client, "GET", stage.rig.key(on: shard)) }
        stage.look()
        stage.look()
        stage.forget()
        stage.rig.stall(step == 0 ? stage.cover : stage.shared(step, client))
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        #expect(!stage.stands)
        stage.home.store[stage.key] = Array("w".utf8)
        switch what {
        case "push": stage.pushKey()
        case "write": _ = stage.rig.ask(stage.rig.connect(), "SET", stage.key, "w")
        case "loss": stage.rig.lose(stage.cover)
        default: stage.rig.engine.dropAllCopies()
        }
        if what != "loss" || step != 0 { stage.rig.unstall() }
        stage.rig.settle()
        #expect(!stage.stands && stage.values[.generations] == 0)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
        #expect((0..<4).allSatisfy { stage.copies($0).isEmpty }, "nothing is left")
    }

    @Test func copiesAreNotReadBeyondTheLease() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        stage.rig.stall(stage.cover)
        stage.home.store[stage.key] = Array("w".utf8)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.advance(ms: 110)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
        stage.rig.lose(stage.cover)
        #expect(!stage.stands)
    }

    @Test func copiesLiveNoLongerThanTheirKey() throws {
        let stage = try Stage()
        stage.home.lie = { $0[0] == "PTTL" ? Array(":5000\r\n".utf8) : nil }
        stage.heat()
        #expect(stage.stands)
        let lives = stage.rig.backends.flatMap(\.seen).filter { $0[0] == "RESTORE" }.map { Int($0[2])! }
        #expect(lives.count == 4 && lives.allSatisfy { $0 > 5_000 && $0 <= 6_300 }, "\(lives)")
        let client = stage.rig.connect()
        stage.pass(ms: 4_900)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n" && stage.values[.generations] == 1)
        stage.pass(ms: 110)
        stage.home.lie = { $0[0] == "PTTL" ? Array(":900\r\n".utf8) : nil }
        for _ in 0..<5 { _ = stage.rig.ask(client, "GET", stage.key) }
        #expect(!stage.stands && stage.values[.generations] == 1, "what ends within a second gets no copies")
    }

    /// Goal: a key that is written all the time gets fewer and fewer copies.
    @Test func copiesThatAreHardlyReadRestLonger() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        for _ in 0..<100 {
            _ = stage.rig.ask(client, "SET", stage.key, "w")
            for _ in 0..<10 {
                stage.pass(ms: 10)
                #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
            }
        }
        #expect(stage.values[.generations] <= 4, "\(stage.values[.generations])")
    }

    // MARK: Order

    /// Goal: who has seen a newer value at the key's shard never reads the copies of before.
    @Test func whoHasSeenMoreWaitsForASign() throws {
        let stage = try Stage()
        stage.heat()
        let (client, other) = (stage.rig.connect(), stage.rig.connect())
        stage.rig.stall(stage.cover)
        stage.home.store[stage.key] = Array("w".utf8)
        #expect(stage.rig.ask(client, "MGET", stage.key) == "*1\r\n$1\r\nw\r\n")
        #expect(stage.rig.ask(client, "GET", stage.key) == "", "it waits")
        #expect(stage.rig.ask(other, "GET", stage.key) == "$1\r\nv\r\n", "who has seen nothing need not")
        stage.pushKey()
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "$1\r\nw\r\n")
    }

    /// Goal: a read that finds its copy gone does not overtake an older one that is answered later. Method: many reads
    /// in one go over copies on four servers, of which two have lost theirs; one of those answers late, and until then
    /// the key changes.
    @Test func whoseCopyIsGoneTakesThoseBeforeAlongToTheKeysShard() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        _ = stage.rig.ask(client, "GET", stage.key)
        for shard in [1, 2] { for name in stage.copies(shard) { stage.rig.backends[shard].store[name] = nil } }
        stage.rig.stall(stage.shared(2, client))
        client.got = []
        stage.rig.send(client, [[UInt8]](repeating: stage.rig.request("GET", stage.key), count: 16).flatMap { $0 })
        stage.rig.settle()
        stage.home.store[stage.key] = Array("w".utf8)
        stage.rig.unstall()
        stage.rig.settle()
        let values = client.text.split(separator: "\r\n").filter { !$0.hasPrefix("$") }
        #expect(values.count == 16 && values == values.sorted(), "\(values)")
    }

    @Test func whoReadsAtHomeWhileCopiesAreMadeWaitsForASign() throws {
        let stage = try Stage()
        let client = stage.rig.connect()
        for shard in 1..<4 { _ = stage.rig.ask(client, "GET", stage.rig.key(on: shard)) }
        for _ in 0..<20 { _ = stage.rig.ask(client, "GET", stage.key) }
        stage.look()
        stage.look()
        stage.rig.stall(stage.shared(1, client))
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        stage.rig.stall(stage.cover)
        stage.home.store[stage.key] = Array("w".utf8)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n" && !stage.stands)
        let copying = stage.rig.connections.values.first { $0.line == stage.shared(1, client) }!
        copying.isStalled = false
        copying.work()
        stage.rig.settle()
        #expect(stage.stands)
        #expect(stage.rig.ask(client, "GET", stage.key) == "", "what the copies have is older than what it has seen")
        stage.pushKey()
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "$1\r\nw\r\n")
    }

    /// Goal: what a client has seen in another process counts.
    @Test func whoComesFromAnotherProcessWaitsForASign() throws {
        let stage = try Stage()
        stage.heat()
        let record = stage.rig.engine.record(of: stage.rig.connect().ref)
        stage.rig.stall(stage.cover)
        stage.home.store[stage.key] = Array("w".utf8)
        let client = try #require(stage.rig.adopt(record))
        #expect(stage.rig.ask(client, "GET", stage.key) == "")
        stage.pushKey()
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "$1\r\nw\r\n")
    }

    @Test func onceAnotherProcessWritesNoCopyIsRead() throws {
        let stage = try Stage()
        stage.heat()
        stage.rig.engine.shared.hotKeys.close()
        stage.forget()
        let client = stage.rig.connect()
        for _ in 0..<3 {
            #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
            stage.pass(ms: 100)
        }
        #expect(stage.homeReads == 3 && !stage.stands && (0..<4).allSatisfy { stage.copies($0).isEmpty })
    }

    @Test func whoWaitsForASignWaitsNoLongerThanTheLease() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "MGET", stage.key) == "*1\r\n$1\r\nv\r\n")
        stage.rig.stall(stage.cover)
        #expect(stage.rig.ask(client, "GET", stage.key) == "")
        stage.pass(ms: 150)
        #expect(client.text == "$1\r\nv\r\n" && stage.values[.spreadReadsHome] == 1)
    }

    /// Goal: those who come to wait do not put the end of the wait off.
    @Test func manyWhoWaitForASignWaitNoLonger() throws {
        let stage = try Stage()
        stage.heat()
        let clients = (0..<30).map { _ in stage.rig.connect() }
        for client in clients { _ = stage.rig.ask(client, "MGET", stage.key) }
        stage.rig.stall(stage.cover)
        for client in clients {
            _ = stage.rig.ask(client, "GET", stage.key)
            stage.pass(ms: 10)
        }
        #expect(clients.prefix(15).allSatisfy { $0.text == "$1\r\nv\r\n" })
    }

    @Test func whoWaitsForASignGoesOnWhenTheLineIsLost() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        _ = stage.rig.ask(client, "MGET", stage.key)
        stage.rig.stall(stage.cover)
        #expect(stage.rig.ask(client, "GET", stage.key) == "")
        stage.rig.lose(stage.cover)
        #expect(client.text == "$1\r\nv\r\n")
    }

    /// Goal: a client's requests keep their order although its reads wait on other servers than its writes.
    @Test(arguments: [["SET", "$KEY", "w"], ["MSET", "$KEY", "w"], ["DEL", "$KEY", "$OTHER"], ["TTL", "$KEY"]])
    func nothingOvertakesARead(words: [String]) throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        for backend in stage.rig.backends { backend.isFrozen = true }
        stage.forget()
        let other = stage.rig.key(on: 1)
        let second = words.map { $0 == "$KEY" ? stage.key : $0 == "$OTHER" ? other : $0 }
        stage.rig.send(
            client, stage.rig.request("GET", stage.key) + stage.rig.request(second.map { Array($0.utf8) }))
        #expect(client.ref.pointee.gate.contains(.barrier))
        for shard in 0..<4 { stage.rig.thaw(shard) }
        #expect(client.text.hasPrefix("$1\r\nv\r\n") && client.got.count > 7, "\(client.text)")
    }

    /// Goal: a read that is asked again is not overtaken by a later one that sees more.
    @Test func aReadOfNewerCopiesWaitsForThoseOfOlderOnes() throws {
        let stage = try Stage()
        stage.heat()
        let (client, other) = (stage.rig.connect(), stage.rig.connect())
        for shard in 1..<4 { stage.rig.stall(stage.shared(shard, client)) }
        // One of its reads goes to a server that does not answer.
        while client.ref.pointee.inFlightCount == 0 {
            stage.rig.send(client, stage.rig.request("GET", stage.key))
        }
        client.got = []
        stage.home.store[stage.key] = Array("w".utf8)
        stage.pushKey()
        stage.rig.send(client, stage.rig.request("GET", stage.key))
        #expect(client.text == "")
        #expect(stage.rig.ask(other, "GET", stage.key) == "$1\r\nw\r\n")
        for shard in 1..<4 { stage.rig.lose(stage.shared(shard, client)) }
        #expect(client.text == "$1\r\nw\r\n$1\r\nw\r\n")
    }

    /// Goal: reads come over to copies in their order, also those in one piece with others.
    @Test func readsBehindOnesOnTheCommonWayComeAfterThem() throws {
        let stage = try Stage()
        let client = stage.rig.connect()
        stage.heat()
        stage.rig.stall(stage.shared(0, client))
        stage.forget()
        stage.rig.send(
            client,
            stage.rig.request("TTL", stage.key) + stage.rig.request("GET", stage.key)
                + stage.rig.request("SET", stage.rig.key(on: 1), "x") + stage.rig.request("GET", stage.key))
        #expect(client.text == "" && client.ref.pointee.gate.contains(.barrier))
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "-ERR unknown command\r\n$1\r\nv\r\n+OK\r\n$1\r\nv\r\n")
        #expect(stage.homeReads == 0)
    }

    @Test func pipelinedReadsOfTwoKeysDoNotWaitForEachOther() throws {
        let stage = try Stage()
        let second = stage.rig.key(on: 1, "second")
        stage.rig.backends[1].store[second] = Array("x".utf8)
        let client = stage.rig.connect()
        for _ in 0..<20 { _ = stage.rig.ask(client, "GET", second) }
        stage.heat()
        for _ in 0..<3 { _ = stage.rig.ask(client, "GET", second) }
        stage.pass(ms: 20)
        for _ in 0..<3 { for key in [second, stage.key] { _ = stage.rig.ask(client, "GET", key) } }
        for backend in stage.rig.backends { backend.isFrozen = true }
        client.got = []
        stage.forget()
        stage.rig.send(
            client, (0..<10).flatMap { _ in stage.rig.request("GET", stage.key) + stage.rig.request("GET", second) })
        #expect(client.ref.pointee.gate.isEmpty && client.ref.pointee.inFlightCount == 20)
        for shard in 0..<4 { stage.rig.thaw(shard) }
        #expect(client.text == String(repeating: "$1\r\nv\r\n$1\r\nx\r\n", count: 10))
        #expect(stage.homeReads == 0)
    }

    /// Goal: who has just connected has seen nothing, however many signs there were.
    @Test func aNewClientReadsCopiesAtOnce() throws {
        let stage = try Stage()
        stage.hot.pointee.stamp = 0x9000_0000
        stage.heat()
        let before = stage.homeReads
        for _ in 0..<3 { #expect(stage.rig.ask(stage.rig.connect(), "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(stage.homeReads == before)
    }

    // MARK: Copies that are gone

    @Test func aCopyThatIsGoneIsNotBelieved() throws {
        let stage = try Stage()
        stage.heat()
        for shard in 0..<4 { stage.rig.backends[shard].store[stage.copies(shard)[0]] = nil }
        #expect(stage.rig.ask(stage.rig.connect(), "GET", stage.key) == "$1\r\nv\r\n")
        #expect(!stage.stands && stage.values[.spreadProofs] == 1 && stage.values[.spreadReadsHome] == 1)
    }

    @Test func anEmptyValueIsOneOnceItsCopyIsKnownToBeThere() throws {
        let stage = try Stage()
        stage.home.store[stage.key] = []
        stage.heat()
        stage.forget()
        let before = stage.values[.spreadProofs]
        #expect(stage.rig.ask(stage.rig.connect(), "GET", stage.key) == "$0\r\n\r\n")
        #expect(stage.stands && stage.values[.spreadProofs] == before + 1 && stage.homeReads == 0)
    }

    @Test func anErrorOfACopyIsAskedAboutAtHome() throws {
        let stage = try Stage()
        stage.heat()
        for shard in 1..<4 { stage.rig.backends[shard].lie = { _ in Array("-LOADING wait\r\n".utf8) } }
        let client = stage.rig.connect()
        for _ in 0..<20 { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
    }

    @Test func aReadWhoseServerIsLostIsAskedAtHome() throws {
        let stage = try Stage()
        stage.heat()
        let clients = (0..<20).map { _ in stage.rig.connect() }
        for shard in 1..<4 { stage.rig.stall(stage.shared(shard, clients[0])) }
        for client in clients { _ = stage.rig.ask(client, "GET", stage.key) }
        for shard in 1..<4 { stage.rig.lose(shard) }
        #expect(clients.allSatisfy { $0.text == "$1\r\nv\r\n" })
        #expect(stage.values[.spreadReadsHome] > 0)
    }

    @Test func aReadThatIsLateGetsAnError() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        for backend in stage.rig.backends { backend.isFrozen = true }
        #expect(stage.rig.ask(client, "GET", stage.key) == "")
        stage.rig.advance(ms: 310)
        #expect(client.text.hasPrefix("-TIMEOUT"), "\(client.text)")
        for shard in 0..<4 { stage.rig.thaw(shard) }
        stage.pass(ms: 3_000)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
    }

    @Test func aClientThatLeavesLeavesNothingBehind() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        for backend in stage.rig.backends { backend.isFrozen = true }
        #expect(stage.rig.ask(client, "GET", stage.key) == "")
        stage.rig.disconnect(client)
        for shard in 0..<4 { stage.rig.thaw(shard) }
        #expect(stage.hot.pointee.table.keys.allSatisfy { !$0.pointee.isAwaited })
    }

    @Test func aLongValueComesInPieces() throws {
        let stage = try Stage { $0.hotKeys.replyBytesMax = 1_000_000 }
        let value = [UInt8](repeating: 7, count: 100_000)
        stage.home.store[stage.key] = value
        stage.heat()
        stage.rig.moveBytesMax = { 10_000 }
        stage.forget()
        let clients = (0..<3).map { _ in stage.rig.connect() }
        for client in clients {
            _ = stage.rig.ask(client, "GET", stage.key)
            #expect(client.got == FakeBackend.bulk(value))
        }
        #expect(stage.homeReads == 0)
        #expect(stage.hot.pointee.table.keys.allSatisfy { !$0.pointee.isAwaited })
    }

    // MARK: No copies

    @Test func aServerThatTakesNoValuesMakesCopiesStayInMemory() throws {
        let stage = try Stage()
        stage.rig.backends[2].lie = {
            $0[0] == "RESTORE" ? Array("-ERR Bad data format\r\n".utf8) : nil
        }
        stage.heat()
        #expect(!stage.stands && !stage.hot.pointee.spreads)
        let before = stage.homeReads
        let clients = (0..<5).map { _ in stage.rig.connect() }
        for client in clients { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(stage.homeReads <= before + 1 && stage.values[.copyHits] >= 4)
        #expect((0..<4).allSatisfy { stage.copies($0).isEmpty })
    }

    @Test func aServerWithoutMemoryIsTriedAgainLater() throws {
        let stage = try Stage()
        stage.rig.backends[2].lie = { $0[0] == "RESTORE" ? Array("-OOM command not allowed\r\n".utf8) : nil }
        stage.heat()
        #expect(!stage.stands && stage.hot.pointee.spreads)
        stage.rig.backends[2].lie = nil
        stage.pass(ms: 500)
        let client = stage.rig.connect()
        for _ in 0..<3 { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(stage.stands)
    }

    @Test func aServerThatIsDownGetsNoCopy() throws {
        let stage = try Stage()
        stage.rig.backends[2].isRefusing = true
        stage.rig.lose(2)
        _ = stage.rig.ask(stage.rig.connect(), "GET", stage.rig.key(on: 2))
        stage.heat()
        #expect(stage.stands && stage.copies(2).isEmpty && stage.copies(1).count == 1)
    }

    @Test(arguments: [["hot_key_reply_limit"], ["missing"], ["fields that end"]])
    func someValuesGetNoCopies(why: [String]) throws {
        let stage = try Stage { $0.hotKeys.replyBytesMax = 1_000 }
        switch why[0] {
        case "missing": stage.home.store[stage.key] = nil
        case "fields that end": stage.home.lie = { $0[0] == "DUMP" ? Array("$3\r\n\u{16}..\r\n".utf8) : nil }
        default: stage.home.store[stage.key] = [UInt8](repeating: 7, count: 5_000)
        }
        stage.heat()
        #expect(!stage.stands && stage.values[.generations] == 0 && (0..<4).allSatisfy { stage.copies($0).isEmpty })
    }

    @Test func copiesTakeNoMoreThanTheyMay() throws {
        let stage = try Stage { $0.hotKeys.sizeBytesMax = 1_000 }
        stage.home.store[stage.key] = [UInt8](repeating: 7, count: 300)
        stage.heat()
        #expect(!stage.stands && stage.hot.pointee.spreadBytes == 0)
    }

    @Test func aKeyThatCoolsDownLeavesNothing() throws {
        let stage = try Stage { $0.hotKeys.policy.requestsPerSecondMin = 1 }
        stage.heat()
        #expect(stage.stands)
        for _ in 0..<100 { stage.look() }
        #expect(stage.hot.pointee.table.keyCount == 0 && stage.hot.pointee.spreadBytes == 0)
        #expect((0..<4).allSatisfy { stage.copies($0).isEmpty } && stage.values[.spreadCopies] == 0)
    }

    /// Goal: keys that get other shards leave no copies, also while these are read.
    @Test func copiesEndWithTheirRing() throws {
        let stage = try Stage()
        stage.heat()
        let client = stage.rig.connect()
        for shard in 0..<4 { stage.rig.stall(stage.shared(shard, client)) }
        _ = stage.rig.ask(client, "GET", stage.key)
        stage.rig.engine.forgetHotKeys(ofPool: 0)
        #expect(stage.hot.pointee.table.keyCount == 0)
        stage.rig.unstall()
        stage.rig.settle()
        #expect(client.text == "$1\r\nv\r\n" && (0..<4).allSatisfy { stage.copies($0).isEmpty })
    }

    @Test func hotKeysAreShown() throws {
        let stage = try Stage()
        stage.heat()
        stage.look()
        let shown = stage.rig.ask(stage.rig.connect(), "KEYWAY", "HOTKEYS", "COUNT", "1")
        #expect(shown.contains("$10\r\nreplicated\r\n"), "\(shown)")
    }

    // MARK: Hidden

    @Test func clientsDoNotSeeCopies() throws {
        let stage = try Stage()
        let other = stage.rig.key(on: 3, "other")
        stage.rig.backends[3].store[other] = Array("x".utf8)
        stage.heat()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "DBSIZE") == ":2\r\n")
        let keys = stage.rig.ask(client, "KEYS", "*")
        #expect(keys.hasPrefix("*2\r\n") && keys.contains(stage.key) && keys.contains(other), "\(keys)")
        var (cursor, found) = ("0", Set<String>())
        repeat {
            let lines = stage.rig.ask(client, "SCAN", cursor).split(separator: "\r\n").map(String.init)
            cursor = lines[2]
            found.formUnion(lines.filter { $0 == stage.key || $0 == other || $0.contains("__keyway") })
        } while cursor != "0"
        #expect(found == [stage.key, other])
    }

    @Test func aRandomKeyIsNeverACopy() throws {
        let stage = try Stage()
        stage.heat()
        for (index, backend) in stage.rig.backends.enumerated() {
            // Every other time it is a copy, where there is something else at all.
            var count = 0
            backend.lie = { [unowned stage] words in
                guard words[0] == "RANDOMKEY" else { return nil }
                count += 1
                return FakeBackend.bulk(
                    Array((index == 0 && count.isMultiple(of: 2) ? stage.key : stage.copies(index)[0]).utf8))
            }
        }
        let client = stage.rig.connect()
        for _ in 0..<20 {
            #expect(stage.rig.ask(client, "RANDOMKEY") == "$\(stage.key.utf8.count)\r\n\(stage.key)\r\n")
        }
        stage.home.lie = { [unowned stage] in
            $0[0] == "RANDOMKEY" ? FakeBackend.bulk(Array(stage.copies(0)[0].utf8)) : nil
        }
        #expect(stage.rig.ask(client, "RANDOMKEY") == "$-1\r\n", "and it does not ask for ever")
    }

    @Test(arguments: [["GET"], ["MGET", "k"], ["DEL", "k"], ["EVAL", "return 1", "1"], ["WATCH"]])
    func copiesCannotBeNamed(words: [String]) throws {
        let stage = try Stage()
        let client = stage.rig.connect()
        let error = stage.rig.ask(client, words + ["__keyway:x"])
        #expect(error.hasPrefix("-NOTSUPPORTED keys that begin with '__keyway:'"), "\(error)")
        _ = stage.rig.ask(client, "MULTI")
        #expect(stage.rig.ask(client, "SET", "__keyway:x", "y").hasPrefix("-NOTSUPPORTED"))
        #expect(stage.rig.ask(client, "EXEC").hasPrefix("-EXECABORT"))
        let plain = try EngineRig()
        #expect(plain.ask(plain.connect(), "GET", "__keyway:x") == "$-1\r\n", "other pools know of no such prefix")
    }

    // MARK: Stale

    @Test func copiesAreReadOnWhileTheirServerIsDown() throws {
        let stage = try Stage { $0.hotKeys.staleMs = 10_000 }
        stage.heat()
        let (old, client) = (stage.rig.connect(), stage.rig.connect())
        _ = stage.rig.ask(old, "MGET", stage.key)
        stage.loseHome()
        for client in [old, client] { #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n") }
        #expect(stage.values[.spreadReadsStale] == 2)
        #expect(stage.rig.ask(client, "SET", stage.key, "w").hasPrefix("-SHARDDOWN"))
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n", "a write that nobody got ends nothing")
        stage.pass(ms: 10_000)
        #expect(stage.rig.ask(client, "GET", stage.key).hasPrefix("-SHARDDOWN"), "its time is over")
    }

    @Test func withoutServeStaleAServerThatIsDownTakesItsCopiesWithIt() throws {
        let stage = try Stage()
        stage.heat()
        stage.loseHome()
        #expect(stage.rig.ask(stage.rig.connect(), "GET", stage.key).hasPrefix("-SHARDDOWN"))
        #expect(stage.values[.spreadReadsStale] == 0)
    }

    /// Goal: what was written while nobody could hear of it is read once its server is back.
    @Test func staleCopiesEndWhenTheirServerIsBack() throws {
        let stage = try Stage { $0.hotKeys.staleMs = 60_000 }
        stage.heat()
        stage.loseHome()
        let client = stage.rig.connect()
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nv\r\n")
        stage.home.store[stage.key] = Array("w".utf8)
        stage.home.isRefusing = false
        stage.pass(ms: 10_000)
        #expect(!stage.rig.engine.pools[0].shards[0].isDown)
        #expect(stage.rig.ask(client, "GET", stage.key) == "$1\r\nw\r\n")
    }

    @Test func aWriteWhoseOutcomeIsUnknownEndsCopies() throws {
        let stage = try Stage { $0.hotKeys.staleMs = 60_000 }
        stage.heat()
        let client = stage.rig.connect()
        stage.rig.stall(stage.shared(0, client))
        _ = stage.rig.ask(client, "SET", stage.key, "w")
        stage.loseHome()
        #expect(stage.rig.ask(stage.rig.connect(), "GET", stage.key).hasPrefix("-SHARDDOWN"))
    }
}
