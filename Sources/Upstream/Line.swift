// Line: one connection to a backend, shared by many clients: what waits to be written, and who waits for replies.
//
//     requests ──► out ──► socket ──► backend ──► socket ──► partial chunk or the worker's ──► replies
//                   └──► written, until answered (shared lines of pools that repeat reads)
//                    inFlight: [ oldest ............ newest ]   (written and unwritten, in one order)
//
// Ownership: a line owns its descriptor, the references of its queue, and `partial`, the chunk that holds the front of
// a reply which is not all there. The worker's receive chunk is lent for the time of one read.
// Invariants: the last requests of `inFlight` whose sizes add up to at most `out.sizeBytes` are wholly unwritten; where
// `keepsWritten`, `written` and `out` together are the bytes of all of `inFlight`.
// Not here: connecting (LineLink decides, the worker acts), what replies mean (Session).

public import Platform
package import Routing
public import Wire

public typealias LineRef = UnsafeMutablePointer<Line>

public struct Line: BitwiseCopyable {
    /// What a connection is for.
    public enum Role: UInt8, BitwiseCopyable, Sendable {
        /// Carries the small requests of many clients.
        case shared
        /// Carries one client's long request at a time.
        case transfer
        /// Was shared; finishes what it has, then becomes a transfer line or ends.
        case retiring
        /// Lent to one client: a transaction with WATCH, a command that blocks, a client's own cache.
        case leased
        /// Hears what is published, for all clients of the worker; nothing else is asked on it.
        case ear
        /// Fills copies of hot keys and hears when they change; nothing else is asked on it.
        case cover
    }

    /// Sums over the reads since the last look.
    public struct Load: BitwiseCopyable {
        public var sinceMs: UInt64 = 0
        public var readCount = 0
        public var replyCount = 0
        /// Of the requests that were in flight at each read.
        public var inFlightSum = 0

        package init(sinceMs: UInt64 = 0) { self.sinceMs = sinceMs }
    }

    public let shard: ShardRef
    public let dialect: Dialect
    public var role: Role
    public var descriptor: Int32 = -1
    package var link = LineLink()
    /// Failures to reach the backend in a row.
    public var failureCount = 0

    public var out = SegmentQueue()
    /// AUTH, SELECT, CLIENT SETNAME: written before `out`.
    public var greeting = SegmentQueue()
    public var greetingRepliesLeft = 0
    /// The role in which the connection was greeted decides what was asked.
    public var greetedRole = Role.shared
    public var inFlight = InFlightQueue()
    public var sent = SentMarks()
    /// Bytes that were written and are not answered, where they are kept so that reads can be sent once more.
    public var written = SegmentQueue()
    public var keepsWritten = false
    /// Requests that may wait for replies; the next one is refused.
    public var inFlightMax: Int
    /// The same where it follows the server's speed, and what it follows.
    package var concurrency: ConcurrencyLimit?
    public var load = Load()
    /// Names the stretch of `inFlight` in which equal reads are looked for; 0 where there is none. Session gives the
    /// names; a stretch ends when entries are taken out.
    public var stretch: UInt64 = 0

    public var scanner = ReplyScanner()
    /// Holds the front of a reply; nil when the last read ended with a whole one.
    public var partial: ChunkRef?
    /// Where that reply, or what was not yet handed over of it, begins in `partial`.
    public var partialStart = 0
    /// Bytes behind `partialStart` that the scanner has seen.
    public var partialScanned = 0
    /// Some of the reply under way was handed over already.
    public var isReplyOpen = false
    /// Nobody waits for the reply under way, and its front is dropped already.
    public var isReplyCut = false

    public var wantsWrite = false
    public var isReadPaused = false
    /// The interest that the poller knows.
    public var watched = Interest(rawValue: 0)
    public var isDirty = false
    public var nextDirty: LineRef?
    /// Its server's host name leads elsewhere by now, so it gets no new request.
    public var isOutdated = false
    /// Among all lines of its shard, from the newest to the oldest.
    public internal(set) var nextOfShard: LineRef?
    fileprivate var previousOfShard: LineRef?
    /// A transfer line with nothing to do, linked by `nextSpare`.
    public var isSpare = false
    public var nextSpare: LineRef?
    /// The long request that a transfer line carries, or the client that a leased line is lent to; Session's.
    public var holder: UnsafeMutableRawPointer?
    /// The command under way may wait for as long as its client said: no deadline, and CLIENT UNBLOCK reaches it.
    public var isBlocking = false
    /// Its server may watch keys for the client that it is lent to, though nothing is on its way that ends it.
    public var isWatching = false
    /// The server's CLIENT ID of this connection; 0 where it was not asked for, or not known.
    public var serverClientID = 0
    /// Look-ups of its address that are still under way elsewhere, so that it must not be freed.
    public var lookUpCount = 0
    /// When bytes came last.
    public var receivedAtMs: UInt64 = 0
    public var deadlineTimer: TimerNode
    public var linkTimer: TimerNode
    /// For reads that take too long, and how long that is.
    public var hedgeTimer: TimerNode
    package var latency = LatencyQuantile()

    /// Kinds of the timers, for whoever takes them out of the wheel.
    public static let deadlineTimerKind: UInt8 = 1
    public static let linkTimerKind: UInt8 = 2
    public static let hedgeTimerKind: UInt8 = 5

    public static func make(shard: ShardRef, role: Role, dialect: Dialect) -> LineRef {
        let line = LineRef.allocate(capacity: 1)
        line.initialize(
            to: Line(
                shard: shard, role: role, dialect: dialect,
                deadlineTimer: TimerNode(kind: deadlineTimerKind, owner: line),
                linkTimer: TimerNode(kind: linkTimerKind, owner: line),
                hedgeTimer: TimerNode(kind: hedgeTimerKind, owner: line)))
        line.pointee.nextOfShard = shard.pointee.firstLine
        shard.pointee.firstLine?.pointee.previousOfShard = line
        shard.pointee.firstLine = line
        return line
    }

    private init(
        shard: ShardRef, role: Role, dialect: Dialect, deadlineTimer: TimerNode, linkTimer: TimerNode,
        hedgeTimer: TimerNode
    ) {
        self.hedgeTimer = hedgeTimer
        self.shard = shard
        inFlightMax = shard.pointee.sharedLimits.inFlightMax
        self.role = role
        self.dialect = dialect
        self.deadlineTimer = deadlineTimer
        self.linkTimer = linkTimer
    }
}

extension UnsafeMutablePointer where Pointee == Line {
    public var deadlineTimer: TimerRef { field(\.deadlineTimer) }
    public var linkTimer: TimerRef { field(\.linkTimer) }
    public var hedgeTimer: TimerRef { field(\.hedgeTimer) }

    private func field(_ path: KeyPath<Line, TimerNode>) -> TimerRef {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Line>.offset(of: path)!)
            .assumingMemoryBound(to: TimerNode.self)
    }

    /// Frees the line and what it owns; it has no request and no bytes any more.
    public func free() {
        if let previous = pointee.previousOfShard {
            previous.pointee.nextOfShard = pointee.nextOfShard
        } else {
            pointee.shard.pointee.firstLine = pointee.nextOfShard
        }
        pointee.nextOfShard?.pointee.previousOfShard = pointee.previousOfShard
        pointee.inFlight.deallocate()
        pointee.sent.deallocate()
        deallocate()
    }

    /// What comes next belongs to the middle of a reply, so any byte may stand first.
    public var isInsideReply: Bool { pointee.isReplyOpen || pointee.isReplyCut }

    package var isReady: Bool { pointee.link.state == .ready }

    /// Queues one whole request; its bytes are copied.
    @inlinable
    public func submit(
        _ start: UnsafePointer<UInt8>, count: Int, ticket: ReplyTicket, nowMs: UInt64, pool: inout BufferPool
    ) {
        pointee.out.append(start, count: count, pool: &pool)
        pointee.inFlight.append(
            InFlight(
                ticket: ticket, arrivedMs: UInt32(truncatingIfNeeded: nowMs),
                sizeBytes: UInt32(truncatingIfNeeded: count)))
    }

    /// Queues one whole request and takes over the caller's reference on the chunk that it lies in.
    public func submit(
        taking chunk: ChunkRef, offset: Int, count: Int, ticket: ReplyTicket, nowMs: UInt64, pool: inout BufferPool
    ) {
        pointee.out.append(taking: chunk, offset: offset, sizeBytes: count, pool: &pool)
        pointee.inFlight.append(
            InFlight(
                ticket: ticket, arrivedMs: UInt32(truncatingIfNeeded: nowMs),
                sizeBytes: UInt32(truncatingIfNeeded: count)))
    }

    /// Requests at the back of the queue of which not one byte was written. One whose reply has begun counts as
    /// written, or the next connection would answer it once more.
    public var unwrittenCount: Int {
        var sizeBytes = 0
        var count = 0
        let queue = pointee.inFlight
        let candidateCount = queue.count - (pointee.isReplyOpen ? 1 : 0)
        while count < candidateCount {
            sizeBytes += Int(queue[queue.count - 1 - count].sizeBytes)
            if sizeBytes > pointee.out.sizeBytes { break }
            count += 1
        }
        return count
    }

    /// Takes requests of which no byte was written out of the queue, with their bytes.
    ///
    /// - Parameter range: counted from the front; within the last `unwrittenCount`.
    public func removeUnwritten(_ range: Range<Int>, pool: inout BufferPool) {
        var behindBytes = 0
        var sizeBytes = 0
        for index in range { sizeBytes += Int(pointee.inFlight[index].sizeBytes) }
        for index in range.upperBound..<pointee.inFlight.count {
            behindBytes += Int(pointee.inFlight[index].sizeBytes)
        }
        pointee.out.removeSubrange(
            offset: pointee.out.sizeBytes - behindBytes - sizeBytes, count: sizeBytes, pool: &pool)
        pointee.inFlight.removeSubrange(range)
        pointee.stretch = 0
        // It may have been the EXEC that ends a watch.
        if pointee.role == .leased { pointee.isWatching = true }
    }

    /// The same, less what Keyway tells the server of its own accord: that may belong to a request that was written.
    ///
    /// - Returns: what was taken out, in its order.
    public func takeUnwritten(_ range: Range<Int>, pool: inout BufferPool) -> [InFlight] {
        var taken: [InFlight] = []
        var end = range.upperBound
        while end > range.lowerBound {
            if pointee.inFlight.isTold(at: end - 1) {
                end -= 1
                continue
            }
            var start = end
            while start > range.lowerBound, !pointee.inFlight.isTold(at: start - 1) { start -= 1 }
            taken = (start..<end).map { pointee.inFlight[$0] } + taken
            removeUnwritten(start..<end, pool: &pool)
            end = start
        }
        return taken
    }

    /// The connection is lost: afterwards `out` and the queue hold only whole requests that may be sent on the next
    /// one.
    ///
    /// - Parameter isKept: asked for each request of which bytes were written, oldest first, where those bytes are
    ///   kept; `isHalf` says that some bytes of it were not.
    /// - Returns: the other written requests, oldest first; the caller answers them.
    public func cutOffWritten(
        pool: inout BufferPool, isKept: (_ entry: inout InFlight, _ index: Int, _ isHalf: Bool) -> Bool
    ) -> [InFlight] {
        let queue = pointee.inFlight
        let writtenCount = queue.count - unwrittenCount
        var unwrittenBytes = 0
        for index in writtenCount..<queue.count { unwrittenBytes += Int(queue[index].sizeBytes) }
        let restBytes = pointee.out.sizeBytes - unwrittenBytes
        var dropped: [InFlight] = []
        var keptCount = 0
        var kept = SegmentQueue()
        if pointee.keepsWritten {
            pointee.written.append(contentsOf: &pointee.out)
            swap(&pointee.written, &pointee.out)
        }
        for index in 0..<writtenCount {
            var entry = queue[index]
            let isHalf = index == writtenCount - 1 && restBytes > 0
            if pointee.keepsWritten, isKept(&entry, index, isHalf) {
                pointee.out.moveFirst(Int(entry.sizeBytes), to: &kept, pool: &pool)
                pointee.inFlight[keptCount] = entry
                keptCount += 1
            } else {
                if pointee.keepsWritten { pointee.out.dropFirst(Int(entry.sizeBytes), pool: &pool) }
                dropped.append(entry)
            }
        }
        if !pointee.keepsWritten { pointee.out.dropFirst(restBytes, pool: &pool) }
        kept.append(contentsOf: &pointee.out)
        pointee.out = kept
        pointee.inFlight.removeSubrange(keptCount..<writtenCount)
        pointee.stretch = 0
        return dropped
    }

    /// Forgets all that belonged to the lost connection but not what waits to be written.
    public func forgetConnection(pool: inout BufferPool) {
        pointee.greeting.removeAll(pool: &pool)
        pointee.greetingRepliesLeft = 0
        pointee.sent.forget()
        pointee.written.removeAll(pool: &pool)
        pointee.scanner = ReplyScanner()
        if let chunk = pointee.partial { pool.chunks.release(chunk) }
        pointee.partial = nil
        pointee.partialStart = 0
        pointee.partialScanned = 0
        pointee.isReplyOpen = false
        pointee.isReplyCut = false
        pointee.wantsWrite = false
        pointee.isReadPaused = false
        pointee.watched = Interest(rawValue: 0)
        pointee.descriptor = -1
    }
}
