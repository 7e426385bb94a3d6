// CopyTable: one worker's copies of the replies to reads of a pool's hot keys.
//
//     key "user:1" ──► copy (GET, RESP2) ──► copy (STRLEN, RESP3)          found by the bytes of the whole request
//
// Ownership: the table owns the records; each copy holds a chunk with its request and, behind it, the reply. Fixed
// tables, chained; only keys and copies that come and go allocate, never a hit.
// Not here: whether a copy may be used (Engine+Copies), which keys are hot (Engine+HotKeys).

import Platform
import Upstream
import Wire

typealias CopyRef = UnsafeMutablePointer<Copy>
typealias CopiedKeyRef = UnsafeMutablePointer<CopiedKey>

/// A key that is hot here.
struct CopiedKey: BitwiseCopyable {
    let hash: UInt64
    /// Its name; this record owns it.
    let name: UnsafeMutablePointer<UInt8>
    let nameBytes: Int
    let shardIndex: Int
    /// Marked for other workers' writes; copies are made one look later, when writes of before have passed.
    var isOpen = false
    var firstCopy: CopyRef?
    var firstFill: FillRef?
    var hits = 0
    /// Its values are too long, or end in parts; not tried again while the key is hot.
    var isUncopyable = false
    /// Who misses it is guarded (Misses).
    let isGuarded: Bool
    /// Somebody brings it anew; readers draw no lot before.
    var drawsFromMs: UInt64 = 0
    /// Copies on servers that are being made, or are read.
    var generation: GenerationRef?
    /// Older ones, of which reads are under way.
    var firstEnded: GenerationRef?
    /// The next generation is not made before, and the last change makes it wait for so long.
    var restsUntilMs: UInt64 = 0
    var restMs = Generation.restMsMin
    /// Of its slot and pool, when it was last looked at.
    var seenVersion: UInt64 = 0
    var nextInBucket: CopiedKeyRef?

    var slot: Int { HotSlotsView.slot(of: hash) }
    /// Clients wait for reads that do not go the common way.
    var isAwaited: Bool { firstFill != nil || hasSpreadReads }
    var hasSpreadReads: Bool { firstEnded != nil || (generation?.pointee.readCount ?? 0) > 0 }
    var view: ByteView { ByteView(start: UnsafePointer(name), count: nameBytes) }
}

/// A reply that is known, and how long it may be used.
struct Copy: BitwiseCopyable {
    let hash: UInt64
    let key: CopiedKeyRef
    /// The request's bytes, then the reply's.
    let chunk: ChunkRef
    let requestBytes: Int
    let replyBytes: Int
    let protocolVersion: RESPVersion
    /// Of its slot and pool, when it was asked for.
    let version: UInt64
    /// In the order in which copies were asked for.
    let stamp: UInt32
    let askedAtMs: UInt64
    let untilMs: UInt64
    /// Who reads it may be told that the key is missing, to bring it anew before it ends.
    let drawsLots: Bool
    var nextInBucket: CopyRef?
    var nextOfKey: CopyRef?
}

struct CopyTable: BitwiseCopyable {
    private let copyBuckets: UnsafeMutablePointer<CopyRef?>
    private let keyBuckets: UnsafeMutablePointer<CopiedKeyRef?>
    private(set) var copyCount = 0
    private(set) var keyCount = 0
    /// Of the chunks of all copies.
    private(set) var sizeBytes = 0

    private static let copyBucketCount = 4_096
    private static let keyBucketCount = 1_024

    init() {
        copyBuckets = .allocate(capacity: Self.copyBucketCount)
        copyBuckets.initialize(repeating: nil, count: Self.copyBucketCount)
        keyBuckets = .allocate(capacity: Self.keyBucketCount)
        keyBuckets.initialize(repeating: nil, count: Self.keyBucketCount)
    }

    /// The copies' chunks stay with their pool.
    func deallocate() {
        for key in keys {
            var next = key.pointee.firstCopy
            while let copy = next {
                next = copy.pointee.nextOfKey
                copy.deallocate()
            }
            key.pointee.name.deallocate()
            key.deallocate()
        }
        copyBuckets.deallocate()
        keyBuckets.deallocate()
    }

    // MARK: Copies

    @inline(__always)
    private func copyBucket(_ hash: UInt64) -> UnsafeMutablePointer<CopyRef?> {
        copyBuckets + Int(truncatingIfNeeded: hash & UInt64(Self.copyBucketCount - 1))
    }

    @inline(__always)
    func copy(_ hash: UInt64, _ request: ByteView, _ protocolVersion: RESPVersion) -> CopyRef? {
        var next = copyBucket(hash).pointee
        while let copy = next {
            if copy.pointee.hash == hash, copy.pointee.requestBytes == request.count,
                copy.pointee.protocolVersion == protocolVersion,
                ByteView(start: UnsafePointer(copy.pointee.chunk.data), count: request.count).isEqual(to: request)
            {
                return copy
            }
            next = copy.pointee.nextInBucket
        }
        return nil
    }

    /// Takes over a reference on the chunk.
    mutating func insert(_ made: Copy) {
        let copy = CopyRef.allocate(capacity: 1)
        copy.initialize(to: made)
        let bucket = copyBucket(made.hash)
        copy.pointee.nextInBucket = bucket.pointee
        bucket.pointee = copy
        copy.pointee.nextOfKey = made.key.pointee.firstCopy
        made.key.pointee.firstCopy = copy
        copyCount += 1
        sizeBytes += made.chunk.pointee.capacityBytes
    }

    mutating func remove(_ copy: CopyRef, pool: inout BufferPool) {
        let bucket = copyBucket(copy.pointee.hash)
        if bucket.pointee == copy {
            bucket.pointee = copy.pointee.nextInBucket
        } else {
            var previous = bucket.pointee
            while let other = previous, other.pointee.nextInBucket != copy { previous = other.pointee.nextInBucket }
            previous.unsafelyUnwrapped.pointee.nextInBucket = copy.pointee.nextInBucket
        }
        let key = copy.pointee.key
        if key.pointee.firstCopy == copy {
            key.pointee.firstCopy = copy.pointee.nextOfKey
        } else {
            var previous = key.pointee.firstCopy
            while let other = previous, other.pointee.nextOfKey != copy { previous = other.pointee.nextOfKey }
            previous.unsafelyUnwrapped.pointee.nextOfKey = copy.pointee.nextOfKey
        }
        copyCount -= 1
        sizeBytes -= copy.pointee.chunk.pointee.capacityBytes
        pool.chunks.release(copy.pointee.chunk)
        copy.deallocate()
    }

    // MARK: Keys

    private func keyBucket(_ hash: UInt64) -> UnsafeMutablePointer<CopiedKeyRef?> {
        keyBuckets + Int(truncatingIfNeeded: hash & UInt64(Self.keyBucketCount - 1))
    }

    @inline(__always)
    func key(_ hash: UInt64, _ name: ByteView) -> CopiedKeyRef? {
        var next = keyBucket(hash).pointee
        while let key = next {
            if key.pointee.hash == hash, key.pointee.view.isEqual(to: name) { return key }
            next = key.pointee.nextInBucket
        }
        return nil
    }

    mutating func insertKey(_ hash: UInt64, _ name: ByteView, shardIndex: Int, isGuarded: Bool) -> CopiedKeyRef {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, name.count))
        bytes.update(from: name.start, count: name.count)
        let key = CopiedKeyRef.allocate(capacity: 1)
        key.initialize(
            to: CopiedKey(
                hash: hash, name: bytes, nameBytes: name.count, shardIndex: shardIndex, isGuarded: isGuarded))
        let bucket = keyBucket(hash)
        key.pointee.nextInBucket = bucket.pointee
        bucket.pointee = key
        keyCount += 1
        return key
    }

    /// The key's copies must be gone, and no fill and no generation may know it any more.
    mutating func removeKey(_ key: CopiedKeyRef) {
        precondition(key.pointee.firstCopy == nil && key.pointee.firstFill == nil)
        precondition(key.pointee.generation == nil && key.pointee.firstEnded == nil)
        let bucket = keyBucket(key.pointee.hash)
        if bucket.pointee == key {
            bucket.pointee = key.pointee.nextInBucket
        } else {
            var previous = bucket.pointee
            while let other = previous, other.pointee.nextInBucket != key { previous = other.pointee.nextInBucket }
            previous.unsafelyUnwrapped.pointee.nextInBucket = key.pointee.nextInBucket
        }
        keyCount -= 1
        key.pointee.name.deallocate()
        key.deallocate()
    }

    /// Made anew each time, for looks and losses only.
    var keys: [CopiedKeyRef] {
        var keys: [CopiedKeyRef] = []
        for index in 0..<Self.keyBucketCount {
            var next = keyBuckets[index]
            while let key = next {
                keys.append(key)
                next = key.pointee.nextInBucket
            }
        }
        return keys
    }
}
