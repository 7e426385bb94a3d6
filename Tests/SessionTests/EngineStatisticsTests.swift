import Platform
import Routing
import Telemetry
import Testing
import Upstream

@testable import Session

struct EngineStatisticsTests {
    private func values(_ rig: EngineRig, _ shard: Int) -> MetricValues<ServerMetric> {
        rig.counters.snapshot().pools[0].servers[shard].values
    }

    private func command(_ rig: EngineRig, _ name: String) throws -> HistogramValues? {
        let index = try #require(rig.counters.layout.commands.firstIndex(of: name))
        return rig.counters.latencies().pools[0].commands[index]
    }

    @Test func keysThatAreThereAndKeysThatAreNotAreCountedAtTheirShard() throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        let (here, there) = (rig.key(on: 0, "a"), rig.key(on: 1, "b"))
        #expect(rig.ask(client, "SET", here, "1") == "+OK\r\n")
        #expect(rig.ask(client, "GET", here) == "$1\r\n1\r\n")
        #expect(rig.ask(client, "GET", there) == "$-1\r\n")
        #expect((values(rig, 0)[.lookups], values(rig, 0)[.misses]) == (1, 0))
        #expect((values(rig, 1)[.lookups], values(rig, 1)[.misses]) == (1, 1))
        // Several keys: over both shards, and on one alone.
        _ = rig.ask(client, "MGET", here, there, rig.key(on: 0, "c"))
        #expect((values(rig, 0)[.lookups], values(rig, 0)[.misses]) == (3, 1))
        #expect((values(rig, 1)[.lookups], values(rig, 1)[.misses]) == (2, 2))
        _ = rig.ask(client, "MGET", here, rig.key(on: 0, "c"), rig.key(on: 0, "d"))
        #expect((values(rig, 0)[.lookups], values(rig, 0)[.misses]) == (6, 3))
        // An empty reply that is no look-up's.
        rig.backends[0].lie = { $0[0] == "LPOP" ? Array("$-1\r\n".utf8) : nil }
        #expect(rig.ask(client, "LPOP", here) == "$-1\r\n")
        #expect((values(rig, 0)[.lookups], values(rig, 0)[.misses]) == (6, 3))
    }

    @Test func whatIsRefusedIsNoLookup() throws {
        let rig = try EngineRig(shardCount: 1, pool: { $0.backend.inFlightMax = 1 })
        let client = rig.connect()
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", "a") + rig.request("GET", "b") + rig.request("MGET", "c", "d"))
        #expect(values(rig, 0)[.lookups] == 1 && values(rig, 0)[.overloaded] == 2)
    }

    @Test func errorsAreCountedByTheirFirstWord() throws {
        let rig = try EngineRig(shardCount: 2)
        let client = rig.connect()
        _ = rig.ask(client, "RENAME", rig.key(on: 0), rig.key(on: 1))
        _ = rig.ask(client, "NONSENSE")
        let pool = rig.counters.snapshot().pools[0].values
        #expect((pool[.errorsMade], pool[.errorsCrossslot], pool[.errorsOther]) == (2, 1, 1))
    }

    /// Goal: a request's time is parted between Keyway and its server, and its client's wait is that of its command.
    @Test func timesAreThoseOfTheQueueTheServerAndTheClient() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "GET", "k")
        let before = rig.counters.latencies().pools[0].servers[0]
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", "k") + rig.request("GET", "k"))
        rig.nowMs += 30
        rig.backends[0].isFrozen = false
        for connection in rig.connections.values { connection.work() }
        rig.settle()
        let after = rig.counters.latencies().pools[0].servers[0]
        let (queue, backend) = (after.queue.since(before.queue), after.backend.since(before.backend))
        #expect((backend.count, backend.sumUs) == (2, 60_000))
        #expect((queue.count, queue.sumUs) == (2, 0))
        let gets = try #require(try command(rig, "get"))
        #expect((gets.count, gets.sumUs) == (3, 60_000))
    }

    @Test func whatWaitsForAConnectionWaitsInTheQueue() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        rig.backends[0].isRefusing = true
        rig.send(client, rig.request("GET", "k"))
        rig.backends[0].isRefusing = false
        rig.advance(ms: 500)
        #expect(client.text == "$-1\r\n")
        let times = rig.counters.latencies().pools[0].servers[0]
        #expect((times.queue.count, times.queue.sumUs, times.backend.sumUs) == (1, 500_000, 0))
    }

    @Test func commandsThatKeywayAnswersAndThoseItDoesNotKnowHaveTimesToo() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "PING")
        _ = rig.ask(client, "KEYWAY", "HELP")
        #expect(try command(rig, "ping")?.count == 1)
        #expect(try command(rig, "other")?.count == 1)
        #expect(try command(rig, "get") == nil)
    }

    @Test func messagesAreNoReplies() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        _ = rig.ask(client, "SUBSCRIBE", "news")
        #expect(client.text.contains("subscribe"))
        #expect(rig.counters.latencies().pools[0].commands.values.allSatisfy { $0.sumUs == 0 })
    }
}
