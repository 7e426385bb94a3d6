// The spare pool: what it serves while a shard is down, and for how long what is written there lives.

import Routing
import Telemetry
import Testing
import Upstream

@testable import Session

struct EngineGutterTests {
    /// Three shards, of which the first is down, and one that stands in.
    private func rig() throws -> (rig: EngineRig, client: FakeClient) {
        let rig = try EngineRig(
            spareCount: 1,
            pool: {
                $0.failureMode = .gutter(pool: "spare", ttlMs: 700)
                $0.backend.timeoutMs = 100
                $0.backend.breaker.failureCountMax = 2
            })
        let client = rig.connect()
        _ = rig.ask(client, "SET", rig.key(on: 0), "before")
        rig.backends[0].isFrozen = true
        let read = rig.request("GET", rig.key(on: 0))
        rig.send(client, read + read)
        rig.advance(ms: 110)
        client.got = []
        return (rig, client)
    }

    @Test func commandsOfOneKeyAreServedThere() throws {
        let (rig, client) = try rig()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        #expect(rig.backends[3].seen.last == ["PEXPIRE", key, "700"])
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
    }

    @Test(arguments: [
        (["EXISTS"], ":1\r\n"), (["DEL"], ":1\r\n"), (["MGET"], "*1\r\n$1\r\nv\r\n"), (["MSET", "w"], "+OK\r\n"),
    ])
    func commandsThatSplitAreServedThereWithOneKeyToo(words: [String], reply: String) throws {
        let (rig, client) = try rig()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        #expect(rig.ask(client, [words[0], key] + words.dropFirst()) == reply)
        if words[0] == "MSET" { #expect(rig.backends[3].seen.last == ["PEXPIRE", key, "700"]) }
    }

    @Test func aSlowStandInIsNamedInTheSlowLog() throws {
        let (rig, client) = try rig()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "GET", key)
        rig.backends[3].isFrozen = true
        rig.send(client, rig.request("GET", key))
        rig.nowMs += 150
        rig.thaw(3)
        #expect(rig.engine.shared.slowLog.latest(1).map(\.request.shard) == ["s3"])
    }

    @Test func severalKeysOfSeveralShardsAreServed() throws {
        let (rig, client) = try rig()
        let (down, up) = (rig.key(on: 0), rig.key(on: 1))
        #expect(rig.ask(client, "MSET", down, "1", up, "2") == "+OK\r\n")
        #expect(rig.ask(client, "MGET", up, down) == "*2\r\n$1\r\n2\r\n$1\r\n1\r\n")
        #expect(rig.backends[1].store.keys.contains(up) && rig.backends[3].store.keys.contains(down))
    }
}
