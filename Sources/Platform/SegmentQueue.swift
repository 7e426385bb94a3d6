// SegmentQueue: bytes that wait to be written, as pieces of chunks in order.
// The queue holds one reference on the chunk of each piece. Small appends are copied behind each other; large ones are
// taken over by reference, so a value is never copied on its way through.
// Not here: the system call that writes them (Socket), who may write how much (Upstream, Session).

public import Glibc

public typealias SegmentRef = UnsafeMutablePointer<Segment>

/// One piece of a chunk in a queue.
public struct Segment: BitwiseCopyable {
    public var chunk: ChunkRef
    public var offset: Int
    public var sizeBytes: Int
    public var next: SegmentRef?

    @inlinable
    init(chunk: ChunkRef, offset: Int, sizeBytes: Int) {
        self.chunk = chunk
        self.offset = offset
        self.sizeBytes = sizeBytes
    }
}

/// Chunks and the nodes that queue them: all buffer memory of one worker.
public struct BufferPool: ~Copyable {
    public var chunks = ChunkPool()
    @usableFromInline var freeSegments: SegmentRef?

    public init() {}

    deinit {
        var segment = freeSegments
        while let node = segment {
            segment = node.pointee.next
            node.deallocate()
        }
    }

    @inlinable
    mutating func takeSegment(_ chunk: ChunkRef, offset: Int, sizeBytes: Int) -> SegmentRef {
        let node = freeSegments ?? SegmentRef.allocate(capacity: 1)
        if freeSegments != nil { freeSegments = node.pointee.next }
        node.initialize(to: Segment(chunk: chunk, offset: offset, sizeBytes: sizeBytes))
        return node
    }

    @inlinable
    mutating func giveBack(_ segment: SegmentRef) {
        chunks.release(segment.pointee.chunk)
        segment.pointee.next = freeSegments
        freeSegments = segment
    }
}

/// Invariant: `sizeBytes` is the sum of the pieces' sizes, and no piece is empty.
public struct SegmentQueue: BitwiseCopyable {
    public var first: SegmentRef?
    @usableFromInline var last: SegmentRef?
    public var sizeBytes = 0
    /// The last piece ends where its chunk's bytes end, and only this queue appends to that chunk.
    @usableFromInline var isLastOpen = false

    /// First chunk of a run of small appends.
    @inlinable static var appendChunkBytes: Int { 16_384 - Chunk.headerSizeBytes }

    public init() {}

    @inlinable
    public var isEmpty: Bool { sizeBytes == 0 }

    /// Copies `count` bytes to the end.
    @inlinable
    public mutating func append(_ start: UnsafePointer<UInt8>, count: Int, pool: inout BufferPool) {
        if isLastOpen, let node = last, node.pointee.chunk.roomBytes >= count {
            let chunk = node.pointee.chunk
            memcpy(chunk.data + chunk.pointee.fillBytes, start, count)
            chunk.pointee.fillBytes &+= count
            node.pointee.sizeBytes &+= count
            sizeBytes &+= count
        } else {
            appendInNewChunk(start, count: count, pool: &pool)
        }
    }

    @usableFromInline @inline(never)
    mutating func appendInNewChunk(_ start: UnsafePointer<UInt8>, count: Int, pool: inout BufferPool) {
        if count == 0 { return }
        let chunk = pool.chunks.take(atLeast: max(count, Self.appendChunkBytes))
        memcpy(chunk.data, start, count)
        chunk.pointee.fillBytes = count
        link(pool.takeSegment(chunk, offset: 0, sizeBytes: count))
        isLastOpen = true
    }

    /// Puts a piece at the end and takes over the caller's reference on its chunk.
    public mutating func append(taking chunk: ChunkRef, offset: Int, sizeBytes: Int, pool: inout BufferPool) {
        guard sizeBytes > 0 else { return pool.chunks.release(chunk) }
        link(pool.takeSegment(chunk, offset: offset, sizeBytes: sizeBytes))
        isLastOpen = false
    }

    private mutating func link(_ node: SegmentRef) {
        if let tail = last { tail.pointee.next = node } else { first = node }
        last = node
        sizeBytes += node.pointee.sizeBytes
    }

    /// Drops `count` bytes from the front; `count` is at most `sizeBytes`.
    public mutating func dropFirst(_ count: Int, pool: inout BufferPool) {
        precondition(count >= 0 && count <= sizeBytes)
        sizeBytes -= count
        var rest = count
        while rest > 0, let node = first {
            if node.pointee.sizeBytes > rest {
                node.pointee.sizeBytes -= rest
                node.pointee.offset += rest
                return
            }
            rest -= node.pointee.sizeBytes
            first = node.pointee.next
            pool.giveBack(node)
        }
        if first == nil {
            last = nil
            isLastOpen = false
        }
    }

    public mutating func removeAll(pool: inout BufferPool) { dropFirst(sizeBytes, pool: &pool) }

    /// Moves `count` bytes from the front to the end of `other`; `count` is at most `sizeBytes`.
    public mutating func moveFirst(_ count: Int, to other: inout SegmentQueue, pool: inout BufferPool) {
        precondition(count >= 0 && count <= sizeBytes)
        var rest = count
        while rest > 0, let node = first {
            if node.pointee.sizeBytes > rest {
                node.pointee.chunk.retain()
                other.append(taking: node.pointee.chunk, offset: node.pointee.offset, sizeBytes: rest, pool: &pool)
                node.pointee.offset += rest
                node.pointee.sizeBytes -= rest
                sizeBytes -= rest
                return
            }
            rest -= node.pointee.sizeBytes
            sizeBytes -= node.pointee.sizeBytes
            first = node.pointee.next
            node.pointee.next = nil
            other.link(node)
            other.isLastOpen = false
        }
        if first == nil {
            last = nil
            isLastOpen = false
        }
    }

    /// Copies `count` bytes that begin `offset` bytes behind the front to the end of `other`.
    public func copy(offset: Int, count: Int, to other: inout SegmentQueue, pool: inout BufferPool) {
        precondition(offset >= 0 && count >= 0 && offset + count <= sizeBytes)
        var skipped = offset
        var rest = count
        var segment = first
        while rest > 0, let node = segment {
            segment = node.pointee.next
            let start = min(skipped, node.pointee.sizeBytes)
            let taken = min(rest, node.pointee.sizeBytes - start)
            skipped -= start
            rest -= taken
            other.append(
                UnsafePointer(node.pointee.chunk.data + node.pointee.offset + start), count: taken, pool: &pool)
        }
    }

    /// Takes out `count` bytes that begin `offset` bytes behind the front.
    public mutating func removeSubrange(offset: Int, count: Int, pool: inout BufferPool) {
        precondition(offset >= 0 && count >= 0 && offset + count <= sizeBytes)
        var head = SegmentQueue()
        moveFirst(offset, to: &head, pool: &pool)
        dropFirst(count, pool: &pool)
        head.append(contentsOf: &self)
        self = head
    }

    /// Moves all of `other` to the end of this queue.
    public mutating func append(contentsOf other: inout SegmentQueue) {
        guard let head = other.first else { return }
        if let tail = last { tail.pointee.next = head } else { first = head }
        last = other.last
        sizeBytes += other.sizeBytes
        isLastOpen = other.isLastOpen
        other = SegmentQueue()
    }

    /// Fills `vectors` with the first pieces.
    ///
    /// - Returns: how many vectors were filled and how many bytes they cover.
    public func gather(into vectors: UnsafeMutablePointer<iovec>, countMax: Int) -> (count: Int, sizeBytes: Int) {
        var count = 0
        var total = 0
        var segment = first
        while count < countMax, let node = segment {
            vectors[count] = iovec(
                iov_base: node.pointee.chunk.data + node.pointee.offset, iov_len: node.pointee.sizeBytes)
            total += node.pointee.sizeBytes
            count += 1
            segment = node.pointee.next
        }
        return (count, total)
    }
}
