// CLIENT TRACKING: a connection to every shard, pushes passed on, and an end with the connection.

import Testing
import Upstream

@testable import Session

@Suite struct EngineTrackingTests {
    private func tracking(_ rig: EngineRig) -> FakeClient {
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        #expect(rig.ask(client, "CLIENT", "TRACKING", "ON") == "+OK\r\n")
        return client
    }

    @Test func pushesReachTheClientThatTracks() throws {
        let rig = try EngineRig()
        let client = tracking(rig)
        #expect(rig.ask(client, "GET", rig.key(on: 1)) == "$-1\r\n")
        let line = try #require(client.ref.pointee.state?.pointee.leases?[1])
        client.got = []
        let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
        rig.reply(line, push)
        #expect(client.text == push)
        #expect(rig.ask(client, "CLIENT", "TRACKING", "OFF") == "+OK\r\n")
        #expect(client.ref.pointee.state == nil)
        #expect((0..<3).allSatisfy { rig.engine.pools[0].shards[$0].leaseCount == 0 })
    }

    @Test func aLostConnectionEndsTheClient() throws {
        let rig = try EngineRig()
        let client = tracking(rig)
        rig.lose(try #require(client.ref.pointee.state?.pointee.leases?[2]))
        #expect(!client.isOpen)
        #expect((0..<3).allSatisfy { rig.engine.pools[0].shards[$0].leaseCount == 0 })
    }

    @Test func aPushOnASharedLineIsNobodysReply() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
        rig.reply(rig.engine.pools[0].shards[0].lines[1], ">2\r\n$10\r\ninvalidate\r\n_\r\n")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
    }

    /// A reply that is handed over in pieces may go on with the byte that a push begins with.
    @Test func aPieceOfAReplyIsNoPush() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        let value = [UInt8](repeating: UInt8(ascii: ">"), count: 200_000)
        rig.backends[0].store["k"] = value
        rig.moveBytesMax = { 40_000 }
        rig.send(client, rig.request("GET", "k") + rig.request("PING"))
        #expect(client.got == FakeBackend.bulk(value) + Array("+PONG\r\n".utf8))
    }

    @Test(arguments: [["ON"], ["ON", "REDIRECT", "5"], ["MAYBE"]])
    func whatCannotBeTrackedIsRefused(words: [String]) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        if words.contains("REDIRECT") { _ = rig.ask(client, "HELLO", "3") }
        #expect(rig.ask(client, ["CLIENT", "TRACKING"] + words).hasPrefix("-"))
        #expect(rig.ask(client, "CLIENT", "TRACKINGINFO").contains("off"))
    }

    /// What the servers refuse leaves a client as it was, with connections of its own or without.
    @Test(arguments: [false, true]) func whatTheServersRefuseChangesNothing(isTracking: Bool) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        if isTracking { #expect(rig.ask(client, "CLIENT", "TRACKING", "ON") == "+OK\r\n") }
        let error = "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n"
        for backend in rig.backends { backend.lie = { $0.contains("OPTIN") ? Array(error.utf8) : nil } }
        #expect(rig.ask(client, "CLIENT", "TRACKING", "ON", "OPTIN", "OPTOUT") == error)
        #expect((0..<3).allSatisfy { rig.engine.pools[0].shards[$0].leaseCount == (isTracking ? 1 : 0) })
        #expect((client.ref.pointee.state == nil) == !isTracking)
    }

    /// One server of three refuses: the others must not go on tracking for nobody.
    @Test func whatOneServerRefusesEndsOnAll() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        rig.backends[1].lie = { $0.contains("TRACKING") ? Array("-NOPERM no\r\n".utf8) : nil }
        #expect(rig.ask(client, "CLIENT", "TRACKING", "ON").hasPrefix("-NOPERM "))
        #expect(rig.backends[0].seen.last == ["CLIENT", "TRACKING", "OFF"])
        #expect(client.ref.pointee.state == nil)
    }

    /// The connection that watches must be there at EXEC.
    @Test func theEndOfTrackingKeepsTheConnectionThatWatches() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        _ = rig.ask(client, "HELLO", "3")
        #expect(rig.ask(client, "WATCH", rig.key(on: 1)) == "+OK\r\n")
        let line = try #require(client.ref.pointee.state?.pointee.leases?[1])
        #expect(rig.ask(client, "CLIENT", "TRACKING", "ON") == "+OK\r\n")
        #expect(rig.ask(client, "CLIENT", "TRACKING", "OFF") == "+OK\r\n")
        #expect(client.ref.pointee.state?.pointee.leases?[1] == line)
        #expect(rig.ask(client, "UNWATCH") == "+OK\r\n")
        #expect((0..<3).allSatisfy { rig.engine.pools[0].shards[$0].leaseCount == 0 })
    }

    /// Goal: CLIENT CACHING holds for one command, whichever shards that goes to. Method: what each shard was sent.
    @Test func cachingEndsWithTheNextCommandOnEveryShard() throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        let keys = [rig.key(on: 0), rig.key(on: 1)]
        _ = rig.ask(client, "HELLO", "3")
        #expect(rig.ask(client, "CLIENT", "TRACKING", "ON", "OPTOUT") == "+OK\r\n")
        let caching = ["CLIENT", "CACHING", "NO"]
        for backend in rig.backends { backend.seen = [] }
        #expect(rig.ask(client, caching) == "+OK\r\n")
        #expect(rig.ask(client, "CLIENT", "GETNAME") == "_\r\n")
        #expect(rig.ask(client, "GET", keys[1]) == "$-1\r\n")
        #expect(rig.ask(client, "GET", keys[0]) == "$-1\r\n")
        #expect(rig.backends[0].seen == [caching, ["PING"], ["GET", keys[0]]])
        #expect(rig.backends[1].seen == [caching, ["GET", keys[1]], ["PING"]])
        for backend in rig.backends { backend.seen = [] }
        #expect(rig.ask(client, caching) == "+OK\r\n")
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        #expect(rig.ask(client, "GET", keys[0]) == "+QUEUED\r\n")
        #expect(rig.ask(client, "EXEC") == "*1\r\n$-1\r\n")
        #expect(rig.backends[0].seen == [caching, ["MULTI"], ["GET", keys[0]], ["EXEC"], ["PING"]])
        #expect(rig.backends[1].seen == [caching, ["PING"]])
    }
}
