// LargeValueTests: values too large to hold, and readers too slow to wait for. Memory stays bounded.
// KEYWAY_LONG_TESTS=1 uses the largest value that RESP allows, 512 MB.

import Foundation
import Glibc
import TestKit
import Testing

/// A value of any size of which each byte follows from its position; never held whole.
private struct Pattern {
    static let blockSize = 1 << 20
    private let block: [UInt8]

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < Self.blockSize { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
        block = bytes
    }

    /// The first 8 bytes of a block are its number, so that a lost or repeated block shows.
    private func number(_ index: Int) -> [UInt8] { withUnsafeBytes(of: UInt64(index).bigEndian) { Array($0) } }

    func block(_ index: Int, size: Int = blockSize) -> [UInt8] {
        var bytes = block
        bytes.replaceSubrange(0..<8, with: number(index))
        return size < bytes.count ? Array(bytes[..<size]) : bytes
    }

    /// Whether `bytes` are those of the value from `offset` on.
    func matches(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        var checked = 0
        while checked < bytes.count {
            let position = (offset + checked) % Self.blockSize
            let index = (offset + checked) / Self.blockSize
            if position < 8 {
                if bytes[checked] != number(index)[position] { return false }
                checked += 1
            } else {
                let size = min(bytes.count - checked, Self.blockSize - position)
                let same = block.withUnsafeBytes {
                    memcmp($0.baseAddress! + position, bytes.baseAddress! + checked, size) == 0
                }
                if !same { return false }
                checked += size
            }
        }
        return true
    }
}

@Suite(.serialized) struct LargeValueTests {
    static let growthLimitBytes = 64 << 20

    /// Goal: a value of any size goes through without being gathered, in both directions.
    /// Method: peak memory of Keyway while it passes, and every byte of it.
    @Test(arguments: Servers.newest) func aLargeValuePassesInBoundedMemory(_ server: Server) throws {
        let sizeBytes = runsLongTests ? 512 << 20 : 100 << 20
        let rig = try Rig(server, shards: 2, pool: ["timeout": "60000"])
        let pattern = Pattern(seed: 1)
        let client = try rig.connect(timeoutSeconds: 60)
        let other = try rig.connect()
        #expect(try client.command("SET", "big", "small") == .ok)
        let before = rig.keyway.process.residentBytes
        rig.keyway.process.resetPeak()

        try client.send("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$\(sizeBytes)\r\n")
        for start in stride(from: 0, to: sizeBytes, by: Pattern.blockSize) {
            try client.send(
                pattern.block(start / Pattern.blockSize, size: min(Pattern.blockSize, sizeBytes - start)))
            if start % (16 << 20) == 0 { #expect(try other.command("ECHO", "\(start)") == .text("\(start)")) }
        }
        try client.send("\r\n")
        #expect(try client.reply() == .ok)
        #expect(try client.command("STRLEN", "big") == .integer(sizeBytes))
        let afterSet = rig.keyway.process.peakResidentBytes - before

        try client.send(respCommand("GET", "big") + respCommand("ECHO", "behind"))
        var lastEcho = 0
        let size = try client.streamBulk { bytes, offset in
            if !pattern.matches(bytes, at: offset) { throw ChildFailure("wrong bytes near \(offset)") }
            if offset - lastEcho > 16 << 20 {
                lastEcho = offset
                #expect(try other.command("ECHO", "\(offset)") == .text("\(offset)"))
            }
        }
        #expect(size == sizeBytes)
        #expect(try client.reply() == "behind")
        let afterGet = rig.keyway.process.peakResidentBytes - before
        #expect(afterSet < Self.growthLimitBytes, "SET took \(afterSet >> 20) MB")
        #expect(afterGet < Self.growthLimitBytes, "GET took \(afterGet >> 20) MB")
    }

    /// Goal: large values of many clients at once stay apart.
    @Test(arguments: Servers.newest) func largeValuesOfManyClientsDoNotMix(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        _ = try concurrently(6) { index in
            let client = try rig.connect(timeoutSeconds: 60)
            let pattern = Pattern(seed: UInt64(index) + 10)
            let value = (0..<5).flatMap { pattern.block($0) } + Array("tail".utf8)
            for turn in 0..<3 {
                let replies = try client.pipeline([
                    ["SET", "v\(index)", value], ["GET", "v\(index)"], ["ECHO", turn],
                ])
                guard replies == [.ok, .bulk(value), .text("\(turn)")] else {
                    throw ChildFailure("client \(index), turn \(turn): \(replies)")
                }
            }
        }
    }

    /// Goal: a client that asks for much and reads nothing costs bounded memory and nobody else's time.
    /// Method: it asks for 300 MB; another client works meanwhile; then it reads: all of it, or a good start and a cut.
    @Test(arguments: Servers.newest) func aReaderThatDoesNotReadIsHeldBack(_ server: Server) throws {
        let rig = try Rig(server)
        let value = Pattern(seed: 2).block(0)
        let other = try rig.connect()
        let keys = try rig.keysByShard(prefix: "k").map { $0[0] }
        for key in keys { #expect(try other.command("SET", key, value) == .ok) }
        let before = rig.keyway.process.residentBytes
        rig.keyway.process.resetPeak()

        let slow = try rig.connect(receiveBufferBytes: 4096)
        let asked = 300
        try slow.send((0..<asked).flatMap { respCommand("GET", keys[$0 % keys.count]) })
        for turn in 0..<500 {
            let key = keys[turn % keys.count]
            #expect(
                try other.pipeline([["SET", key + ":own", "\(turn)"], ["GET", key + ":own"]]) == [
                    .ok, .text("\(turn)"),
                ])
        }
        #expect(try other.command("GET", keys[0]) == .bulk(value))
        let growth = rig.keyway.process.peakResidentBytes - before
        #expect(growth < Self.growthLimitBytes, "Keyway grew by \(growth >> 20) MB for one slow reader")

        var received = 0
        do {
            while received < asked {
                guard try slow.reply() == .bulk(value) else { throw ChildFailure("reply \(received) is wrong") }
                received += 1
            }
        } catch let failure as ConnectionFailure {
            #expect(failure.cause == .closed, "after \(received) replies: \(failure)")
        }
        #expect(received > 0)
        #expect(try other.command("PING") == .simple("PONG"))
    }

    /// Goal: many slow readers together cost no more than the limit of each.
    @Test(arguments: Servers.newest) func manySlowReadersAreBoundedByTheirLimit(_ server: Server) throws {
        let limitBytes = 4 << 20
        let rig = try Rig(
            server, shards: 2, workers: 2, process: ["client_output_buffer_limit": String(limitBytes)])
        let value = Pattern(seed: 3).block(0)
        let other = try rig.connect()
        #expect(try other.command("SET", "k", value) == .ok)
        let before = rig.keyway.process.residentBytes
        rig.keyway.process.resetPeak()
        let slow = try (0..<60).map { _ in try rig.connect(receiveBufferBytes: 4096) }
        for client in slow { try client.send((0..<20).flatMap { _ in respCommand("GET", "k") }) }
        for turn in 0..<200 { #expect(try other.command("ECHO", turn) == .text("\(turn)")) }
        try eventually("the shard of the slow readers serves another client") {
            try other.command("STRLEN", "k") == .integer(value.count)
        }
        let growth = rig.keyway.process.peakResidentBytes - before
        let allowed = slow.count * limitBytes + Self.growthLimitBytes
        #expect(growth < allowed, "Keyway grew by \(growth >> 20) MB for \(slow.count) slow readers")
        for client in slow { client.close() }
        #expect(try other.command("GET", "k") == .bulk(value))
    }

    /// Goal: a client that leaves in the middle of a large value leaves nothing broken behind.
    @Test(arguments: Servers.newest) func aClientThatLeavesInTheMiddleOfAValueHarmsNobody(_ server: Server) throws {
        let rig = try Rig(server, shards: 1)
        let other = try rig.connect()
        let value = Pattern(seed: 4).block(0)
        #expect(try other.command("SET", "k", value) == .ok)
        for turn in 0..<10 {
            let writer = try rig.connect()
            try writer.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n")
            try writer.send([UInt8](repeating: 120, count: 300_000 * (turn + 1)))
            let reader = try rig.connect(receiveBufferBytes: 4096)
            try reader.send((0..<10).flatMap { _ in respCommand("GET", "k") })
            #expect(reader.hasInput(withinSeconds: 10))
            writer.close()
            reader.close()
            try eventually("the value is whole") { try other.command("GET", "k") == .bulk(value) }
            #expect(try other.pipeline([["SET", "n", "\(turn)"], ["GET", "n"]]) == [.ok, .text("\(turn)")])
        }
    }
}
