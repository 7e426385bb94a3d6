// Transactions: queued here, sent in one piece, on one shard; WATCH on a line of the client's own.

import Platform
import Testing
import Upstream

@testable import Session

@Suite struct EngineTransactionsTests {
    @Test func aTransactionGoesOutInOnePiece() throws {
        let rig = try EngineRig()
        let (client, other) = (rig.connect(), rig.connect())
        let key = rig.key(on: 1)
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "SET", key, "v") == "+QUEUED\r\n")
        #expect(rig.ask(other, "GET", key) == "$-1\r\n")
        #expect(rig.ask(client, "GET", key) == "+QUEUED\r\n")
        #expect(rig.ask(client, "EXEC") == "*2\r\n+OK\r\n$1\r\nv\r\n")
        #expect(rig.backends[1].seen.suffix(4).map { $0[0] } == ["MULTI", "SET", "GET", "EXEC"])
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
        #expect(client.ref.pointee.state == nil)
    }

    @Test func anEmptyTransactionAsksNoServer() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "EXEC") == "*0\r\n")
        #expect(rig.ask(client, "EXEC") == "-ERR EXEC without MULTI\r\n")
        #expect(rig.ask(client, "DISCARD") == "-ERR DISCARD without MULTI\r\n")
    }

    @Test func keysOfTwoShardsAreRefusedWhenTheyAreQueued() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "SET", rig.key(on: 0), "v") == "+QUEUED\r\n")
        #expect(rig.ask(client, "SET", rig.key(on: 1), "v").hasPrefix("-CROSSSLOT a transaction is executed by one"))
        #expect(rig.ask(client, "EXEC").hasPrefix("-EXECABORT"))
        #expect(rig.backends.allSatisfy { $0.store.isEmpty })
    }

    @Test(arguments: [["SET", "k"], ["NOSUCH"], ["CLIENT", "ID"], ["SUBSCRIBE", "c"], ["DBSIZE"]])
    func whatCannotBeQueuedAborts(words: [String]) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, words).hasPrefix("-"))
        #expect(rig.ask(client, "EXEC") == "-EXECABORT Transaction discarded because of previous errors.\r\n")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
    }

    @Test func helpIsAnyShardsAndMayBeQueued() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        for command in [["PUBSUB", "HELP"], ["XINFO", "HELP"], ["PUBLISH", "c", "x"], ["ECHO", "x"]] {
            #expect(rig.ask(client, "MULTI") == "+OK\r\n")
            #expect(rig.ask(client, command) == "+QUEUED\r\n", "\(command)")
            #expect(rig.ask(client, "DISCARD") == "+OK\r\n")
        }
    }

    @Test func perShardTransactionsReturnToTheOrderOfTheCommands() throws {
        let rig = try EngineRig(pool: { $0.splitsTransactions = true })
        let client = rig.connect()
        let keys = [rig.key(on: 0), rig.key(on: 1), rig.key(on: 0), rig.key(on: 2)]
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        for (index, key) in keys.enumerated() { #expect(rig.ask(client, "SET", key, "\(index)") == "+QUEUED\r\n") }
        for key in keys.reversed() { #expect(rig.ask(client, "GET", key) == "+QUEUED\r\n") }
        let values = keys.reversed().map { $0 == keys[0] ? "2" : "\(keys.lastIndex(of: $0)!)" }
        #expect(
            rig.ask(client, "EXEC") == "*8\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"
                + values.map { "$1\r\n\($0)\r\n" }.joined())
    }

    @Test func watchedKeysHaveALineThatComesBack() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        for round in 0..<3 {
            #expect(rig.ask(client, "WATCH", key) == "+OK\r\n")
            #expect(rig.engine.pools[0].shards[0].leaseCount == 1)
            #expect(rig.ask(client, "GET", key) == (round == 0 ? "$-1\r\n" : "$1\r\n\(round - 1)\r\n"))
            #expect(rig.ask(client, "MULTI") == "+OK\r\n")
            #expect(rig.ask(client, "SET", key, "\(round)") == "+QUEUED\r\n")
            #expect(rig.ask(client, "EXEC") == "*1\r\n+OK\r\n")
            #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
            #expect(client.ref.pointee.state == nil)
        }
        #expect(rig.engine.pools[0].shards[0].transferCount == 1, "one connection served all three")
    }

    @Test(arguments: [["UNWATCH"], ["DISCARD"], ["EXEC"], ["RESET"]])
    func everyEndOfAWatchGivesTheLineBack(end: [String]) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "WATCH", rig.key(on: 0)) == "+OK\r\n")
        if end != ["UNWATCH"] { #expect(rig.ask(client, "MULTI") == "+OK\r\n") }
        if end == ["EXEC"] { #expect(rig.ask(client, "NOSUCH").hasPrefix("-ERR unknown command")) }
        _ = rig.ask(client, end)
        #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
        #expect(rig.backends[0].seen.last == ["UNWATCH"])
        #expect(client.ref.pointee.state == nil)
    }

    @Test func aLostWatchAbortsInsteadOfExecuting() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "WATCH", key) == "+OK\r\n")
        let line = try #require(client.ref.pointee.state?.pointee.leases?[0])
        rig.lose(line)
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "SET", key, "v") == "+QUEUED\r\n")
        #expect(rig.ask(client, "EXEC").hasPrefix("-EXECABORT Transaction discarded because the connection"))
        #expect(rig.backends[0].store[key] == nil)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
    }

    @Test(arguments: ["UNWATCH", "DISCARD"]) func aLostWatchIsForgottenWithTheOthers(end: String) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "WATCH", rig.key(on: 0)) == "+OK\r\n")
        rig.lose(try #require(client.ref.pointee.state?.pointee.leases?[0]))
        #expect(rig.ask(client, "WATCH", rig.key(on: 1)) == "+OK\r\n")
        if end == "DISCARD" { #expect(rig.ask(client, "MULTI") == "+OK\r\n") }
        #expect(rig.ask(client, end) == "+OK\r\n")
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "EXEC") == "*0\r\n")
    }

    /// Goal: a lease that a blocking command left while keys were watched goes back with the watch, lost or not.
    @Test(arguments: [false, true]) func theLeaseOfABlockingCommandGoesBackWithTheWatch(isLost: Bool) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        for backend in rig.backends { backend.lie = { $0[0] == "BLPOP" ? Array("*-1\r\n".utf8) : nil } }
        #expect(rig.ask(client, "WATCH", rig.key(on: 0)) == "+OK\r\n")
        #expect(rig.ask(client, "BLPOP", rig.key(on: 1), "1") == "*-1\r\n")
        if isLost { rig.lose(try #require(client.ref.pointee.state?.pointee.leases?[0])) }
        #expect(rig.ask(client, "UNWATCH") == "+OK\r\n")
        for shard in 0..<2 { #expect(rig.engine.pools[0].shards[shard].leaseCount == 0) }
        #expect(client.ref.pointee.state == nil)
    }

    /// Goal: an EXEC that is never sent leaves no watch on the line. Method: its server takes nothing more, until it is
    /// late.
    @Test func anExecThatIsNeverSentLeavesNoWatchOnTheLine() throws {
        let rig = try EngineRig(pool: { $0.backend.timeoutMs = 100 })
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "WATCH", key) == "+OK\r\n")
        let line = try #require(client.ref.pointee.state?.pointee.leases?[0])
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "SET", key, "v") == "+QUEUED\r\n")
        line.pointee.wantsWrite = true
        client.got = []
        rig.send(client, rig.request("EXEC"))
        rig.advance(ms: 110)
        #expect(client.text.hasPrefix("-TIMEOUT") && client.text.contains("nothing was executed"))
        rig.engine.unblocked(line)
        rig.settle()
        #expect(rig.backends[0].seen.last == ["UNWATCH"])
        #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
    }

    /// Goal: UNWATCH works while its shard is refused everything, and leaves no watch on the line.
    @Test func unwatchIsNeverRefused() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "WATCH", rig.key(on: 0)) == "+OK\r\n")
        let line = try #require(client.ref.pointee.state?.pointee.leases?[0])
        line.pointee.inFlightMax = 0
        #expect(rig.ask(client, "UNWATCH") == "+OK\r\n")
        #expect(rig.backends[0].seen.last == ["UNWATCH"])
    }

    @Test func anExecThatIsRefusedLeavesNoWatchOnTheLine() throws {
        let rig = try EngineRig(pool: { $0.backend.queueSizeBytesMax = 2_000 })
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "WATCH", key) == "+OK\r\n")
        let line = try #require(client.ref.pointee.state?.pointee.leases?[0])
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        for _ in 0..<9 { #expect(rig.ask(client, "SET", key, "v") == "+QUEUED\r\n") }
        line.pointee.inFlightMax = 0
        #expect(rig.ask(client, "EXEC").hasPrefix("-OVERLOADED"))
        #expect(rig.backends[0].seen.last == ["UNWATCH"])
        #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
    }

    /// Goal: a client that is cut by a reply on a line of its own takes that line with it once, whatever comes behind.
    /// Method: it takes nothing, and more replies than it may have waiting come in one read.
    @Test func aClientThatIsCutByItsOwnLineTakesItAlong() throws {
        let rig = try EngineRig(options: { $0.outputSizeBytesMax = 30_000 })
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, String(repeating: "v", count: 9_000)) == "+OK\r\n")
        #expect(rig.ask(client, "WATCH", key) == "+OK\r\n")
        for _ in 0..<60 { #expect(rig.ask(client, "GET", "none", key).hasPrefix("-ERR")) }
        client.windowBytes = 0
        rig.backends[0].isFrozen = true
        rig.send(client, (0..<6).flatMap { _ in rig.request("GET", key) })
        rig.thaw(0)
        #expect(!client.isOpen)
        #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
    }

    @Test func aClientThatLeavesInTheMiddleLeavesNothingBehind() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "WATCH", rig.key(on: 0)) == "+OK\r\n")
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "SET", rig.key(on: 0), "v") == "+QUEUED\r\n")
        rig.disconnect(client)
        #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
        #expect(rig.engine.clientCount == 0)
    }

    @Test func aBlockingCommandHasALineAndIsFollowedInOrder() throws {
        let rig = try EngineRig()
        rig.backends[0].lie = { $0[0] == "BLPOP" ? [] : nil }
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.send(client, rig.request("SET", key, "v") + rig.request("BLPOP", key, "0") + rig.request("GET", key))
        #expect(client.text == "+OK\r\n")
        #expect(rig.engine.pools[0].shards[0].leaseCount == 1)
        let line = try #require(client.ref.pointee.state?.pointee.leases?[0])
        rig.advance(ms: 60_000)
        #expect(client.text == "+OK\r\n", "no deadline")
        rig.reply(line, "*-1\r\n")
        #expect(client.text == "+OK\r\n*-1\r\n$1\r\nv\r\n")
        #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
    }

    @Test func aBlockedClientThatLeavesTakesItsLineWithIt() throws {
        let rig = try EngineRig()
        rig.backends[0].lie = { $0[0] == "BLPOP" ? [] : nil }
        let client = rig.connect()
        rig.send(client, rig.request("BLPOP", rig.key(on: 0), "0"))
        #expect(rig.engine.settle(client.ref)?.contains(.end) == true)
        rig.disconnect(client)
        #expect(rig.engine.pools[0].shards[0].leaseCount == 0)
        #expect(rig.engine.pools[0].shards[0].transferCount == 0)
    }

    @Test func popsFromTwoShardsAreRefused() throws {
        let rig = try EngineRig()
        let reply = rig.ask(rig.connect(), "BLPOP", rig.key(on: 0), rig.key(on: 1), "0")
        #expect(reply.hasPrefix("-CROSSSLOT Keys of 'blpop' are on different shards"))
    }
}
