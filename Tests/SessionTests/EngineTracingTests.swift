// KEYWAY TRACE: one line a traced request, the parts of its time in it, never a value; bounded, and over in time.

import Logging
import Platform
import Routing
import Telemetry
import Testing
import Upstream

@testable import Session

@Suite struct EngineTracingTests {
    /// A rig whose log is looked at, and an operator in it.
    private struct Stage {
        let log = CollectedLog()
        let rig: EngineRig
        let client: FakeClient
        private let keeper: FakeClient

        init(
            shardCount: Int = 2, showsKeys: Bool = true, slowMs: Int = 0, level: Logger.Level = .notice,
            pool change: (inout PoolOptions) -> Void = { _ in }
        ) throws {
            rig = try EngineRig(
                shardCount: shardCount,
                options: {
                    $0.slowLog.slowMs = slowMs
                    $0.slowLog.showsKeys = showsKeys
                },
                pool: {
                    $0.allowsOperatorCommands = true
                    change(&$0)
                }, log: log.logger(level))
            client = rig.connect()
            keeper = rig.connect()
        }

        func trace(_ words: String...) -> String { rig.ask(keeper, ["KEYWAY", "TRACE"] + words) }

        func traceClient() { _ = trace("CLIENT", String(client.ref.pointee.id)) }

        /// Of traced requests, in the order in which their replies went out.
        var lines: [[String: String]] { log.lines.filter { $0.text == "trace" }.map(\.fields) }

        /// What it has said beside them.
        var words: [String] { log.lines.map(\.text).filter { $0 != "trace" } }

        /// The shard answers nothing for so long.
        func stall(_ shard: Int, ms: UInt64, _ send: () -> Void) {
            rig.backends[shard].isFrozen = true
            send()
            rig.nowMs += ms
            rig.thaw(shard)
        }

        /// Nobody traces, and nothing of it is left.
        var isOver: Bool {
            rig.engine.traceOrder == nil && rig.engine.traces.isEmpty && !rig.engine.needsCare
                && rig.engine.lookMs == rig.engine.slowMs
        }
    }

    @Test func aClientsRequestsAreToldWithTheirTimes() throws {
        let stage = try Stage()
        let (rig, client, key) = (stage.rig, stage.client, stage.rig.key(on: 1))
        _ = rig.ask(client, "SET", key, "secret")
        #expect(stage.isOver)
        stage.traceClient()
        stage.stall(1, ms: 150) { rig.send(client, rig.request("GET", key)) }
        _ = rig.ask(rig.connect(), "GET", key)
        #expect(
            stage.lines == [
                [
                    "client": "\(client.ref.pointee.id)", "pool": "main", "command": "get", "key": key, "shard": "s1",
                    "queue_us": "0", "backend_us": "150000", "merge_us": "0", "order_us": "0", "total_us": "150000",
                    "reply_bytes": "12", "outcome": "answered",
                ]
            ])
        #expect(!"\(stage.log.lines)".contains("secret"))
        #expect(stage.trace("OFF") == "+OK\r\n" && stage.isOver)
        _ = rig.ask(client, "GET", key)
        #expect(stage.lines.count == 1)
    }

    /// A reply that waits for an earlier one of its client is ready long before it goes out.
    @Test func waitingForEarlierRepliesIsTimeOfItsOwn() throws {
        let stage = try Stage()
        let (rig, client) = (stage.rig, stage.client)
        let keys = [rig.key(on: 0), rig.key(on: 1)]
        for key in keys { _ = rig.ask(client, "GET", key) }
        stage.traceClient()
        stage.stall(0, ms: 90) {
            rig.send(client, rig.request("GET", keys[0]) + rig.request("GET", keys[1]) + rig.request("PING"))
        }
        #expect(stage.lines.map { $0["command"] } == ["get", "get", "ping"])
        #expect(stage.lines.map { $0["backend_us"] } == ["90000", "0", "0"])
        #expect(stage.lines.map { $0["order_us"] } == ["0", "90000", "90000"])
        #expect(stage.lines.map { $0["shard"] } == ["s0", "s1", nil], "PING has none")
    }

    @Test func ofARequestOverTwoShardsTheSlowerOneIsNamed() throws {
        let stage = try Stage(slowMs: 100)
        let (rig, client) = (stage.rig, stage.client)
        let keys = [rig.key(on: 0), rig.key(on: 1)]
        _ = rig.ask(client, "MGET", keys[0], keys[1])
        _ = stage.trace("KEYS", keys[1])
        stage.stall(1, ms: 200) { rig.send(client, rig.request("MGET", keys[0], keys[1])) }
        let line = try #require(stage.lines.first)
        #expect(stage.lines.count == 1, "the other key does not match, and one is enough")
        #expect((line["shard"], line["backend_us"], line["total_us"]) == ("s1", "200000", "200000"))
        #expect(line["key"] == keys[0], "the first one is shown")
        #expect(rig.engine.shared.slowLog.latest(9).map(\.request.shard) == ["s1"], "the slow log goes on")
    }

    @Test func keysThatMatchAreToldAndOthersAreNot() throws {
        let stage = try Stage(showsKeys: false)
        let rig = stage.rig
        #expect(stage.trace("KEYS", "user:[12]") == "+OK\r\n")
        for words in ["GET user:1", "GET user:3", "GET USER:1", "DEL x user:2", "PING user:1"] {
            _ = rig.ask(rig.connect(), words.split(separator: " ").map(String.init))
        }
        #expect(stage.lines.map { $0["command"] } == ["get", "del"])
        #expect(stage.lines.allSatisfy { $0["key"] == nil }, "slowlog_keys is false")
        #expect(!"\(stage.log.lines)".contains("user:"), "the pattern may be a key, too")
        #expect(stage.trace().contains("user:[12]"), "an operator may know it")
    }

    @Test func anErrorIsNamedByItsCodeAlone() throws {
        let stage = try Stage(shardCount: 1)
        let (rig, client) = (stage.rig, stage.client)
        stage.traceClient()
        let errors = ["WRONGTYPE of secret", "secret words", "SECRET", "ERR the value secret"]
        for error in errors {
            rig.backends[0].lie = { $0[0] == "GET" ? Array("-\(error)\r\n".utf8) : nil }
            _ = rig.ask(client, "GET", "k")
        }
        _ = rig.ask(client, "NOSUCH", "secret")
        #expect(
            stage.lines.map { $0["outcome"] } == ["error WRONGTYPE", "error", "error", "error ERR", "error ERR"])
        #expect(stage.lines.last?["command"] == "other")
        #expect(!"\(stage.lines)".contains("ecret"))
    }

    @Test func whatIsLateOrWaitedForByNobodyIsToldAsThat() throws {
        let stage = try Stage(shardCount: 1)
        let (rig, client) = (stage.rig, stage.client)
        _ = rig.ask(client, "GET", "k")
        stage.traceClient()
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", "k"))
        rig.advance(ms: 5_001)
        #expect(stage.lines.map { $0["outcome"] } == ["timed out"] && stage.lines[0]["backend_us"] == "5001000")
        rig.send(client, rig.request("GET", "k") + rig.request("PING"))
        rig.disconnect(client)
        #expect(stage.lines.dropFirst().map { $0["outcome"] } == ["client gone", "client gone"])
        rig.thaw(0)
        _ = stage.trace("OFF")
        #expect(stage.isOver)
    }

    /// Goal: every way that a reply can take. Method: values that are short, passed on by reference, in pieces, and
    /// requests that flow through, while each send and receive moves a little.
    @Test(arguments: [1, 5_000, 60_000, 300_000])
    func repliesOfEverySizeAreCounted(sizeBytes: Int) throws {
        let stage = try Stage(shardCount: 1)
        let (rig, client) = (stage.rig, stage.client)
        rig.moveBytesMax = { 20_000 }
        _ = stage.trace("KEYS", "k*")
        let value = [UInt8](repeating: 7, count: sizeBytes)
        rig.send(client, rig.request([Array("SET".utf8), Array("k1".utf8), value]))
        client.got = []
        rig.send(client, rig.request("GET", "k1"))
        #expect(client.got.count == FakeBackend.bulk(value).count)
        #expect(stage.lines.map { $0["command"] } == ["set", "get"] && stage.lines.allSatisfy { $0["key"] == "k1" })
        #expect(stage.lines.map { $0["shard"] } == ["s0", "s0"])
        #expect(stage.lines.map { $0["reply_bytes"] } == ["5", "\(client.got.count)"])
    }

    @Test func whatNoServerWasAskedHasItsKeysShard() throws {
        let stage = try Stage(pool: { $0.backend.breaker.failureCountMax = 1 })
        let (rig, client, key) = (stage.rig, stage.client, stage.rig.key(on: 1))
        _ = rig.ask(client, "GET", key)
        rig.backends[1].isFrozen = true
        rig.send(client, rig.request("GET", key))
        rig.advance(ms: 5_001)
        stage.traceClient()
        _ = rig.ask(client, "GET", key)
        #expect(stage.lines.map { $0["outcome"] } == ["error SHARDDOWN"] && stage.lines[0]["shard"] == "s1")
        #expect(stage.lines[0]["total_us"] == "0")
    }

    /// HELLO waits for GET's reply and is handled again then; a dropped reply has its line as well, and CLIENT REPLY
    /// SKIP has no reply.
    @Test func eachRequestHasOneLine() throws {
        let stage = try Stage(shardCount: 1)
        let (rig, client) = (stage.rig, stage.client)
        stage.traceClient()
        rig.send(
            client,
            rig.request("GET", "k") + rig.request("HELLO", "3") + rig.request("CLIENT", "REPLY", "SKIP")
                + rig.request("GET", "k") + rig.request("MULTI") + rig.request("SET", "k", "v") + rig.request("EXEC"))
        #expect(stage.lines.map { $0["command"] } == ["get", "hello", "get", "multi", "set", "exec"])
        _ = stage.trace("OFF")
        #expect(stage.isOver)
    }

    @Test func whoSharesAReplyHasALineOfItsOwn() throws {
        let stage = try Stage(shardCount: 1, pool: { $0.coalescing = .tick })
        let rig = stage.rig
        _ = rig.ask(stage.client, "GET", "k")
        _ = stage.trace("KEYS", "k")
        let clients = (0..<3).map { _ in rig.connect() }
        for client in clients { client.pending = rig.request("GET", "k") }
        stage.stall(0, ms: 30) { rig.settle() }
        #expect(rig.counters.snapshot().pools[0].values[.coalescedReads] == 2)
        #expect(Set(stage.lines.map { $0["client"] }) == Set(clients.map { "\($0.ref.pointee.id)" }))
        #expect(stage.lines.map { $0["backend_us"] } == ["30000", "30000", "30000"])
    }

    @Test func linesASecondAreBoundedAndTheRestIsTold() throws {
        let stage = try Stage(shardCount: 1)
        let (rig, client) = (stage.rig, stage.client)
        stage.traceClient()
        for _ in 0..<3 { rig.send(client, (0..<200).flatMap { _ in rig.request("GET", "k") }) }
        #expect(stage.lines.count == TraceBoard.linesPerSecondMax)
        rig.engine.keepHouse()
        #expect(stage.words.last == "trace: 500 requests were left out; at most 100 lines a second are written")
        rig.nowMs += 1_000
        _ = rig.ask(client, "GET", "k")
        #expect(stage.lines.count == TraceBoard.linesPerSecondMax + 1)
        let shown = stage.trace()
        #expect(shown.contains("$5\r\nlines\r\n$3\r\n101\r\n") && shown.contains("$8\r\nleft_out\r\n$3\r\n500\r\n"))
        _ = stage.trace("OFF")
        #expect(stage.isOver)
    }

    @Test func aTraceEndsByItself() throws {
        let stage = try Stage(shardCount: 1)
        let (rig, client) = (stage.rig, stage.client)
        #expect(stage.trace("CLIENT", String(client.ref.pointee.id), "FOR", "5") == "+OK\r\n")
        #expect(stage.trace().contains("$12\r\nseconds_left\r\n$1\r\n5\r\n"))
        _ = rig.ask(client, "GET", "k")
        rig.advance(ms: 5_000)
        #expect(stage.trace() == "*0\r\n")
        _ = rig.ask(client, "GET", "k")
        #expect(stage.lines.count == 1, "its time is over")
        rig.engine.keepHouse()
        #expect(stage.isOver)
        #expect(stage.words.last == "trace of client \(client.ref.pointee.id) ends; lines written: 1")
        #expect(rig.engine.shared.events.latest(9).map(\.subject) == ["keyway", "keyway"])
    }

    @Test func whatIsWrongIsSaid() throws {
        let stage = try Stage()
        #expect(stage.trace("CLIENT", "x") == "-ERR value is not an integer or out of range\r\n")
        #expect(stage.trace("CLIENT", "1", "FOR", "601") == "-ERR a trace lasts 1 to 600 seconds\r\n")
        #expect(stage.trace("CLIENT", "1", "FOR", "0").hasPrefix("-ERR a trace lasts"))
        #expect(stage.trace("KEYS", String(repeating: "x", count: 257)).hasPrefix("-ERR the pattern is longer"))
        for words in [["ON"], ["CLIENT"], ["WHO", "1"], ["CLIENT", "1", "FOR"], ["CLIENT", "1", "IN", "1"]] {
            #expect(stage.rig.ask(stage.client, ["KEYWAY", "TRACE"] + words) == "-ERR syntax error\r\n", "\(words)")
        }
        #expect(stage.isOver)
        let plain = try Stage(pool: { $0.allowsOperatorCommands = false })
        #expect(plain.trace("CLIENT", "1").hasPrefix("-NOPERM 'keyway|trace' is for operators"))
        let quiet = try Stage(level: .warning)
        #expect(quiet.trace("CLIENT", "1").hasPrefix("-ERR log_level is warning"))
    }
}
