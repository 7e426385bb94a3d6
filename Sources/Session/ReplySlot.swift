// ReplySlot: the place of one reply in its client's order, from the moment the request is read until its reply is sent.
//
//     waiting ──► ready                  the reply lies whole in one chunk
//        └──────► streaming ──► done     a long reply: pieces come in and go out
//
// A client's slots are a ring: requests are pushed at the tail, replies leave at the head, so the order of replies is
// the order of requests whatever the shards do. Rings come from a pool and go back to it when a client has nothing
// under way: an idle client owns none.
// Not here: who fills a slot (Engine+Replies), who sends it (Engine+Output).

import Platform
import Telemetry
import Upstream

typealias ReplyStreamRef = UnsafeMutablePointer<ReplyStream>

/// The pieces of a reply that is handed on while it still comes in.
struct ReplyStream: BitwiseCopyable {
    var pieces = SegmentQueue()
    var isComplete = false
    /// Where the rest comes from, so that a client that took its replies can let the line read on.
    var line: LineRef?
    var nextFree: ReplyStreamRef?
}

struct ReplySlot: BitwiseCopyable {
    enum State: UInt8, BitwiseCopyable { case waiting, ready, streaming }

    /// What is to be done beside sending the reply; most have none.
    struct Marks: OptionSet, BitwiseCopyable {
        let rawValue: UInt8
        /// CLIENT REPLY OFF or SKIP: the reply is dropped when it comes.
        static let suppressed = Marks(rawValue: 1)
        /// Its way is told in the log (Engine+Tracing).
        static let traced = Marks(rawValue: 2)
    }

    /// One of the two below, by `state`.
    private var holder: UnsafeMutableRawPointer?
    /// Another client, and its place, to which the same reply goes; nil for the last one.
    var sharer: ClientRef?
    var offset: UInt32 = 0
    /// Of the reply; while it is streaming, of what has come.
    var sizeBytes: UInt32 = 0
    var sharerSequence: UInt32 = 0
    var state = State.waiting
    var marks: Marks = []
    /// Of the request, by its id; `CommandTimes.noCommand` for what is no reply to one.
    var command: UInt16 = CommandTimes.noCommand
    /// When it came: low bits of the worker's clock.
    var arrivedUs: UInt32 = 0

    /// Ready: holds the reply. The slot has a reference on it.
    @inline(__always)
    var chunk: ChunkRef? {
        get { holder?.assumingMemoryBound(to: Chunk.self) }
        set { holder = UnsafeMutableRawPointer(newValue) }
    }

    /// Streaming.
    var stream: ReplyStreamRef? {
        get { holder?.assumingMemoryBound(to: ReplyStream.self) }
        set { holder = UnsafeMutableRawPointer(newValue) }
    }
}

/// Rings of slots by size, and streams; used again and again by the clients of one worker.
struct SlotPool: ~Copyable {
    static let capacityMin = 8
    private static let sizeCount = 24
    /// Low bits of the worker's clock: when the requests of this tick came.
    var nowUs: UInt32 = 0

    /// A free ring keeps the link to the next one in its first slot.
    private let free: UnsafeMutablePointer<UnsafeMutablePointer<ReplySlot>?>
    private var freeStreams: ReplyStreamRef?

    init() {
        free = .allocate(capacity: Self.sizeCount)
        free.initialize(repeating: nil, count: Self.sizeCount)
    }

    deinit {
        for index in 0..<Self.sizeCount {
            while let ring = free[index] {
                free[index] = Self.link(of: ring)
                ring.deallocate()
            }
        }
        free.deallocate()
        var next = freeStreams
        while let stream = next {
            next = stream.pointee.nextFree
            stream.deallocate()
        }
    }

    private static func link(of ring: UnsafeMutablePointer<ReplySlot>) -> UnsafeMutablePointer<ReplySlot>? {
        UnsafeMutableRawPointer(ring).load(as: UnsafeMutablePointer<ReplySlot>?.self)
    }

    /// - Parameter capacity: a power of two, `capacityMin` or more.
    @inline(__always)
    mutating func take(capacity: Int) -> UnsafeMutablePointer<ReplySlot> {
        let index = capacity.trailingZeroBitCount
        guard let ring = free[index] else { return .allocate(capacity: capacity) }
        free[index] = Self.link(of: ring)
        return ring
    }

    @inline(__always)
    mutating func giveBack(_ ring: UnsafeMutablePointer<ReplySlot>, capacity: Int) {
        // Long rings are rare, and holding on to them would keep the memory of the worst moment for ever.
        if capacity > 1_024 { return ring.deallocate() }
        let index = capacity.trailingZeroBitCount
        UnsafeMutableRawPointer(ring).storeBytes(of: free[index], as: UnsafeMutablePointer<ReplySlot>?.self)
        free[index] = ring
    }

    mutating func takeStream() -> ReplyStreamRef {
        let stream = freeStreams ?? .allocate(capacity: 1)
        if freeStreams != nil { freeStreams = stream.pointee.nextFree }
        stream.initialize(to: ReplyStream())
        return stream
    }

    mutating func giveBack(_ stream: ReplyStreamRef) {
        stream.pointee.nextFree = freeStreams
        freeStreams = stream
    }
}
