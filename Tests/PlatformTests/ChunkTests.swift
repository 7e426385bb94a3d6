import Glibc
import TestKit
import Testing

@testable import Platform

struct ChunkTests {
    @Test func theHeaderIsAsLongAsItSays() { #expect(MemoryLayout<Chunk>.size == Chunk.headerSizeBytes) }

    @Test func sizeClassesHoldAtTheirBorders() {
        var pool = ChunkPool()
        for index in 0..<ChunkPool.classCount {
            let capacityBytes = ChunkPool.smallestBytes << index - Chunk.headerSizeBytes
            for sizeBytes in [capacityBytes - 1, capacityBytes] {
                let made = pool.take(atLeast: sizeBytes)
                #expect(made.pointee.capacityBytes == capacityBytes)
                pool.release(made)
                // The second time it comes from the free list: both ways must agree on the class.
                let taken = pool.take(atLeast: sizeBytes)
                #expect(taken == made && taken.pointee.capacityBytes == capacityBytes)
                pool.release(taken)
            }
            let next = pool.take(atLeast: capacityBytes + 1)
            let isLast = index == ChunkPool.classCount - 1
            #expect(
                next.pointee.capacityBytes == (isLast ? capacityBytes + 1 : 2 * capacityBytes + Chunk.headerSizeBytes))
            pool.release(next)
        }
        for tiny in [0, 1] {
            let chunk = pool.take(atLeast: tiny)
            #expect(chunk.pointee.capacityBytes == ChunkPool.smallestBytes - Chunk.headerSizeBytes)
            pool.release(chunk)
        }
    }

    @Test func theLargestPooledChunkIsPooled() {
        var pool = ChunkPool()
        let chunk = pool.takeStandard()
        #expect(chunk.pointee.capacityBytes == ChunkPool.standardCapacityBytes)
        pool.release(chunk)
        #expect(pool.freeCount == 1)
        let larger = pool.take(atLeast: ChunkPool.largestCapacityBytes + 1)
        pool.release(larger)
        #expect(pool.freeCount == 1 && pool.totalBytes == 131_072)
    }

    @Test func allBytesOfAChunkCanBeWritten() {
        var pool = ChunkPool()
        var chunks: [ChunkRef] = []
        for sizeBytes in [0, 480, 481, 5_000, 65_504, 65_505, 131_040, 131_041, 1_000_000] {
            let chunk = pool.take(atLeast: sizeBytes)
            memset(chunk.data, Int32(chunks.count), chunk.pointee.capacityBytes)
            chunks.append(chunk)
        }
        for (index, chunk) in chunks.enumerated() {
            let bytes = UnsafeBufferPointer(start: chunk.data, count: chunk.pointee.capacityBytes)
            #expect(bytes.allSatisfy { $0 == UInt8(index) })
            pool.release(chunk)
        }
    }

    @Test func onlyTheLastHolderGivesAChunkBack() {
        var pool = ChunkPool()
        let chunk = pool.take(atLeast: 100)
        #expect(chunk.pointee.referenceCount == 1)
        chunk.retain()
        chunk.retain()
        pool.release(chunk)
        pool.release(chunk)
        #expect(pool.freeCount == 0)
        pool.release(chunk)
        #expect(pool.freeCount == 1)
    }

    @Test func aChunkUsedAgainIsEmptyWithOneHolder() {
        var pool = ChunkPool()
        let chunk = pool.take(atLeast: 100)
        chunk.pointee.fillBytes = 77
        pool.release(chunk)
        let again = pool.take(atLeast: 200)
        #expect(again == chunk && again.pointee.fillBytes == 0 && again.pointee.referenceCount == 1)
        #expect(again.roomBytes == 480)
        pool.release(again)
    }

    @Test func pinnedChunksNeverGoBack() {
        var pinned = Chunk.pinned(capacityBytes: 10)
        #expect(pinned.referenceCount > 1_000_000 && pinned.capacityBytes == 10)
        withUnsafeMutablePointer(to: &pinned) { chunk in
            var pool = ChunkPool()
            for _ in 0..<1_000 { pool.release(chunk) }
            #expect(pool.freeCount == 0 && pool.totalBytes == 0)
        }
    }

    @Test func trimGivesBackWhatNobodyNeededSinceTheLastTrim() {
        var pool = ChunkPool()
        let chunks = (0..<10).map { _ in pool.take(atLeast: 480) }
        for chunk in chunks { pool.release(chunk) }
        pool.trim()
        #expect(pool.freeCount == 10, "they were all needed a moment ago")
        let needed = (0..<4).map { _ in pool.take(atLeast: 480) }
        for chunk in needed { pool.release(chunk) }
        pool.trim()
        #expect(pool.freeCount == 4 && pool.totalBytes == 4 * 512)
        pool.trim()
        #expect(pool.freeCount == 0 && pool.totalBytes == 0)
    }

    @Test func trimLeavesHeldChunksAlone() {
        var pool = ChunkPool()
        let held = pool.take(atLeast: 480)
        for _ in 0..<3 { pool.trim() }
        #expect(pool.totalBytes == 512 && held.pointee.referenceCount == 1)
        pool.release(held)
        pool.trim()
        #expect(pool.freeCount == 1)
        pool.trim()
        #expect(pool.freeCount == 0)
    }

    /// Goal: the numbers are right at every moment. Method: random takes, releases and trims against a plain sum.
    @Test func theAccountsAreRight() {
        var random = SeededRandom.announced()
        var pool = ChunkPool()
        var held: [(chunk: ChunkRef, byte: UInt8)] = []
        var heldBytes = 0
        for _ in 0..<20_000 {
            switch random.below(20) {
            case 0: pool.trim()
            case 1..<11:
                let chunk = pool.take(atLeast: random.below(1 << random.below(19)))
                let byte = UInt8(random.below(256))
                memset(chunk.data, Int32(byte), min(64, chunk.pointee.capacityBytes))
                chunk.data[chunk.pointee.capacityBytes - 1] = byte
                held.append((chunk, byte))
                heldBytes += chunk.pointee.capacityBytes + Chunk.headerSizeBytes
            default:
                if held.isEmpty { continue }
                let (chunk, byte) = held.remove(at: random.below(held.count))
                #expect(chunk.data[0] == byte && chunk.data[chunk.pointee.capacityBytes - 1] == byte)
                heldBytes -= chunk.pointee.capacityBytes + Chunk.headerSizeBytes
                pool.release(chunk)
            }
            #expect(pool.totalBytes >= heldBytes)
            if pool.freeCount == 0 { #expect(pool.totalBytes == heldBytes) }
        }
        for (chunk, _) in held { pool.release(chunk) }
        pool.trim()
        pool.trim()
        #expect(pool.totalBytes == 0 && pool.freeCount == 0)
    }

    /// Goal: a large value's memory is gone with it. Method: the address cannot be read any more.
    @Test func largeChunksAreUnmapped() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            var pool = ChunkPool()
            let chunk = pool.take(atLeast: 64 << 20)
            chunk.data[0] = 1
            let data = UnsafeMutablePointer(chunk.data)
            pool.release(chunk)
            data[0] = 2
        }
    }

    @Test func trimmedChunksOfTheLargestClassAreUnmapped() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            var pool = ChunkPool()
            let chunk = pool.takeStandard()
            let data = chunk.data
            pool.release(chunk)
            data[0] = 1
            pool.trim()
            data[0] = 2
            pool.trim()
            data[0] = 3
        }
    }
}
