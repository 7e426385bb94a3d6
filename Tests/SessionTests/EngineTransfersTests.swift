// Long values flow through: bounded memory, order kept, and a lost end of them harms nobody else.

import Platform
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineTransfersTests {
    private func value(_ sizeBytes: Int, seed: UInt8 = 7) -> [UInt8] {
        (0..<sizeBytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed)) }
    }

    private func set(_ rig: EngineRig, _ key: String, _ value: [UInt8]) -> [UInt8] {
        rig.request([Array("SET".utf8), Array(key.utf8), value])
    }

    /// Sizes around the border between a stored request and one that flows through.
    @Test(arguments: [130_900, 131_000, 131_040, 131_072, 131_200, 262_144, 700_000])
    func valuesOfEverySizeArriveWhole(sizeBytes: Int) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let bytes = value(sizeBytes)
        rig.moveBytesMax = { 50_000 }
        rig.send(client, set(rig, "k", bytes) + rig.request("PING"))
        #expect(client.text == "+OK\r\n+PONG\r\n")
        client.got = []
        rig.send(client, rig.request("GET", "k") + rig.request("PING"))
        #expect(client.got == FakeBackend.bulk(bytes) + Array("+PONG\r\n".utf8))
    }

    /// Goal: a long write keeps its place among the client's other commands on the key.
    @Test func aLongWriteWaitsForWhatIsBeforeAndHoldsWhatIsBehind() throws {
        let rig = try EngineRig(pool: { $0.backend.timeoutMs = 0 })
        let client = rig.connect()
        let key = rig.key(on: 0)
        let long = value(400_000)
        rig.backends[0].isFrozen = true
        client.pending =
            rig.request("SET", key, "first") + rig.request("GET", key) + set(rig, key, long)
            + rig.request("GET", key)
        rig.settle()
        #expect(client.text == "")
        rig.thaw(0)
        #expect(
            client.got == Array("+OK\r\n$5\r\nfirst\r\n+OK\r\n".utf8) + FakeBackend.bulk(long))
        #expect(rig.backends[0].seen.filter { $0.count > 1 && $0[1] == key }.map(\.count) == [3, 2, 3, 2])
    }

    /// Goal: however long the value, Keyway holds little of it. Method: a backend that takes little at a time.
    @Test func aLongValueTakesAFewChunks() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        rig.moveBytesMax = { 100_000 }
        rig.send(client, set(rig, "warm", value(300_000)))
        var peakBytes = 0
        client.pending = set(rig, "k", value(8_000_000))
        while rig.tick() { peakBytes = max(peakBytes, rig.engine.buffers.chunks.totalBytes) }
        #expect(client.text == "+OK\r\n+OK\r\n")
        #expect(peakBytes < 2_500_000, "\(peakBytes) bytes for a value of 8 MB")
    }

    @Test func aClientThatLeavesHalfWayTakesItsConnectionWithItAndNoOther() throws {
        let rig = try EngineRig(shardCount: 1)
        let other = rig.connect()
        #expect(rig.ask(other, "SET", "k", "v") == "+OK\r\n")
        let client = rig.connect()
        rig.send(client, Array(set(rig, "k", value(500_000)).prefix(300_000)))
        rig.engine.close(client.ref, .byError)
        rig.settle()
        #expect(rig.ask(other, "GET", "k") == "$1\r\nv\r\n")
        #expect(rig.connections.count == 1)
        #expect(rig.engine.pools[0].shards[0].transferCount == 0)
    }

    @Test func aBackendThatIsLostHalfWayIsAnErrorAndTheRestIsSkipped() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        let bytes = set(rig, "k", value(500_000))
        rig.send(client, Array(bytes.prefix(300_000)))
        rig.lose(0)
        #expect(client.text.hasPrefix("-CONNLOST shard s0") && client.text.contains("nothing was executed"))
        client.got = []
        rig.send(client, Array(bytes.dropFirst(300_000)) + rig.request("PING"))
        #expect(client.text == "+PONG\r\n")
    }

    @Test func moreLongValuesThanConnectionsTakeTurns() throws {
        let rig = try EngineRig(shardCount: 1, pool: { $0.backend.transferCountMax = 2 })
        let clients = (0..<5).map { _ in rig.connect() }
        for (index, client) in clients.enumerated() { client.pending = set(rig, "k\(index)", value(300_000)) }
        rig.settle()
        #expect(clients.map(\.text) == [String](repeating: "+OK\r\n", count: 5))
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.connects] == 2)
    }

    @Test func aSenderThatStallsGivesWayToOneThatWaits() throws {
        let rig = try EngineRig(
            shardCount: 1,
            pool: {
                $0.backend.transferCountMax = 1
                $0.backend.timeoutMs = 1_000
            })
        let stalled = rig.connect()
        rig.send(stalled, Array(set(rig, "a", value(500_000)).prefix(200_000)))
        rig.advance(ms: 900)
        #expect(stalled.isOpen)
        let waiting = rig.connect()
        rig.send(waiting, set(rig, "b", value(300_000)))
        rig.advance(ms: 300)
        #expect(!stalled.isOpen)
        #expect(waiting.text == "+OK\r\n")
    }

    @Test func aQueueThatDoesNotMoveIsAnErrorAndNotAWait() throws {
        let rig = try EngineRig(
            shardCount: 1,
            pool: {
                $0.backend.transferCountMax = 1
                $0.backend.timeoutMs = 1_000
            })
        let first = rig.connect()
        let half = set(rig, "a", value(900_000))
        rig.send(first, Array(half.prefix(200_000)))
        let second = rig.connect()
        rig.send(second, set(rig, "b", value(300_000)) + rig.request("PING"))
        // The first goes on just fast enough.
        for step in 1...4 {
            rig.advance(ms: 400)
            rig.send(first, Array(half[(200_000 + (step - 1) * 1_000)..<(200_000 + step * 1_000)]))
        }
        #expect(second.text.hasPrefix("-OVERLOADED shard s0") && second.text.contains("transfer_connections"))
        #expect(second.text.hasSuffix("+PONG\r\n"))
    }

    // MARK: Long replies

    @Test func aSlowReaderOfALongReplyHoldsItsConnectionAndNobodyElse() throws {
        let rig = try EngineRig(shardCount: 1)
        rig.backends[0].store["big"] = value(20_000_000)
        rig.backends[0].store["small"] = Array("s".utf8)
        let slow = rig.connect()
        slow.windowBytes = 10_000
        rig.moveBytesMax = { 500_000 }
        rig.send(slow, rig.request("GET", "big"))
        #expect(rig.engine.buffers.chunks.totalBytes < 6_000_000)
        let quick = rig.connect()
        #expect(rig.ask(quick, "GET", "small") == "$1\r\ns\r\n")
        rig.openWindow(slow)
        #expect(slow.got == FakeBackend.bulk(rig.backends[0].store["big"]))
        #expect(rig.ask(slow, "GET", "small") == "$1\r\ns\r\n")
    }

    /// Goal: the connections of long writes do not get fewer with each long reply. Method: a spare one takes over for
    /// the shared one that a long reply keeps; then there is none to spare.
    @Test func longRepliesDoNotUseUpTheConnectionsOfLongWrites() throws {
        let rig = try EngineRig(shardCount: 1, pool: { $0.backend.transferCountMax = 1 })
        rig.backends[0].store["big"] = value(4_700_000)
        let client = rig.connect()
        for _ in 0..<2 {
            client.got = []
            rig.send(client, rig.request("GET", "big"))
            #expect(client.got.count > 4_700_000)
            client.got = []
            rig.send(client, set(rig, "k", value(300_000)))
            #expect(client.text == "+OK\r\n")
        }
        #expect(rig.engine.pools[0].shards[0].transferCount == 1)
    }

    @Test func aReaderThatNeverReadsIsCutAtTheLimit() throws {
        let rig = try EngineRig(
            shardCount: 1,
            options: {
                $0.outputSizeBytesMax = 1_000_000
                $0.outputPauseBytes = 100_000
            })
        rig.backends[0].store["k"] = value(90_000)
        let client = rig.connect()
        client.windowBytes = 0
        let pipeline = (0..<30).flatMap { _ in rig.request("GET", "k") }
        rig.send(client, pipeline)
        // The pipeline stops being read in time: nothing is cut, and little is held.
        #expect(client.isOpen)
        #expect(client.ref.pointee.heldBytes < 1_000_000)
        rig.openWindow(client)
        #expect(client.got.count == 30 * FakeBackend.bulk(rig.backends[0].store["k"]).count)
    }

    @Test func repliesThatOutgrowTheLimitCutTheClientAndAreCounted() throws {
        let rig = try EngineRig(
            shardCount: 1,
            options: {
                $0.outputSizeBytesMax = 150_000
                $0.outputPauseBytes = 100_000
            })
        rig.backends[0].store["k"] = value(90_000)
        rig.backends[0].isFrozen = true
        let (client, other) = (rig.connect(), rig.connect())
        client.windowBytes = 0
        for each in [client, other] { each.ref.pointee.replyBytesAverage = 100 }
        // Another client's request between them: the line cannot wait.
        for _ in 0..<3 {
            rig.send(client, rig.request("GET", "k"))
            rig.send(other, rig.request("GET", "none"))
        }
        rig.thaw(0)
        #expect(!client.isOpen)
        #expect(other.text == "$-1\r\n$-1\r\n$-1\r\n")
        #expect(rig.counters.snapshot().pools[0].values[.clientsCut] == 1)
    }
}
