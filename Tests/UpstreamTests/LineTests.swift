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

        init() {
            cells = Counters(
                layout: TelemetryLayout(workerCount: 1, pools: [TelemetryLayout.Pool(name: "p", servers: ["s"])]))
            counters = cells.server(0, pool: 0, worker: 0)
            shard = .allocate(capacity: 1)
            shard.initialize(to: Shard(poolIndex: 0, index: 0, names: names, counters: counters, lineCount: 1))
            shard.add(Dialect(version: .two, database: 0))
            line = shard.pointee.lines[0]
        }

        deinit {
            line.pointee.inFlight.deallocate()
            line.deallocate()
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
            #expect(rig.line.cutOffWritten(pool: &rig.pool) == touched, "after \(sent) bytes")
            #expect(rig.waitingBytes() == Array(all[start...]), "after \(sent) bytes")
            #expect(rig.line.pointee.inFlight.count == Self.requests.count, "the caller answers them and removes them")
            // A second look changes nothing: the rest is whole requests.
            rig.line.pointee.inFlight.removeFirst(touched)
            #expect(rig.line.cutOffWritten(pool: &rig.pool) == 0)
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
        rig.line.pointee.inFlight.buryOldestLive()
        #expect(rig.line.unwrittenCount == 3)
        #expect(rig.line.cutOffWritten(pool: &rig.pool) == 2)
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
