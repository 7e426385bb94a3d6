import Platform
import Telemetry
import TestKit
import Testing
import Wire

@testable import Upstream

struct LineTests {
    /// A line, its shard and its buffers.
    private final class Rig {
        let counters: CounterBlock<ServerMetric>
        let names = ShardName(pool: "p", name: "s", endpoint: .tcp(host: "10.0.0.7", port: 6_379))
        let shard: ShardRef
        let line: LineRef
        var pool = BufferPool()
        private let cells: Counters

        /// - Parameter keepsWritten: as in pools that repeat reads.
        init(keepsWritten: Bool = false) {
            var backend = BackendOptions()
            backend.repeatPercent = keepsWritten ? 20 : 0
            backend.repeatsPerSecond = 0
            cells = Counters(
                layout: TelemetryLayout(workerCount: 1, pools: [TelemetryLayout.Pool(name: "p", servers: ["s"])]))
            counters = cells.server(0, pool: 0, worker: 0)
            shard = .allocate(capacity: 1)
            shard.settle(Shard(poolIndex: 0, index: 0, names: names, worker: 0, counters: cells, backend: backend))
            shard.add(Dialect(version: .two, database: 0))
            line = shard.pointee.lines[0]
        }

        deinit {
            line.free()
            shard.pointee.lines.deallocate()
            shard.pointee.names.release()
            shard.deallocate()
        }

        func submit(_ bytes: [UInt8], index: Int) {
            let ticket = ReplyTicket(owner: nil, index: UInt32(index), kind: .reply, isWrite: false)
            bytes.withUnsafeBufferPointer {
                line.submit($0.baseAddress!, count: $0.count, ticket: ticket, nowMs: 7, pool: &pool)
            }
        }

        func waitingBytes() -> [UInt8] {
            var bytes: [UInt8] = []
            var segment = line.pointee.out.first
            while let node = segment {
                let start = node.pointee.chunk.data + node.pointee.offset
                bytes += UnsafeBufferPointer(start: start, count: node.pointee.sizeBytes)
                segment = node.pointee.next
            }
            return bytes
        }

        /// As after a reply to each and a send of the rest.
        func clear() {
            line.pointee.out.removeAll(pool: &pool)
            line.pointee.inFlight.removeFirst(line.pointee.inFlight.count)
        }
    }

    private static let requests: [[UInt8]] = [5, 1, 100, 1, 700, 2].enumerated().map { index, count in
        (0..<count).map { UInt8(truncatingIfNeeded: $0 + index * 50) }
    }

    @Test func aNewLineIsIdle() {
        let rig = Rig()
        let line = rig.line
        #expect(line.pointee.descriptor == -1 && line.pointee.role == .shared && !line.isReady)
        #expect(line.unwrittenCount == 0 && rig.pool.chunks.totalBytes == 0)
    }

    @Test func timersBelongToTheirLine() {
        let rig = Rig()
        #expect(rig.line.deadlineTimer.pointee.kind == Line.deadlineTimerKind)
        #expect(rig.line.linkTimer.pointee.kind == Line.linkTimerKind)
        #expect(rig.line.deadlineTimer.pointee.owner == rig.line && rig.line.linkTimer.pointee.owner == rig.line)
        #expect(rig.line.deadlineTimer != rig.line.linkTimer)
        var wheel = TimerWheel(nowMs: 0)
        wheel.arm(rig.line.deadlineTimer, deadlineMs: 4)
        #expect(rig.line.pointee.deadlineTimer.isArmed && !rig.line.pointee.linkTimer.isArmed)
        wheel.cancel(rig.line.deadlineTimer)
    }

    /// Goal: a request of which one byte was written is never sent again, and one of which none was is not lost.
    /// Method: the connection is lost after every number of bytes.
    @Test func whatWasWrittenIsCutOffAtEveryByte() {
        let rig = Rig()
        let all = Self.requests.flatMap { $0 }
        for sent in 0...all.count {
            for (index, bytes) in Self.requests.enumerated() { rig.submit(bytes, index: index) }
            rig.line.pointee.out.dropFirst(sent, pool: &rig.pool)
            var start = 0
            var touched = 0
            for bytes in Self.requests where start < sent {
                touched += 1
                start += bytes.count
            }
            #expect(rig.line.unwrittenCount == Self.requests.count - touched, "after \(sent) bytes")
            let dropped = rig.line.cutOffWritten(pool: &rig.pool) { _, _, _ in true }
            #expect(dropped.map { Int($0.ticket.index) } == Array(0..<touched), "after \(sent) bytes")
            #expect(rig.waitingBytes() == Array(all[start...]), "after \(sent) bytes")
            #expect(rig.line.pointee.inFlight.count == Self.requests.count - touched)
            // A second look changes nothing: the rest is whole requests.
            #expect(rig.line.cutOffWritten(pool: &rig.pool) { _, _, _ in true }.isEmpty)
            rig.clear()
        }
        rig.pool.chunks.trim()
        rig.pool.chunks.trim()
        #expect(rig.pool.chunks.totalBytes == 0)
    }

    @Test func answeredAndBuriedRequestsAreNotCountedAgain() {
        let rig = Rig()
        for (index, bytes) in Self.requests.enumerated() { rig.submit(bytes, index: index) }
        rig.line.pointee.out.dropFirst(106, pool: &rig.pool)
        rig.line.pointee.inFlight.removeFirst()
        rig.line.pointee.inFlight.bury(at: 0)
        #expect(rig.line.unwrittenCount == 3)
        #expect(rig.line.cutOffWritten(pool: &rig.pool) { _, _, _ in true }.count == 2)
        rig.clear()
    }

    /// Goal: what may be sent again is, in order and byte for byte, beside what was never written. Method: the
    /// connection is lost after every number of bytes, with every choice of requests.
    @Test func whatWasWrittenCanBeKept() {
        let rig = Rig(keepsWritten: true)
        let all = Self.requests.flatMap { $0 }
        for sent in 0...all.count {
            for choice in 0..<(1 << Self.requests.count) {
                for (index, bytes) in Self.requests.enumerated() { rig.submit(bytes, index: index) }
                rig.line.pointee.out.moveFirst(sent, to: &rig.line.pointee.written, pool: &rig.pool)
                let writtenCount = Self.requests.count - rig.line.unwrittenCount
                var half: Int?
                let dropped = rig.line.cutOffWritten(pool: &rig.pool) { entry, index, isHalf in
                    if isHalf { half = index }
                    return choice >> Int(entry.ticket.index) & 1 == 1
                }
                let kept = Self.requests.indices.filter { $0 >= writtenCount || choice >> $0 & 1 == 1 }
                #expect(rig.waitingBytes() == kept.flatMap { Self.requests[$0] }, "after \(sent), choice \(choice)")
                #expect(dropped.map { Int($0.ticket.index) } == Self.requests.indices.filter { !kept.contains($0) })
                #expect((0..<kept.count).map { Int(rig.line.pointee.inFlight[$0].ticket.index) } == kept)
                #expect(rig.line.pointee.written.isEmpty)
                let ends = Self.requests.indices.map { Self.requests[...$0].reduce(0) { $0 + $1.count } }
                #expect(half == (sent == 0 || ends.contains(sent) ? nil : writtenCount - 1))
                rig.clear()
            }
        }
        rig.pool.chunks.trim()
        rig.pool.chunks.trim()
        #expect(rig.pool.chunks.totalBytes == 0)
    }

    @Test func whatIsKeptBehindTombstonesIsLive() {
        let rig = Rig(keepsWritten: true)
        for (index, bytes) in Self.requests.enumerated() { rig.submit(bytes, index: index) }
        rig.line.pointee.out.moveFirst(106, to: &rig.line.pointee.written, pool: &rig.pool)
        rig.line.pointee.inFlight.bury(at: 0)
        rig.line.pointee.inFlight.bury(at: 1)
        _ = rig.line.cutOffWritten(pool: &rig.pool) { entry, _, _ in entry.ticket.kind != .tombstone }
        #expect(rig.line.pointee.inFlight.tombstoneCount == 0)
        #expect(rig.line.pointee.inFlight.oldestLive?.ticket.index == 2)
        rig.clear()
    }

    @Test func unwrittenRequestsLeaveWithTheirBytes() {
        let rig = Rig()
        for first in 1..<Self.requests.count {
            for end in first...Self.requests.count {
                for (index, bytes) in Self.requests.enumerated() { rig.submit(bytes, index: index) }
                // The first is half written.
                rig.line.pointee.out.dropFirst(1, pool: &rig.pool)
                rig.line.removeUnwritten(first..<end, pool: &rig.pool)
                let kept = Self.requests.indices.filter { !(first..<end).contains($0) }
                #expect(rig.waitingBytes() == Array(kept.flatMap { Self.requests[$0] }.dropFirst()))
                #expect((0..<kept.count).map { Int(rig.line.pointee.inFlight[$0].ticket.index) } == kept)
                rig.clear()
            }
        }
    }

    /// Goal: what Keyway tells a server on its own stays when requests are taken out. Method: every place and range.
    @Test func whatAServerIsToldStaysInTheQueue() {
        let count = Self.requests.count
        for told in 0..<count {
            for first in 0..<count {
                let rig = Rig()
                for (index, bytes) in Self.requests.enumerated() {
                    if index == told {
                        rig.line.submit(bytes, count: bytes.count, ticket: .unheard, nowMs: 0, pool: &rig.pool)
                    } else {
                        rig.submit(bytes, index: index)
                    }
                }
                let taken = rig.line.takeUnwritten(first..<count, pool: &rig.pool)
                let kept = (0..<count).filter { $0 < first || $0 == told }
                #expect(taken.map { Int($0.ticket.index) } == (first..<count).filter { $0 != told })
                #expect(rig.waitingBytes() == kept.flatMap { Self.requests[$0] })
                #expect(rig.line.pointee.inFlight.count == kept.count)
                rig.clear()
            }
        }
    }

    @Test(arguments: [false, true]) func aRequestWhoseReplyHasBegunCountsAsWritten(keepsWritten: Bool) {
        let rig = Rig(keepsWritten: keepsWritten)
        for (index, bytes) in Self.requests.enumerated() { rig.submit(bytes, index: index) }
        rig.line.pointee.isReplyOpen = true
        #expect(rig.line.unwrittenCount == Self.requests.count - 1)
        let dropped = rig.line.cutOffWritten(pool: &rig.pool) { _, index, _ in index > 0 }
        #expect(dropped.map { Int($0.ticket.index) } == [0])
        #expect(rig.waitingBytes() == Self.requests.dropFirst().flatMap { $0 })
        rig.clear()
    }

    @Test func aRequestTakenOverKeepsItsChunk() {
        let rig = Rig()
        let chunk = rig.pool.chunks.take(atLeast: 10)
        for index in 0..<10 { chunk.data[index] = UInt8(index) }
        chunk.pointee.fillBytes = 10
        rig.submit([99], index: 0)
        rig.line.submit(taking: chunk, offset: 2, count: 5, ticket: .nobody, nowMs: 1, pool: &rig.pool)
        #expect(rig.waitingBytes() == [99, 2, 3, 4, 5, 6])
        #expect(rig.line.pointee.inFlight[1].sizeBytes == 5)
        rig.clear()
        rig.pool.chunks.trim()
        #expect(rig.pool.chunks.freeCount == 2)
    }

    @Test func aLostConnectionIsForgottenButNotWhatWaits() {
        let rig = Rig()
        rig.submit([1, 2, 3], index: 0)
        rig.line.pointee.partial = rig.pool.chunks.take(atLeast: 10)
        rig.line.pointee.partialStart = 3
        rig.line.pointee.partialScanned = 2
        rig.line.pointee.isReplyOpen = true
        rig.line.pointee.wantsWrite = true
        rig.line.pointee.isReadPaused = true
        rig.line.pointee.greetingRepliesLeft = 2
        rig.line.pointee.descriptor = 5
        _ = rig.line.pointee.scanner.advance([36], count: 1)
        rig.line.pointee.greeting.append([1], count: 1, pool: &rig.pool)
        rig.line.forgetConnection(pool: &rig.pool)
        #expect(rig.line.pointee.partial == nil && rig.line.pointee.partialStart == 0)
        #expect(rig.line.pointee.partialScanned == 0 && rig.line.pointee.scanner == ReplyScanner())
        #expect(!rig.line.pointee.isReplyOpen && !rig.line.pointee.wantsWrite && !rig.line.pointee.isReadPaused)
        #expect(rig.line.pointee.greeting.isEmpty && rig.line.pointee.greetingRepliesLeft == 0)
        #expect(rig.line.pointee.descriptor == -1)
        #expect(rig.waitingBytes() == [1, 2, 3] && rig.line.pointee.inFlight.count == 1)
        #expect(rig.pool.chunks.freeCount == 2)
        rig.clear()
    }
}
