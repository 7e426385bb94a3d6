// RecentReads: what one worker has lately put into the queues of its lines, so that the next equal read finds it there.
//
//     hash of the request ──► place: whose stretch of a queue, which entry of it, and the request's bytes
//
// A fixed table: a newcomer takes its place whoever stands there, and that read is just not found any more. Nothing is
// taken out; a place is of use while its stretch is its line's.
// Not here: who may join what is found (Engine+Coalescing).

import Glibc
import Platform
import Routing
import Upstream
import Wire

typealias RecentReadRef = UnsafeMutablePointer<RecentRead>

/// A read that was queued; its bytes follow at once.
struct RecentRead: BitwiseCopyable {
    /// Of its line (`Line.stretch`); 0 for none.
    var stretch: UInt64 = 0
    /// In its line's queue.
    var number = 0
    /// In the order of all reads of the worker that were queued to be found.
    var stamp: UInt32 = 0
    var sizeBytes: UInt32 = 0
}

struct RecentReads: BitwiseCopyable {
    private static let placeBytes = 256
    private static let placeCount = 1_024
    /// A longer read is sent by itself.
    static let requestBytesMax = placeBytes - MemoryLayout<RecentRead>.stride

    private let places: UnsafeMutableRawPointer
    /// Nobody outside can make requests that share a place.
    private let seed = UInt64.random(in: .min ... .max)
    private var stamp: UInt32 = 0
    private var stretch: UInt64 = 0

    init() {
        places = .allocate(byteCount: Self.placeBytes * Self.placeCount, alignment: 64)
        for index in 0..<Self.placeCount {
            (places + index * Self.placeBytes).initializeMemory(as: RecentRead.self, to: RecentRead())
        }
    }

    func deallocate() { places.deallocate() }

    /// Where such a request stands, if it was queued.
    @inline(__always)
    func place(of request: ByteView) -> RecentReadRef {
        let hash = SeededHash.value(of: request.start, count: request.count, seed: seed)
        let index = Int(truncatingIfNeeded: hash & UInt64(Self.placeCount &- 1))
        return (places + index &* Self.placeBytes).assumingMemoryBound(to: RecentRead.self)
    }

    /// The request stands there, in the stretch of this line.
    @inline(__always)
    func holds(_ request: ByteView, at place: RecentReadRef, of line: LineRef) -> Bool {
        place.pointee.stretch != 0 && place.pointee.stretch == line.pointee.stretch
            && Int(place.pointee.sizeBytes) == request.count && memcmp(place + 1, request.start, request.count) == 0
    }

    /// The request is the newest in the line's queue.
    @inline(__always)
    mutating func put(_ request: ByteView, at place: RecentReadRef, of line: LineRef) {
        if line.pointee.stretch == 0 {
            stretch &+= 1
            line.pointee.stretch = stretch
        }
        stamp &+= 1
        place.pointee = RecentRead(
            stretch: line.pointee.stretch, number: line.pointee.inFlight.newestNumber, stamp: stamp,
            sizeBytes: UInt32(truncatingIfNeeded: request.count))
        memcpy(place + 1, request.start, request.count)
    }

    /// No read that was queued so far has it or a later one.
    var nextStamp: UInt32 { stamp &+ 1 }
}
