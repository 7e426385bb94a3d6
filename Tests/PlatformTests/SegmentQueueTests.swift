import Glibc
import TestKit
import Testing

@testable import Platform

extension SegmentQueue {
    fileprivate mutating func append(_ bytes: [UInt8], pool: inout BufferPool) {
        bytes.withUnsafeBufferPointer { if let start = $0.baseAddress { append(start, count: $0.count, pool: &pool) } }
    }

    /// All bytes, and how many pieces they lie in.
    fileprivate func contents() -> (bytes: [UInt8], pieceCount: Int) {
        var bytes: [UInt8] = []
        var count = 0
        var segment = first
        while let node = segment {
            let start = node.pointee.chunk.data + node.pointee.offset
            bytes += UnsafeBufferPointer(start: start, count: node.pointee.sizeBytes)
            count += 1
            #expect(node.pointee.sizeBytes > 0)
            segment = node.pointee.next
        }
        return (bytes, count)
    }
}

extension BufferPool {
    fileprivate mutating func chunk(holding bytes: [UInt8]) -> ChunkRef {
        let chunk = chunks.take(atLeast: bytes.count)
        bytes.withUnsafeBufferPointer { if let start = $0.baseAddress { memcpy(chunk.data, start, $0.count) } }
        chunk.pointee.fillBytes = bytes.count
        return chunk
    }

    /// Nothing is held any more: all chunks are free, and the system gets them back.
    fileprivate mutating func expectNothingHeld(at location: SourceLocation = #_sourceLocation) {
        chunks.trim()
        chunks.trim()
        #expect(chunks.freeCount == 0 && chunks.totalBytes == 0, sourceLocation: location)
    }
}

struct SegmentQueueTests {
    @Test func smallAppendsShareAChunk() {
        var pool = BufferPool()
        var queue = SegmentQueue()
        for byte in 0..<100 { queue.append([UInt8(byte)], pool: &pool) }
        #expect(queue.contents().bytes == Array(0..<100))
        #expect(queue.contents().pieceCount == 1 && queue.sizeBytes == 100)
        queue.removeAll(pool: &pool)
        #expect(queue.isEmpty && queue.first == nil)
        pool.expectNothingHeld()
    }

    @Test func emptyAppendsLeaveNoPiece() {
        var pool = BufferPool()
        var queue = SegmentQueue()
        var byte: UInt8 = 1
        queue.append(&byte, count: 0, pool: &pool)
        queue.append(taking: pool.chunk(holding: [1]), offset: 0, sizeBytes: 0, pool: &pool)
        #expect(queue.isEmpty && queue.first == nil)
        queue.append(&byte, count: 1, pool: &pool)
        queue.append(&byte, count: 0, pool: &pool)
        #expect(queue.contents() == ([1], 1))
        queue.removeAll(pool: &pool)
        pool.expectNothingHeld()
    }

    /// Goal: bytes of others are never written over. Method: append behind a piece that was taken over, whose chunk has
    /// room and another holder.
    @Test func aChunkThatWasTakenOverIsNotAppendedTo() {
        var pool = BufferPool()
        var queue = SegmentQueue()
        let chunk = pool.chunk(holding: [1, 2, 3])
        chunk.retain()
        queue.append([9], pool: &pool)
        queue.append(taking: chunk, offset: 1, sizeBytes: 2, pool: &pool)
        queue.append([4], pool: &pool)
        #expect(chunk.pointee.fillBytes == 3)
        #expect(queue.contents() == ([9, 2, 3, 4], 3))
        queue.removeAll(pool: &pool)
        #expect(chunk.pointee.referenceCount == 1)
        pool.chunks.release(chunk)
        pool.expectNothingHeld()
    }

    @Test func aQueueThatRanDryBeginsAnew() {
        var pool = BufferPool()
        var queue = SegmentQueue()
        for round in 0..<50 {
            queue.append([UInt8](repeating: UInt8(round), count: 1 + round * 400), pool: &pool)
            queue.dropFirst(round * 400, pool: &pool)
            #expect(queue.contents().bytes == [UInt8(round)])
            queue.dropFirst(1, pool: &pool)
            #expect(queue.isEmpty && queue.first == nil)
        }
        pool.expectNothingHeld()
    }

    @Test func gatherStopsAtTheVectorsThereAre() {
        var pool = BufferPool()
        var queue = SegmentQueue()
        for index in 0..<10 {
            queue.append(taking: pool.chunk(holding: [UInt8(index)]), offset: 0, sizeBytes: 1, pool: &pool)
        }
        var vectors = [iovec](repeating: iovec(), count: 16)
        for countMax in 0...16 {
            let gathered = queue.gather(into: &vectors, countMax: countMax)
            #expect(gathered == (min(10, countMax), min(10, countMax)))
        }
        queue.removeAll(pool: &pool)
        #expect(queue.gather(into: &vectors, countMax: 16) == (0, 0))
        pool.expectNothingHeld()
    }

    @Test func moreThanThereIsCannotBeDropped() async {
        await #expect(processExitsWith: .failure) {
            var pool = BufferPool()
            var queue = SegmentQueue()
            queue.append([1, 2], pool: &pool)
            queue.dropFirst(3, pool: &pool)
        }
    }

    /// Goal: three queues that share chunks always hold what three arrays hold, and leave nothing behind.
    @Test func queuesAndArraysAgree() {
        var random = SeededRandom.announced()
        var pool = BufferPool()
        var queues = [SegmentQueue](repeating: SegmentQueue(), count: 3)
        var models = [[UInt8]](repeating: [], count: 3)
        var vectors = [iovec](repeating: iovec(), count: 8)
        for _ in 0..<6_000 {
            let index = random.below(3)
            let bytes = (0..<random.below(random.oneOf([4, 40, 3_000]))).map { _ in UInt8(random.below(256)) }
            switch random.below(12) {
            case 0...3:
                queues[index].append(bytes, pool: &pool)
                models[index] += bytes
            case 4, 5:
                let chunk = pool.chunk(holding: bytes)
                let other = random.below(3)
                let from = random.below(bytes.count + 1)
                chunk.retain()
                queues[index].append(taking: chunk, offset: from, sizeBytes: bytes.count - from, pool: &pool)
                models[index] += bytes[from...]
                queues[other].append(taking: chunk, offset: 0, sizeBytes: from, pool: &pool)
                models[other] += bytes[..<from]
            case 6:
                let other = (index + 1) % 3
                var moved = queues[other]
                queues[index].append(contentsOf: &moved)
                queues[other] = moved
                models[index] += models[other]
                models[other] = []
            case 7:
                if random.below(10) > 0 { continue }
                queues[index].removeAll(pool: &pool)
                models[index] = []
            case 8:
                let gathered = queues[index].gather(into: &vectors, countMax: 1 + random.below(8))
                let seen = vectors.prefix(gathered.count).flatMap {
                    Array(UnsafeRawBufferPointer(start: $0.iov_base, count: $0.iov_len))
                }
                #expect(seen.count == gathered.sizeBytes && models[index].starts(with: seen))
                if !models[index].isEmpty { #expect(gathered.count > 0) }
            default:
                let count = random.below(min(models[index].count, random.oneOf([10, 3_000, 100_000])) + 1)
                queues[index].dropFirst(count, pool: &pool)
                models[index].removeFirst(count)
            }
            #expect(queues[index].sizeBytes == models[index].count)
            #expect(queues[index].contents().bytes == models[index])
        }
        for index in 0..<3 {
            #expect(queues[index].contents().bytes == models[index])
            queues[index].removeAll(pool: &pool)
        }
        pool.expectNothingHeld()
    }
}
