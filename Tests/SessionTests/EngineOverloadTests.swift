// A shard with more to do than it can: what is refused, and who gives way.

import Platform
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineOverloadTests {
    /// Goal: the newest requests find room where the oldest give way, and nothing that was shed is executed. Method:
    /// the socket to the server takes nothing.
    @Test func theOldestGiveWayWhereThePoolSaysSo() throws {
        let rig = try EngineRig(pool: {
            $0.backend.inFlightMax = 8
            $0.backend.shedsOldest = true
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "first")
        client.got = []
        client.pending = (0..<16).flatMap { rig.request("APPEND", key, "\($0),") }
        rig.receiveAll(client)
        rig.backends[0].lie = { words in
            words[0] == "APPEND" ? Array(":\(words[2])\r\n".replacing(",", with: "").utf8) : nil
        }
        rig.settle()
        let replies = client.text.split(separator: "\r\n")
        #expect(replies.count == 16)
        #expect(replies.prefix(8).allSatisfy { $0.hasPrefix("-OVERLOADED the queue of shard s0") }, "\(replies)")
        #expect(replies.suffix(8) == (8..<16).map { ":\($0)" })
        #expect(rig.backends[0].seen.filter { $0[0] == "APPEND" }.count == 8)
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.shed] == 8)
    }

    @Test func aTransactionLeavesWhole() throws {
        let rig = try EngineRig(pool: {
            $0.backend.inFlightMax = 8
            $0.backend.shedsOldest = true
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        client.got = []
        client.pending =
            rig.request("MULTI") + rig.request("GET", key) + rig.request("GET", key) + rig.request("EXEC")
            + (0..<9).flatMap { _ in rig.request("GET", key) }
        rig.receiveAll(client)
        rig.settle()
        let text = client.text
        #expect(text.hasPrefix("+OK\r\n+QUEUED\r\n+QUEUED\r\n-OVERLOADED"), "\(text)")
        #expect(rig.backends[0].seen.filter { $0[0] == "MULTI" || $0[0] == "EXEC" }.isEmpty)
        #expect(text.components("$1\r\nv\r\n") + text.components("-OVERLOADED") == 10)
    }

    @Test func bytesCountToo() throws {
        let rig = try EngineRig(pool: {
            $0.backend.queueSizeBytesMax = 4_000
            $0.backend.shedsOldest = true
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        client.got = []
        let value = String(repeating: "x", count: 1_000)
        client.pending = (0..<10).flatMap { _ in rig.request("SET", key, value) }
        rig.receiveAll(client)
        #expect(rig.engine.pools[0].shards[0].lines[0].pointee.out.sizeBytes <= 4_000)
        rig.settle()
        #expect(client.text.components("+OK\r\n") == 3 && client.text.components("server_queue_limit") == 7)
    }

    @Test func theLimitFollowsAServerThatSlowsDown() throws {
        let rig = try EngineRig(pool: {
            $0.backend.followsSpeed = true
            $0.backend.inFlightMax = 1_000
            $0.backend.timeoutMs = 0
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        let line = { rig.engine.pools[0].shards[0].lines[0] }
        func window(inFlight: Int, replies: Int) {
            line().pointee.load.readCount = 10
            line().pointee.load.inFlightSum = inFlight * 10
            line().pointee.load.replyCount = replies
            rig.advance(ms: 1_000)
            rig.engine.keepHouse()
        }
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        window(inFlight: 10, replies: 10_000)
        #expect(line().pointee.inFlightMax == 1_000)
        for _ in 0..<20 { window(inFlight: min(400, line().pointee.inFlightMax), replies: 100) }
        #expect(line().pointee.inFlightMax == 8)
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, (0..<10).flatMap { _ in rig.request("GET", key) })
        rig.thaw(0)
        #expect(client.text.components("-OVERLOADED") == 2 && client.text.contains("server_in_flight: adaptive"))
    }
}
