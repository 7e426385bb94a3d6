// Reads that take too long and are asked twice: one reply, the first, and never in the wrong place.

import Routing
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineHedgesTests {
    private func rig(percent: Int = 20) throws -> EngineRig {
        try EngineRig(pool: {
            $0.backend.hedgesReads = true
            $0.backend.repeatPercent = percent
            $0.backend.repeatsPerSecond = percent
            $0.backend.timeoutMs = 1_000
            $0.backend.breaker.failureCountMax = 0
        })
    }

    private func hedged(_ rig: EngineRig) -> Int { rig.counters.snapshot().pools[0].servers[0].values[.hedged] }

    /// A client that has written a key of the first shard.
    private func writer(_ rig: EngineRig) -> (client: FakeClient, key: String) {
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        client.got = []
        return (client, key)
    }

    /// The same, and it has read for so long, from a server that is frozen, that it was asked twice.
    private func frozenRead(_ rig: EngineRig) -> (client: FakeClient, key: String) {
        let (client, key) = writer(rig)
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", key))
        rig.advance(ms: 10)
        return (client, key)
    }

    /// A connection that answers nothing any more; others of the same server do.
    private func stall(_ rig: EngineRig) { rig.stall(rig.engine.pools[0].shards[0].lines[0]) }

    @Test func aStalledConnectionDoesNotStallAReader() throws {
        let rig = try rig()
        let (client, key) = writer(rig)
        stall(rig)
        #expect(rig.ask(client, "GET", key) == "")
        rig.advance(ms: 10)
        #expect(client.text == "$1\r\nv\r\n" && hedged(rig) == 1)
        // The first asking's reply finds nobody, and the next request its own.
        client.got = []
        rig.send(client, rig.request("SET", key, "w") + rig.request("GET", key))
        rig.unstall()
        rig.settle()
        #expect(client.text == "+OK\r\n$1\r\nw\r\n")
        #expect(rig.engine.unansweredCount == 0)
    }

    @Test func theFirstAskingMayWinToo() throws {
        let rig = try rig()
        let (client, key) = frozenRead(rig)
        #expect(hedged(rig) == 1 && client.text == "")
        rig.thaw(0)
        rig.advance(ms: 10)
        #expect(client.text == "$1\r\nv\r\n")
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
        #expect(rig.engine.unansweredCount == 0)
    }

    /// Goal: a read does not overtake a write of its own client that waits on the same connection. Method: both there.
    @Test func readsWithSomethingBeforeThemAreAskedOnce() throws {
        let rig = try rig()
        let (client, key) = writer(rig)
        stall(rig)
        rig.send(client, rig.request("SET", key, "w") + rig.request("GET", key))
        rig.advance(ms: 50)
        #expect(hedged(rig) == 0)
        rig.unstall()
        rig.settle()
        #expect(client.text == "+OK\r\n$1\r\nw\r\n")
    }

    @Test func writesAndReadsWithSomethingBehindThemAreAskedOnce() throws {
        let rig = try rig()
        let (client, key) = writer(rig)
        stall(rig)
        rig.send(client, rig.request("GET", key) + rig.request("SET", key, "w"))
        rig.advance(ms: 50)
        #expect(hedged(rig) == 0)
        rig.unstall()
        rig.settle()
        #expect(client.text == "$1\r\nv\r\n+OK\r\n")
    }

    @Test func nothingOfTheClientOvertakesWhileTwoAreAsked() throws {
        let rig = try rig()
        let (client, key) = frozenRead(rig)
        rig.send(client, rig.request("SET", key, "w"))
        #expect(!client.pending.isEmpty, "it is not read yet")
        rig.thaw(0)
        rig.advance(ms: 10)
        #expect(client.text == "$1\r\nv\r\n+OK\r\n")
    }

    @Test func whereBothAreLateThereIsOneError() throws {
        let rig = try rig()
        let (client, _) = frozenRead(rig)
        for _ in 0..<3 { rig.advance(ms: 1_000) }
        #expect(client.text.components("-") >= 1 && client.text.components("\r\n") == 1, "\(client.text)")
        #expect(rig.engine.unansweredCount == 0)
    }

    @Test func aLostConnectionLeavesItToTheOther() throws {
        let rig = try rig()
        let (client, _) = frozenRead(rig)
        rig.lose(rig.engine.pools[0].shards[0].lines[0])
        #expect(client.text == "")
        rig.thaw(0)
        rig.advance(ms: 100)
        #expect(client.text == "$1\r\nv\r\n")
    }

    @Test func aClientThatLeavesLeavesNothingBehind() throws {
        let rig = try rig()
        let (client, key) = frozenRead(rig)
        rig.disconnect(client)
        rig.thaw(0)
        rig.advance(ms: 10)
        #expect(rig.engine.unansweredCount == 0)
        #expect(rig.ask(rig.connect(), "GET", key) == "$1\r\nv\r\n")
    }

    @Test func withoutABudgetNothingIsAskedTwice() throws {
        let rig = try rig(percent: 0)
        let (client, key) = writer(rig)
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", key))
        rig.advance(ms: 100)
        #expect(hedged(rig) == 0)
    }
}
