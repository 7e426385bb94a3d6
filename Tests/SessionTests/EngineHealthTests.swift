// A shard that fails is left alone, checked, and let back in; and nobody else notices.

import Platform
import Routing
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineHealthTests {
    private func rig(_ change: @escaping (inout PoolOptions) -> Void = { _ in }) throws -> EngineRig {
        try EngineRig(pool: {
            $0.backend.timeoutMs = 300
            $0.backend.breaker.failureCountMax = 3
            $0.backend.breaker.trickleMs = 0
            change(&$0)
        })
    }

    private func values(_ rig: EngineRig, _ shard: Int = 0) -> MetricValues<ServerMetric> {
        rig.counters.snapshot().pools[0].servers[shard].values
    }

    private func freeze(_ rig: EngineRig, _ client: FakeClient, count: Int = 3) -> String {
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, (0..<count).flatMap { _ in rig.request("GET", key) })
        rig.advance(ms: 310)
        return key
    }

    @Test func aFrozenShardIsLeftAloneAfterItsTimeouts() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = freeze(rig, client)
        #expect(client.text.components("-TIMEOUT") == 3)
        let seen = rig.backends[0].seen.count
        let error = rig.ask(client, "GET", key)
        #expect(error.hasPrefix("-SHARDDOWN shard s0 (/nowhere/0): 3 requests in a row got no answer"), "\(error)")
        #expect(error.contains("nothing was executed; next attempt in"))
        #expect(rig.ask(client, "SET", rig.key(on: 1), "v") == "+OK\r\n", "the others go on")
        #expect(rig.backends[0].seen.count == seen)
        #expect(values(rig)[.breakerState] == 2 && values(rig)[.breakerOpenings] == 1)
        let events = rig.engine.shared.events.latest(1)
        #expect(events.count == 1 && events[0].subject == "s0 (/nowhere/0)" && events[0].text.hasPrefix("down: "))
    }

    @Test func itComesBackAfterACheckThatItPasses() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = freeze(rig, client)
        rig.thaw(0)
        #expect(rig.ask(client, "GET", key).hasPrefix("-SHARDDOWN"), "not before its check")
        rig.advance(ms: 1_010)
        #expect(rig.backends[0].seen.suffix(2) == [["PING"], ["ROLE"]])
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
        #expect(values(rig)[.breakerState] == 0 && values(rig)[.checks] == 1 && values(rig)[.checksFailed] == 0)
        #expect(rig.engine.shared.events.latest(1)[0].text == "up again")
    }

    @Test func aCheckThatIsNotAnsweredKeepsItOutForLonger() throws {
        let rig = try rig { $0.backend.connectTimeoutMs = 200 }
        let client = rig.connect()
        let key = freeze(rig, client)
        rig.advance(ms: 1_010)
        rig.advance(ms: 210)
        #expect(values(rig)[.checksFailed] == 1)
        let error = rig.ask(client, "GET", key)
        #expect(error.contains("failed its check: it did not answer a check within 200 ms"), "\(error)")
        rig.advance(ms: 1_500)
        #expect(values(rig)[.checks] == 1, "the next one comes after two seconds")
        rig.advance(ms: 510)
        #expect(values(rig)[.checks] == 2)
        rig.thaw(0)
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
    }

    @Test(arguments: ["-LOADING data\r\n", "-MASTERDOWN link\r\n", "-BUSY script\r\n"])
    func aServersOwnWordsAskForACheckThatDecides(error: String) throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].lie = { $0[0] == "GET" ? Array(error.utf8) : nil }
        #expect(rig.ask(client, "GET", key) == error)
        #expect(values(rig)[.checks] == 1 && values(rig)[.unwellReplies] == 1)
        #expect(rig.ask(client, "GET", key) == error, "PING says that all is well, so a script may have said it")
        rig.backends[0].lie = { $0[0] == "GET" || $0[0] == "PING" ? Array(error.utf8) : nil }
        rig.advance(ms: 200)
        #expect(rig.ask(client, "GET", key) == error)
        let refused = rig.ask(client, "GET", key)
        #expect(refused.hasPrefix("-SHARDDOWN shard s0"))
        #expect(refused.contains(error.dropFirst().dropLast(2)), "\(refused)")
        rig.backends[0].lie = nil
        rig.advance(ms: 1_010)
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
    }

    @Test func errorsOfRequestsOpenNothing() throws {
        let rig = try rig()
        let client = rig.connect()
        rig.backends[0].lie = { $0[0] == "GET" ? Array("-OOM command not allowed\r\n".utf8) : nil }
        for _ in 0..<50 { #expect(rig.ask(client, "GET", rig.key(on: 0)).hasPrefix("-OOM")) }
        #expect(values(rig)[.errorReplies] == 50 && values(rig)[.unwellReplies] == 50 && values(rig)[.checks] == 0)
    }

    @Test(arguments: [
        ("*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n", ExpectedRole.replica, "it is a primary"),
        ("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1\r\n", .primary, "it is a replica"),
        ("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$7\r\nconnect\r\n:1\r\n", .any, "link to its primary is 'connect'"),
    ])
    func aServerOfAnotherRoleGetsNoRequests(role: String, expected: ExpectedRole, text: String) throws {
        let rig = try rig {
            $0.backend.expectedRole = expected
            $0.backend.checkIntervalMs = 1_000
        }
        let client = rig.connect()
        rig.backends[0].lie = { $0[0] == "ROLE" ? Array(role.utf8) : nil }
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.advance(ms: 1_010)
        #expect(rig.ask(client, "GET", key).contains(text))
    }

    @Test func regularChecksFindAFrozenShardThatNobodyAsks() throws {
        let rig = try rig {
            $0.backend.checkIntervalMs = 500
            $0.backend.connectTimeoutMs = 100
        }
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.advance(ms: 510)
        #expect(values(rig)[.checks] == 1 && values(rig)[.breakerState] == 0)
        rig.backends[0].isFrozen = true
        for _ in 0..<30 { rig.advance(ms: 100) }
        #expect(rig.ask(client, "GET", key).hasPrefix("-SHARDDOWN"))
    }

    @Test func anotherWorkersWordMakesACheckAndTheCheckDecides() throws {
        let rig = try rig { $0.backend.connectTimeoutMs = 100 }
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.engine.beForewarned(0, 0)
        rig.settle()
        #expect(values(rig)[.checks] == 1 && rig.ask(client, "GET", key) == "$1\r\nv\r\n")
        rig.backends[0].isFrozen = true
        rig.engine.beForewarned(0, 0)
        rig.settle()
        rig.advance(ms: 110)
        #expect(rig.ask(client, "GET", key).hasPrefix("-SHARDDOWN"))
    }

    @Test func theTrickleLetsAShareThroughAndSaysSo() throws {
        let rig = try rig { $0.backend.breaker.trickleMs = 1_000 }
        let client = rig.connect()
        let key = freeze(rig, client)
        rig.thaw(0)
        rig.advance(ms: 1_010)
        func share() -> Int {
            client.got = []
            rig.send(client, (0..<200).flatMap { _ in rig.request("GET", key) })
            return client.text.components("$1\r\nv\r\n")
        }
        #expect((5...40).contains(share()))
        #expect(client.text.contains("% of its requests so far (breaker_trickle of pool main)"))
        rig.advance(ms: 500)
        #expect((80...140).contains(share()))
        rig.advance(ms: 510)
        #expect(share() == 200)
    }

    @Test func whatWaitsUnwrittenIsAnsweredWhenTheBreakerOpens() throws {
        let rig = try rig()
        let client = rig.connect()
        let other = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        rig.backends[0].isFrozen = true
        rig.send(client, (0..<3).flatMap { _ in rig.request("GET", key) })
        rig.advance(ms: 290)
        // The server's socket takes no more: these stay here.
        other.pending = rig.request("SET", key, "x")
        rig.receiveAll(other)
        rig.engine.setTime(us: (rig.nowMs + 20) * 1_000)
        rig.engine.runTimers()
        rig.nowMs += 20
        rig.settle()
        #expect(other.text.hasPrefix("-SHARDDOWN"), "\(other.text)")
        rig.thaw(0)
        #expect(rig.backends[0].store[key] == Array("v".utf8), "nothing was executed")
    }

    @Test func manyLostConnectionsInARowOpenItToo() throws {
        let rig = try rig {
            $0.backend.repeatPercent = 0
            $0.backend.repeatsPerSecond = 0
        }
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        for _ in 0..<3 {
            rig.backends[0].isFrozen = true
            client.got = []
            rig.send(client, rig.request("SET", key, "v"))
            rig.lose(0)
            #expect(client.text.hasPrefix("-CONNLOST"))
            rig.backends[0].isFrozen = false
            rig.advance(ms: 100)
        }
        #expect(rig.ask(client, "GET", key).hasPrefix("-SHARDDOWN"))
    }

    @Test func healthAndEventsCanBeAskedFor() throws {
        let rig = try rig()
        let client = rig.connect()
        _ = freeze(rig, client)
        let health = rig.ask(client, "KEYWAY", "HEALTH")
        #expect(health.hasPrefix("*3\r\n"))
        #expect(health.contains("$4\r\nopen\r\n") && health.contains("$6\r\nclosed\r\n"), "\(health)")
        let events = rig.ask(client, "KEYWAY", "EVENTS", "1")
        #expect(events.hasPrefix("*1\r\n*3\r\n:") && events.contains("down: 3 requests in a row"))
        #expect(rig.ask(client, "KEYWAY", "EVENTS", "x").hasPrefix("-ERR value is not an integer"))
    }
}
