// KEYWAY EXPLAIN: what this process knows beside the config.

import Hashing
import Routing
import Testing
import Upstream

@testable import Session

@Suite struct EngineExplainTests {
    /// The reply in RESP3, its maps as dictionaries of texts.
    private struct Explained {
        private let reply: ReplyValue

        init(_ rig: EngineRig, _ client: FakeClient, _ words: String...) throws {
            _ = rig.ask(client, "HELLO", "3")
            let text = rig.ask(client, ["KEYWAY", "EXPLAIN"] + words)
            reply = try #require(ReplyValue(parsing: Array(text.utf8)), "\(text)")
        }

        func rows(_ name: String) -> [[String: String]] {
            let rows = reply.pairs?.first { $0.key.text == name }?.value.elements ?? []
            return rows.map { row in
                Dictionary(
                    uniqueKeysWithValues: (row.pairs ?? []).map {
                        ($0.key.text!, $0.value.text ?? $0.value.integer.map(String.init) ?? "")
                    })
            }
        }
    }

    @Test func itNamesHashPointShardAndBreaker() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let key = rig.key(on: 2)
        let place = try #require(rig.engine.pools[0].placement.place(of: Array(key.utf8)))
        let explained = try Explained(rig, client, "GET", key)
        #expect(
            explained.rows("keys") == [
                [
                    "key": key, "hashed": key, "hash": "\(place.hash)", "point": "\(place.point)", "shard": "s2",
                    "address": "/nowhere/2", "copies": "none",
                ]
            ])
        #expect(explained.rows("fragments").map { $0["breaker"] } == ["closed"])
    }

    @Test func anOpenBreakerIsShown() throws {
        let rig = try EngineRig(pool: { $0.backend.breaker.failureCountMax = 2 })
        let client = rig.connect()
        let keys = [rig.key(on: 0), rig.key(on: 1)]
        _ = rig.ask(client, "GET", keys[0])
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", keys[0]) + rig.request("GET", keys[0]))
        rig.advance(ms: 5_001)
        let explained = try Explained(rig, client, "MGET", keys[1], keys[0])
        #expect(explained.rows("fragments").map { $0["shard"] } == ["s1", "s0"])
        #expect(explained.rows("fragments").map { $0["breaker"] } == ["closed", "open"])
    }

    @Test func itIsRefusedAsTheCommandItself() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "KEYWAY", "EXPLAIN", "NOSUCH") == "-ERR unknown command 'NOSUCH'\r\n")
        #expect(rig.ask(client, "KEYWAY", "EXPLAIN", "GET") == rig.ask(client, "GET"))
        #expect(rig.ask(client, "KEYWAY", "EXPLAIN", "EVAL", "x", "-1").contains("Number of keys can't be negative"))
    }
}
