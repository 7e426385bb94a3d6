// KeptValues: what GETs of guarded keys were answered last, so that nobody need wait while one client brings a key
// anew. One worker has a table for each pool that asks for it.
//
//     a reply ──► the place of its request, over what stands there ──► its time is over, or its bytes are wanted
//
// Rule: a value is used for `lifeMs` after the read that it came from was asked, and only while its slot's version is
// that of this moment: every write through Keyway raises it, before it is sent and again with its reply (HotSlots).
// Ownership: each place that is taken holds a chunk with the request and, behind it, the reply.
// Not here: who gets a kept value (Engine+Misses).

import Glibc
import Platform
import Routing
import Upstream
import Wire

struct KeptValue: BitwiseCopyable {
    /// The first line of its readers' dialect.
    let lineBase: Int
    let chunk: ChunkRef
    let requestBytes: Int
    let replyBytes: Int
    /// Of its slot and pool, when it was asked for.
    var version: UInt64
    var askedAtMs: UInt64

    var request: ByteView { ByteView(start: UnsafePointer(chunk.data), count: requestBytes) }
    var reply: ByteView { ByteView(start: UnsafePointer(chunk.data) + requestBytes, count: replyBytes) }
}

struct KeptValues: BitwiseCopyable {
    let lifeMs: UInt64
    let slots: HotSlotsView
    private let places: UnsafeMutablePointer<KeptValue?>
    private let placeCount: Int
    private let sizeBytesMax: Int
    /// Of the chunks of all places.
    private(set) var sizeBytes = 0
    /// Where bytes are looked for next.
    private var hand = 0

    /// - Parameters:
    ///   - placeCount: values that are kept at most.
    ///   - sizeBytesMax: of their chunks.
    init(lifeMs: Int, placeCount: Int, sizeBytesMax: Int, slots: HotSlotsView) {
        self.lifeMs = UInt64(lifeMs)
        self.slots = slots
        self.placeCount = max(1, placeCount)
        self.sizeBytesMax = sizeBytesMax
        places = .allocate(capacity: self.placeCount)
        places.initialize(repeating: nil, count: self.placeCount)
    }

    mutating func deallocate(pool: inout BufferPool) {
        dropAll(pool: &pool)
        places.deallocate()
    }

    private func place(_ keyHash: UInt64, lineBase: Int) -> UnsafeMutablePointer<KeptValue?> {
        places + Int((keyHash &+ UInt64(lineBase)) % UInt64(placeCount))
    }

    func version(of keyHash: UInt64) -> UInt64 { slots.version(HotSlotsView.slot(of: keyHash)) }

    /// Nil where none may be used.
    func value(of read: GuardedRead, nowMs: UInt64) -> KeptValue? {
        let lineBase = Int(read.client.pointee.lineBase)
        guard let kept = place(read.keyHash, lineBase: lineBase).pointee, kept.lineBase == lineBase,
            nowMs - min(nowMs, kept.askedAtMs) <= lifeMs, kept.version == version(of: read.keyHash),
            !slots.isClosed,
            kept.request.isEqual(to: read.requestView)
        else { return nil }
        return kept
    }

    mutating func keep(_ read: GuardedRead, _ reply: ByteView, pool: inout BufferPool) {
        let lineBase = Int(read.client.pointee.lineBase)
        let place = place(read.keyHash, lineBase: lineBase)
        if let held = place.pointee, held.lineBase == lineBase, held.request.isEqual(to: read.requestView) {
            // Of two connections the slower one may bring the older value.
            if held.askedAtMs > read.askedAtMs { return }
            if held.reply.isEqual(to: reply) {
                place.pointee?.askedAtMs = read.askedAtMs
                place.pointee?.version = read.version
                return
            }
        }
        drop(place, pool: &pool)
        let requestBytes = read.requestView.count
        let chunk = pool.chunks.take(atLeast: requestBytes + reply.count)
        guard makeRoom(for: chunk.pointee.capacityBytes, pool: &pool) else { return pool.chunks.release(chunk) }
        memcpy(chunk.data, read.requestView.start, requestBytes)
        memcpy(chunk.data + requestBytes, reply.start, reply.count)
        chunk.pointee.fillBytes = requestBytes + reply.count
        sizeBytes += chunk.pointee.capacityBytes
        place.pointee = KeptValue(
            lineBase: lineBase, chunk: chunk, requestBytes: requestBytes, replyBytes: reply.count,
            version: read.version, askedAtMs: read.askedAtMs)
    }

    private mutating func makeRoom(for wantedBytes: Int, pool: inout BufferPool) -> Bool {
        guard wantedBytes <= sizeBytesMax else { return false }
        while sizeBytes + wantedBytes > sizeBytesMax {
            drop(places + hand, pool: &pool)
            hand = (hand + 1) % placeCount
        }
        return true
    }

    private mutating func drop(_ place: UnsafeMutablePointer<KeptValue?>, pool: inout BufferPool) {
        guard let kept = place.pointee else { return }
        sizeBytes -= kept.chunk.pointee.capacityBytes
        pool.chunks.release(kept.chunk)
        place.pointee = nil
    }

    /// Once a second: those whose time is over.
    mutating func dropOld(nowMs: UInt64, pool: inout BufferPool) {
        guard sizeBytes > 0 else { return }
        for index in 0..<placeCount {
            guard let kept = places[index], nowMs - min(nowMs, kept.askedAtMs) > lifeMs else { continue }
            drop(places + index, pool: &pool)
        }
    }

    mutating func dropAll(pool: inout BufferPool) {
        guard sizeBytes > 0 else { return }
        for index in 0..<placeCount { drop(places + index, pool: &pool) }
    }
}
