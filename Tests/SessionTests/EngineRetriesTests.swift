// Requests whose connection was lost: what is sent again, and what is not.

import Platform
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineRetriesTests {
    private func rig(percent: Int = 20, perSecond: Int = 10) throws -> EngineRig {
        try EngineRig(pool: {
            $0.backend.repeatPercent = percent
            $0.backend.repeatsPerSecond = perSecond
        })
    }

    private func lose(_ rig: EngineRig, _ client: FakeClient, _ bytes: [UInt8]) {
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, bytes)
        rig.backends[0].isFrozen = false
        rig.lose(0)
        rig.advance(ms: 100)
    }

    @Test func readsAreSentOnceMoreAndWritesAreNot() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.backends[0].seen = []
        lose(rig, client, rig.request("SET", key, "w") + rig.request("GET", key) + rig.request("EXISTS", key))
        let replies = client.text.components("$1\r\nv\r\n") + client.text.components(":1\r\n")
        #expect(replies == 2 && client.text.components("-CONNLOST") == 1, "\(client.text)")
        #expect(client.text.contains("outcome unknown"))
        #expect(rig.backends[0].seen.filter { $0[0] == "SET" }.isEmpty)
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.retried] == 2)
    }

    /// Goal: a client never reads what it wrote later. Method: a read and behind it a write, of which nobody knows
    /// whether it was executed; another client's read is between them.
    @Test func aReadBeforeAWriteOfItsClientIsNotSentAgain() throws {
        let rig = try rig()
        let (client, other) = (rig.connect(), rig.connect())
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        other.got = []
        rig.send(client, rig.request("GET", key))
        rig.send(other, rig.request("GET", key))
        lose(rig, client, rig.request("MSET", key, "w", rig.key(on: 1), "x"))
        #expect(client.text.components("-CONNLOST") == 2, "\(client.text)")
        #expect(other.text == "$1\r\nv\r\n")
    }

    /// Goal: the same where the write has timed out already: its tombstone still knows whose it was.
    @Test func aReadBeforeALateWriteOfItsClientIsNotSentAgain() throws {
        let rig = try EngineRig(pool: {
            $0.backend.repeatPercent = 20
            $0.backend.repeatsPerSecond = 10
            $0.backend.timeoutMs = 5_000
            $0.backend.writeTimeoutMs = 200
        })
        let (client, other) = (rig.connect(), rig.connect())
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        (client.got, other.got) = ([], [])
        rig.send(client, rig.request("GET", key) + rig.request("SET", key, "w"))
        rig.send(other, rig.request("GET", key))
        rig.advance(ms: 300)
        rig.backends[0].isFrozen = false
        rig.lose(0)
        rig.advance(ms: 100)
        #expect(client.text.components("-CONNLOST") == 1 && client.text.components("-TIMEOUT") == 1, "\(client.text)")
        #expect(other.text == "$1\r\nv\r\n")
    }

    @Test func aReadIsSentOnceMoreAndNotTwice() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        rig.backends[0].lie = { $0[0] == "GET" ? [] : nil }
        client.got = []
        rig.send(client, rig.request("GET", key))
        rig.lose(0)
        rig.advance(ms: 100)
        #expect(client.text == "" && rig.backends[0].seen.count { $0[0] == "GET" } == 2)
        rig.lose(0)
        rig.advance(ms: 100)
        #expect(client.text.hasPrefix("-CONNLOST") && client.text.contains("only reads"))
    }

    @Test func theBudgetBoundsThem() throws {
        let rig = try rig(percent: 0, perSecond: 1)
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        lose(rig, client, (0..<15).flatMap { _ in rig.request("GET", key) })
        #expect(client.text.components("$1\r\nv\r\n") == 10, "what ten seconds save")
        #expect(client.text.components("-CONNLOST") == 5)
    }

    @Test func aTransactionIsNeverSentTwice() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        lose(rig, client, rig.request("MULTI") + rig.request("GET", key) + rig.request("EXEC"))
        #expect(client.text.components("-CONNLOST") == 1)
    }

    /// Goal: a part of a split read finds its way as well. Method: MGET over a shard that is lost and one that is not.
    @Test func partsAreSentOnceMore() throws {
        let rig = try rig()
        let client = rig.connect()
        let (lost, well) = (rig.key(on: 0), rig.key(on: 1))
        _ = rig.ask(client, "MSET", lost, "a", well, "b")
        lose(rig, client, rig.request("MGET", well, lost))
        #expect(client.text == "*2\r\n$1\r\nb\r\n$1\r\na\r\n")
    }

    /// Goal: a server that answers what it was not asked loses its connection, and nobody gets the lie. Method: a reply
    /// before any byte of its request is written.
    @Test func aReplyBeforeItsRequestCostsTheConnection() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        client.got = []
        client.pending = rig.request("GET", key)
        rig.receiveAll(client)
        rig.reply(rig.engine.pools[0].shards[0].lines[0], "$3\r\nlie\r\n")
        rig.advance(ms: 100)
        #expect(client.text == "$1\r\nv\r\n", "\(client.text)")
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.connects] == 2)
    }

    @Test func nothingIsKeptOnceAllIsAnswered() throws {
        let rig = try rig()
        let client = rig.connect()
        for index in 0..<200 { _ = rig.ask(client, "SET", "key\(index)", String(repeating: "x", count: index * 50)) }
        for shard in 0..<3 { #expect(rig.engine.pools[0].shards[shard].lines[0].pointee.written.isEmpty) }
    }
}
