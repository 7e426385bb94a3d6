import Platform
import Telemetry
import Testing

@testable import Session

struct EngineSlowLogTests {
    private func rig(shardCount: Int = 2, showsKeys: Bool = true) throws -> EngineRig {
        try EngineRig(
            shardCount: shardCount,
            options: { options in
                options.slowLog.slowMs = 100
                options.slowLog.showsKeys = showsKeys
            })
    }

    /// The shard answers nothing for so long.
    private func stall(_ rig: EngineRig, _ shard: Int, ms: UInt64, _ send: () -> Void) {
        rig.backends[shard].isFrozen = true
        send()
        rig.nowMs += ms
        rig.thaw(shard)
        rig.settle()
    }

    @Test func aRequestThatItsServerHoldsUpIsLoggedWithItsKey() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 1)
        _ = rig.ask(client, "GET", key)
        stall(rig, 1, ms: 150) { rig.send(client, rig.request("GET", "ab" + key) + rig.request("GET", key)) }
        let slow = rig.engine.shared.slowLog.latest(10).map(\.request).filter { $0.key == Array(key.utf8) }
        let request = try #require(slow.first)
        #expect(slow.count == 1 && request.command == "get" && request.shard == "s1" && request.pool == "main")
        #expect((request.totalUs, request.queueUs, request.backendUs, request.mergeUs) == (150_000, 0, 150_000, 0))
        #expect(request.outcome == "answered")
    }

    @Test func whatIsFasterIsNotLoggedAndKeysOnlyWhereAllowed() throws {
        let rig = try rig(shardCount: 1, showsKeys: false)
        let client = rig.connect()
        stall(rig, 0, ms: 99) { rig.send(client, rig.request("GET", "k")) }
        #expect(rig.engine.shared.slowLog.latest(10).isEmpty)
        stall(rig, 0, ms: 100) { rig.send(client, rig.request("SET", "k", "secret")) }
        let slow = rig.engine.shared.slowLog.latest(10)
        #expect(slow.map(\.request.command) == ["set"] && slow[0].request.key.isEmpty)
    }

    @Test func ofARequestOverTwoShardsTheSlowerOneIsNamed() throws {
        let rig = try rig()
        let client = rig.connect()
        let keys = [rig.key(on: 0), rig.key(on: 1)]
        _ = rig.ask(client, "MGET", keys[0], keys[1])
        stall(rig, 1, ms: 200) { rig.send(client, rig.request("MGET", keys[0], keys[1])) }
        let slow = rig.engine.shared.slowLog.latest(10).map(\.request)
        #expect(slow.map(\.command) == ["mget"] && slow[0].shard == "s1" && slow[0].backendUs == 200_000)
    }

    @Test func aTimeoutIsLoggedAsOne() throws {
        let rig = try rig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "GET", "k")
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", "k"))
        rig.advance(ms: 5_001)
        #expect(client.text.contains("TIMEOUT"))
        let slow = rig.engine.shared.slowLog.latest(10).map(\.request)
        #expect(slow.map(\.outcome) == ["timed out"] && slow[0].backendUs >= 5_000_000)
    }

    @Test func theCommandShowsTheNewestFirstAndForgetsOnDemand() throws {
        let rig = try rig(shardCount: 1)
        let client = rig.connect()
        for _ in 0..<3 { stall(rig, 0, ms: 120) { rig.send(client, rig.request("GET", "k")) } }
        #expect(rig.ask(client, "KEYWAY", "SLOWLOG", "2").hasPrefix("*2\r\n*24\r\n$2\r\nid\r\n:2\r\n"))
        #expect(rig.ask(client, "KEYWAY", "SLOWLOG", "RESET") == "+OK\r\n")
        #expect(rig.ask(client, "KEYWAY", "SLOWLOG") == "*0\r\n")
        stall(rig, 0, ms: 120) { rig.send(client, rig.request("GET", "k")) }
        #expect(rig.engine.shared.slowLog.latest(1).map(\.number) == [3])
        #expect(rig.ask(client, "KEYWAY", "SLOWLOG", "x").hasPrefix("-ERR"))
    }

    @Test func statsAndLatencySayWhatWasCounted() throws {
        let rig = try rig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "GET", "k")
        let stats = rig.ask(client, "KEYWAY", "STATS")
        #expect(stats.contains("$8\r\ncommands\r\n:2\r\n") && stats.contains("$7\r\nlookups\r\n:1\r\n"))
        let latency = rig.ask(client, "KEYWAY", "LATENCY")
        #expect(latency.contains("$3\r\nget\r\n*12\r\n$5\r\ncalls\r\n:1\r\n"))
    }
}
