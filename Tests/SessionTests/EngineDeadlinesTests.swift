// Each kind of request has its own deadline, and what is not written in time was not executed.

import Routing
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineDeadlinesTests {
    private func rig(_ change: @escaping (inout PoolOptions) -> Void) throws -> EngineRig {
        try EngineRig(pool: {
            $0.backend.timeoutMs = 1_000
            $0.backend.breaker.failureCountMax = 0
            change(&$0)
        })
    }

    /// Goal: every kind is late in its own time, whatever stands before it. Method: all orders of three kinds.
    @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func readsWritesAndScriptsHaveTheirOwnTime(order: [Int]) throws {
        let rig = try rig {
            $0.backend.readTimeoutMs = 200
            $0.backend.writeTimeoutMs = 400
            $0.backend.scriptTimeoutMs = 800
        }
        let clients = (0..<3).map { _ in rig.connect() }
        let key = rig.key(on: 0)
        _ = rig.ask(clients[0], "SET", key, "v")
        clients[0].got = []
        rig.backends[0].isFrozen = true
        let requests = [rig.request("GET", key), rig.request("SET", key, "w"), rig.request("EVAL", "s", "1", key)]
        for kind in order { rig.send(clients[kind], requests[kind]) }
        for (ms, late) in [(190, 0), (20, 1), (180, 1), (20, 2), (380, 2), (20, 3)] as [(UInt64, Int)] {
            rig.advance(ms: ms)
            let texts = clients.map(\.text)
            #expect(texts.count { $0.hasPrefix("-TIMEOUT") } == late, "\(texts)")
            #expect(texts.prefix(late).allSatisfy { $0.hasPrefix("-TIMEOUT") }, "\(texts)")
        }
        #expect(
            clients.map {
                $0.text.components("200 ms") + $0.text.components("400 ms") * 2
                    + $0.text.components("800 ms") * 3
            } == [1, 2, 3])
        // Late replies fall into their places, in whatever order those were given up.
        for client in clients { client.got = [] }
        rig.send(clients[0], rig.request("GET", key))
        rig.thaw(0)
        #expect(clients[0].text == "$1\r\nw\r\n")
        #expect(clients[1].text == "" && clients[2].text == "")
    }

    @Test func aShortDeadlineBehindALongOneIsKept() throws {
        let rig = try rig {
            $0.backend.readTimeoutMs = 100
            $0.backend.writeTimeoutMs = 10_000
        }
        let client = rig.connect()
        let reader = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("SET", key, "w"))
        rig.advance(ms: 50)
        rig.send(reader, rig.request("GET", key))
        rig.advance(ms: 90)
        #expect(reader.text == "")
        rig.advance(ms: 20)
        #expect(reader.text.hasPrefix("-TIMEOUT"))
    }

    @Test func whatCannotBeWrittenInTimeWasNotExecuted() throws {
        let rig = try rig { $0.backend.queueTimeoutMs = 100 }
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        rig.backends[0].isFrozen = true
        client.got = []
        client.pending = rig.request("SET", key, "one") + rig.request("SET", key, "two") + rig.request("SET", key, "3")
        rig.receiveAll(client)
        // The socket takes the first request and a part of the second.
        rig.writeOnce(shard: 0, bytes: rig.request("SET", key, "one").count + 5)
        let line = rig.engine.pools[0].shards[0].lines[0]
        _ = rig.engine.settle(line)
        rig.nowMs += 110
        rig.engine.setTime(us: rig.nowMs * 1_000)
        rig.engine.runTimers()
        #expect(line.pointee.inFlight.count == 2, "the first has been written, the second in part")
        rig.engine.unblocked(line)
        rig.thaw(0)
        let replies = client.text.split(separator: "\r\n")
        #expect(replies.count == 3 && replies[0] == "+OK" && replies[1] == "+OK")
        #expect(replies.last?.hasPrefix("-OVERLOADED shard s0") == true, "\(replies)")
        #expect(replies.last?.contains("queue_timeout of pool main") == true)
        #expect(rig.backends[0].store[key] == Array("two".utf8))
    }

    @Test func withoutAConnectionTheQueuesTimeCountsToo() throws {
        let rig = try rig { $0.backend.queueTimeoutMs = 100 }
        let client = rig.connect()
        rig.backends[0].isRefusing = true
        rig.send(client, rig.request("SET", rig.key(on: 0), "v"))
        rig.advance(ms: 110)
        #expect(client.text.hasPrefix("-OVERLOADED") && client.text.contains("nothing was executed"))
    }

    /// Goal: no reply is lost or shifted when a transaction's commands have less time than its end. Method: reads have
    /// less time than writes, and the block is still unwritten, or written, when that is over.
    @Test(arguments: [false, true]) func theCommandsOfATransactionAreAsLateAsItsEnd(isWritten: Bool) throws {
        let rig = try rig {
            $0.backend.readTimeoutMs = 100
            $0.backend.writeTimeoutMs = 1_000
        }
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        client.got = []
        rig.backends[0].isFrozen = true
        client.pending = rig.request("MULTI") + rig.request("GET", key) + rig.request("EXEC")
        rig.receiveAll(client)
        if isWritten { rig.settle() } else { rig.writeOnce(shard: 0, bytes: 0) }
        let line = rig.engine.pools[0].shards[0].lines[0]
        _ = rig.engine.settle(line)
        rig.nowMs += 150
        rig.engine.setTime(us: rig.nowMs * 1_000)
        rig.engine.runTimers()
        #expect(line.pointee.inFlight.count == 3)
        rig.engine.unblocked(line)
        rig.thaw(0)
        #expect(client.text == "+OK\r\n+QUEUED\r\n*1\r\n$1\r\nv\r\n")
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
    }
}
