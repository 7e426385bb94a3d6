// What one worker's buffers take stays within their limit, whatever clients and servers do.

import Platform
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineMemoryTests {
    private static let limitBytes = 8 << 20

    private func rig() throws -> EngineRig {
        try EngineRig(options: {
            $0.memoryBytesMax = Self.limitBytes
            $0.outputPauseBytes = 1 << 20
        })
    }

    private func workersCut(_ rig: EngineRig) -> Int { rig.counters.snapshot().pools[0].values[.clientsCut] }

    /// Goal: clients that ask for much and read nothing cannot take the memory of all. Method: 40 of them, 1 MB each,
    /// with a limit of 8 MB; one who reads is served all along.
    @Test func clientsThatStopReadingAreBounded() throws {
        let rig = try rig()
        let reader = rig.connect()
        let key = rig.key(on: 0)
        let value = String(repeating: "v", count: 20_000)
        #expect(rig.ask(reader, "SET", key, value) == "+OK\r\n")
        for _ in 0..<40 {
            let client = rig.connect()
            client.windowBytes = 0
            rig.send(client, (0..<60).flatMap { _ in rig.request("GET", key) })
            rig.engine.watchMemory()
            rig.advance(ms: 60)
            rig.engine.watchMemory()
            rig.settle()
            #expect(rig.engine.buffers.chunks.totalBytes <= Self.limitBytes + 1 << 20)
            #expect(rig.ask(reader, "GET", rig.key(on: 1)) == "$-1\r\n" || rig.engine.memory.isTight)
        }
        #expect(workersCut(rig) > 0)
        #expect(reader.isOpen, "who holds nothing is not cut")
        for client in rig.clients where client !== reader && client.isOpen { rig.disconnect(client) }
        rig.advance(ms: 60)
        rig.engine.watchMemory()
        rig.settle()
        #expect(!rig.engine.memory.isTight)
        rig.settle()
        #expect(rig.ask(reader, "GET", key) == "$20000\r\n\(value)\r\n")
    }

    /// Goal: short replies that wait for an earlier, slow one do not keep the large chunks in which they came. Method:
    /// one reply of a slow shard in front, then others each in a chunk of its own.
    @Test func repliesThatWaitLeaveTheirLargeChunks() throws {
        let rig = try rig()
        let client = rig.connect()
        let other = rig.connect()
        let (slow, fast, long) = (rig.key(on: 0), rig.key(on: 1), rig.key(on: 1, "long"))
        _ = rig.ask(client, "MSET", slow, "s", fast, "f")
        _ = rig.ask(client, "SET", long, String(repeating: "x", count: 110_000))
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, rig.request("GET", slow))
        for _ in 0..<80 {
            rig.send(client, rig.request("GET", fast))
            // Fills the rest of the chunk.
            _ = rig.ask(other, "GET", long)
            rig.advance(ms: 60)
            rig.engine.watchMemory()
            rig.settle()
        }
        #expect(rig.engine.buffers.chunks.totalBytes < Self.limitBytes, "\(rig.engine.buffers.chunks.totalBytes)")
        #expect(workersCut(rig) == 0)
        rig.thaw(0)
        #expect(client.text == "$1\r\ns\r\n" + String(repeating: "$1\r\nf\r\n", count: 80))
    }

    /// Goal: a client that holds much because its request is not all there is read on, or cut; it does not wait for
    /// itself for ever. Method: requests of all sizes up to the limit, in pieces.
    @Test(arguments: Array(stride(from: 1_000_000, through: 4_000_000, by: 150_000)))
    func aRequestThatIsNotAllThereEndsOneWayOrTheOther(sizeBytes: Int) throws {
        let rig = try EngineRig(shardCount: 1, options: { $0.memoryBytesMax = 5_000_000 })
        let clients = (0..<5).map { _ in rig.connect() }
        let client = clients[0]
        let value = String(repeating: "v", count: sizeBytes / 2)
        var request = rig.request("MSET", "a", value, "b", value)[...]
        while !request.isEmpty || !client.pending.isEmpty {
            let before = (request.count, client.pending.count)
            rig.send(client, Array(request.prefix(100_000)))
            request = request.dropFirst(100_000)
            for _ in 0..<2 {
                rig.advance(ms: 60)
                rig.engine.watchMemory()
                rig.settle()
            }
            if !client.isOpen || before == (request.count, client.pending.count) { break }
        }
        #expect(!client.isOpen || client.text == "+OK\r\n")
    }

    /// Goal: whoever holds little is read on when others were cut. Method: at each look the buffers are over the
    /// limit again; it was at those looks that everybody's requests were left unread.
    @Test func whoHoldsLittleIsReadOnWhenOthersAreCut() throws {
        let rig = try EngineRig(shardCount: 1, options: { $0.memoryBytesMax = Self.limitBytes })
        let small = rig.connect()
        _ = rig.ask(small, "SET", "long", String(repeating: "x", count: 400_000))
        for _ in 0..<5 {
            for _ in 0..<30 {
                let greedy = rig.connect()
                greedy.windowBytes = 0
                rig.send(greedy, rig.request("GET", "long") + rig.request("GET", "long"))
            }
            #expect(rig.engine.buffers.chunks.totalBytes > Self.limitBytes)
            rig.engine.watchMemory()
            #expect(!small.ref.pointee.gate.contains(.memory))
        }
        #expect(workersCut(rig) > 0)
    }

    @Test func aSlowReaderIsCutAfterItsTimeAtTheSoftLimit() throws {
        let rig = try EngineRig(options: {
            $0.outputSoftBytesMax = 10_000
            $0.outputSoftLimitS = 5
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, String(repeating: "v", count: 20_000))
        client.windowBytes = 100
        rig.send(client, rig.request("GET", key))
        for _ in 0..<5 {
            rig.engine.keepHouse()
            #expect(client.isOpen)
            rig.advance(ms: 1_000)
        }
        rig.engine.keepHouse()
        rig.settle()
        #expect(!client.isOpen && workersCut(rig) == 1)
    }

    @Test func whoReadsInTimeIsNotCut() throws {
        let rig = try EngineRig(options: {
            $0.outputSoftBytesMax = 10_000
            $0.outputSoftLimitS = 5
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, String(repeating: "v", count: 20_000))
        for _ in 0..<10 {
            client.windowBytes = 100
            rig.send(client, rig.request("GET", key))
            rig.engine.keepHouse()
            rig.advance(ms: 3_000)
            rig.engine.keepHouse()
            rig.openWindow(client)
            rig.engine.keepHouse()
        }
        #expect(client.isOpen)
    }

    /// Goal: the parts of a reply count as the client's while they wait for each other.
    @Test func partsThatWaitCount() throws {
        let rig = try EngineRig(pool: { $0.backend.timeoutMs = 0 })
        let client = rig.connect()
        let (slow, fast) = (rig.key(on: 0), rig.key(on: 1))
        _ = rig.ask(client, "MSET", slow, "s", fast, String(repeating: "x", count: 50_000))
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, rig.request("MGET", slow, fast))
        #expect(client.ref.pointee.heldBytes > 50_000)
        rig.thaw(0)
        #expect(client.ref.pointee.heldBytes == 0)
        #expect(client.text.hasPrefix("*2\r\n$1\r\ns\r\n$50000\r\n"))
    }
}
