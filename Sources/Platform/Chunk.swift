// Chunk: one reference-counted run of bytes, and the pool that hands chunks out.
// Counts are not atomic: a chunk lives and dies on one worker. Whoever holds a reference may read [0, fillBytes);
// only the one who fills it appends. Bytes below fillBytes never change while anybody else holds a reference.
//
//   | header, 32 bytes | data: 0 ... fillBytes ... capacityBytes |
//
// Not here: queues of pieces (SegmentQueue).

import CLinux
import Glibc

public typealias ChunkRef = UnsafeMutablePointer<Chunk>

/// Header of a chunk; its bytes follow at once.
public struct Chunk: BitwiseCopyable {
    /// Holders; the chunk goes back to its pool when the last one releases it.
    public var referenceCount: Int32
    /// Index of its size class, or -1 for one of its own size.
    @usableFromInline var sizeClass: Int32
    public var capacityBytes: Int
    /// Bytes written so far.
    public var fillBytes: Int
    /// Next in a free list.
    @usableFromInline var next: ChunkRef?

    @inlinable
    public static var headerSizeBytes: Int { 32 }

    /// The header of a chunk outside all pools, with so many references that it never goes back to one.
    package static func pinned(capacityBytes: Int) -> Chunk {
        Chunk(referenceCount: 1 << 30, sizeClass: -1, capacityBytes: capacityBytes, fillBytes: 0, next: nil)
    }
}

extension UnsafeMutablePointer where Pointee == Chunk {
    @inlinable
    public var data: UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(self).advanced(by: Chunk.headerSizeBytes).assumingMemoryBound(to: UInt8.self)
    }

    @inlinable
    public var roomBytes: Int { pointee.capacityBytes &- pointee.fillBytes }

    @inlinable
    public func retain() { pointee.referenceCount &+= 1 }
}

/// Chunks of one worker, by size class: 512 bytes, doubling, up to 1 MiB; longer ones are made to measure.
///
/// Invariant: a free chunk has no holder, and a held chunk is in no free list.
/// Free chunks that a whole second did not need are given back to the system (`trim`).
public struct ChunkPool: ~Copyable {
    @inlinable public static var smallestBytes: Int { 512 }
    @inlinable public static var classCount: Int { 12 }
    /// Data bytes of the largest pooled chunk.
    @inlinable public static var largestCapacityBytes: Int { 1_048_576 - Chunk.headerSizeBytes }
    /// Data bytes of a chunk that sockets are received into: what one read brings at most, and no burden when a short
    /// reply holds on to it.
    @inlinable public static var standardCapacityBytes: Int { 131_072 - Chunk.headerSizeBytes }

    @usableFromInline struct FreeList {
        @usableFromInline var first: ChunkRef?
        @usableFromInline var count = 0
        /// Fewest free chunks since the last trim: nobody needed those.
        @usableFromInline var countMin = 0
    }

    @usableFromInline let lists: UnsafeMutablePointer<FreeList>
    /// All memory taken from the system, held and free.
    public private(set) var totalBytes = 0

    public init() {
        lists = .allocate(capacity: Self.classCount)
        lists.initialize(repeating: FreeList(), count: Self.classCount)
    }

    deinit {
        for index in 0..<Self.classCount {
            while let chunk = lists[index].first {
                lists[index].first = chunk.pointee.next
                Self.free(chunk)
            }
        }
        lists.deallocate()
    }

    /// A chunk with one holder, empty, with room for at least `sizeBytes`.
    @inlinable
    public mutating func take(atLeast sizeBytes: Int) -> ChunkRef {
        let wantedBytes = sizeBytes &+ Chunk.headerSizeBytes &- 1
        let index = Swift.max(0, Int.bitWidth &- wantedBytes.leadingZeroBitCount &- 9)
        guard index < Self.classCount, let chunk = lists[index].first else { return make(atLeast: sizeBytes) }
        lists[index].first = chunk.pointee.next
        lists[index].count &-= 1
        if lists[index].count < lists[index].countMin { lists[index].countMin = lists[index].count }
        chunk.pointee.referenceCount = 1
        chunk.pointee.fillBytes = 0
        return chunk
    }

    @inlinable
    public mutating func takeStandard() -> ChunkRef { take(atLeast: Self.standardCapacityBytes) }

    @inlinable
    public mutating func release(_ chunk: ChunkRef) {
        chunk.pointee.referenceCount &-= 1
        if chunk.pointee.referenceCount == 0 { giveBack(chunk) }
    }

    @inlinable
    mutating func giveBack(_ chunk: ChunkRef) {
        let index = Int(chunk.pointee.sizeClass)
        if index < 0 { return freeLarge(chunk) }
        chunk.pointee.next = lists[index].first
        lists[index].first = chunk
        lists[index].count &+= 1
    }

    /// Returns to the system what no one needed since the last call; called about once a second.
    ///
    /// - Returns: bytes of it that went back to the heap, which keeps their pages.
    @discardableResult
    public mutating func trim() -> Int {
        var heapBytes = 0
        for index in 0..<Self.classCount {
            var surplus = lists[index].countMin
            while surplus > 0, let chunk = lists[index].first {
                lists[index].first = chunk.pointee.next
                lists[index].count -= 1
                let sizeBytes = chunk.pointee.capacityBytes + Chunk.headerSizeBytes
                totalBytes -= sizeBytes
                if sizeBytes < Self.mappedBytesMin { heapBytes += sizeBytes }
                Self.free(chunk)
                surplus -= 1
            }
            lists[index].countMin = lists[index].count
        }
        return heapBytes
    }

    /// Returns all free chunks to the system, for memory is short.
    public mutating func releaseFree() {
        for index in 0..<Self.classCount { lists[index].countMin = lists[index].count }
        trim()
    }

    /// Chunks that wait in free lists.
    public var freeCount: Int { (0..<Self.classCount).reduce(0) { $0 + lists[$1].count } }

    @usableFromInline @inline(never)
    mutating func make(atLeast sizeBytes: Int) -> ChunkRef {
        var classBytes = Self.smallestBytes
        var index = 0
        while index < Self.classCount, classBytes - Chunk.headerSizeBytes < sizeBytes {
            classBytes *= 2
            index += 1
        }
        let isPooled = index < Self.classCount
        let wholeBytes = isPooled ? classBytes : sizeBytes + Chunk.headerSizeBytes
        totalBytes += wholeBytes
        let chunk = Self.allocate(wholeBytes).bindMemory(to: Chunk.self, capacity: 1)
        chunk.initialize(
            to: Chunk(
                referenceCount: 1, sizeClass: isPooled ? Int32(index) : -1,
                capacityBytes: wholeBytes - Chunk.headerSizeBytes, fillBytes: 0, next: nil))
        return chunk
    }

    @usableFromInline @inline(never)
    mutating func freeLarge(_ chunk: ChunkRef) {
        totalBytes -= chunk.pointee.capacityBytes + Chunk.headerSizeBytes
        Self.free(chunk)
    }

    /// From here on memory is mapped by itself, so that giving it back really gives it back.
    private static var mappedBytesMin: Int { 131_072 }

    private static func allocate(_ sizeBytes: Int) -> UnsafeMutableRawPointer {
        if sizeBytes < mappedBytesMin { return .allocate(byteCount: sizeBytes, alignment: 64) }
        guard let pages = clinux_map_pages(sizeBytes) else {
            fatalError("out of memory: no \(sizeBytes) bytes for a buffer; lower the limits in the config")
        }
        return pages
    }

    private static func free(_ chunk: ChunkRef) {
        let sizeBytes = chunk.pointee.capacityBytes + Chunk.headerSizeBytes
        if sizeBytes < mappedBytesMin { return UnsafeMutableRawPointer(chunk).deallocate() }
        munmap(chunk, sizeBytes)
    }
}
