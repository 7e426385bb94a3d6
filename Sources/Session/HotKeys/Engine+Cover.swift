// Engine+Cover: for each shard with hot keys one connection that fills their copies and hears of changes.
// The server tells on the connection that has read a key (CLIENT TRACKING ON OPTIN), in the order of its replies. So a
// reply to anything asked at time t says that all changes of before t have been heard: copies of the shard are used for
// `leaseMs` from then on, and a pulse asks twice in that time. Should the connection be cut, or just stall, no copy is
// older than that.
// Rules: when it is lost, all copies of the shard are dropped first. Names in a push are meant in every database.
// NOLOOP and REDIRECT are never used: with the first a server forgets a key unseen, with the second the line may die
// in silence.
// Not here: what is read (Engine+Copies).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// A key of the shard is hot.
    mutating func openCover(_ cover: CoverRef, _ hot: HotPoolRef) {
        guard cover.pointee.line == nil else { return }
        let dialect = Dialect(version: .three, database: hot.pointee.database)
        let line = Line.make(shard: cover.pointee.shard, role: .cover, dialect: dialect)
        cover.pointee.line = line
        open(line)
    }

    /// None is any more.
    mutating func closeCover(_ cover: CoverRef) {
        guard let line = cover.pointee.line else { return }
        cover.pointee.line = nil
        cover.pointee.untilMs = 0
        timers.cancel(cover.timer)
        letGo(cover)
        retire(line)
    }

    func cover(of line: LineRef) -> CoverRef? {
        let shard = line.pointee.shard
        guard let hot = (poolViews + shard.pointee.poolIndex).pointee.hot else { return nil }
        let cover = hot.pointee.covers + shard.pointee.index
        return cover.pointee.line == line ? cover : nil
    }

    mutating func coverIsReady(_ line: LineRef) {
        guard let cover = cover(of: line) else { return }
        // What has changed since the last connection was lost nobody has told.
        dropCopies(ofShard: line.pointee.shard)
        cover.pointee.askedAtMs = 0
        sendPulse(cover, line)
    }

    /// Nobody can say what changes from here on. What stands on other servers stays, for `serve_stale`.
    mutating func coverIsLost(_ line: LineRef) {
        guard let cover = cover(of: line),
            let hot = (poolViews + line.pointee.shard.pointee.poolIndex).pointee.hot
        else { return }
        cover.pointee.untilMs = 0
        timers.cancel(cover.timer)
        dropCopies(ofShard: line.pointee.shard, keepsStanding: hot.pointee.staleMs > 0)
        letGo(cover)
    }

    private mutating func dropCopies(ofShard shard: ShardRef, keepsStanding: Bool = false) {
        guard let hot = (poolViews + shard.pointee.poolIndex).pointee.hot else { return }
        for key in hot.pointee.table.keys where key.pointee.shardIndex == shard.pointee.index {
            if keepsStanding, key.pointee.generation?.pointee.state == .standing { continue }
            dropCopies(of: key, hot)
        }
    }

    // MARK: The lease

    mutating func sendPulse(_ cover: CoverRef, _ line: LineRef) {
        let hot = (poolViews + line.pointee.shard.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        timers.arm(cover.timer, deadlineMs: nowMs + max(1, hot.pointee.leaseMs / 2))
        // One at a time: a line that brings nothing is not filled with questions.
        guard cover.pointee.askedAtMs == 0 else { return }
        cover.pointee.askedAtMs = nowMs
        cover.pointee.askedStamp = nextStamp(hot)
        let ping = RequestBuilder.bytes(["PING"])
        line.submit(
            ping, count: ping.count, ticket: ReplyTicket(owner: nil, index: 0, kind: .pulse, isWrite: false),
            nowMs: nowMs, pool: &buffers)
        markDirty(line)
    }

    mutating func coverTimerFired(_ cover: CoverRef) {
        guard let line = cover.pointee.line, line.isReady else { return }
        if isSilent(line) { return lost(line, failure: ETIMEDOUT) }
        // Who waits for a sign waits no longer than copies are used without one.
        if nowMs >= cover.pointee.untilMs { letGo(cover) }
        sendPulse(cover, line)
    }

    /// The answer to a pulse, or to the question how long a fill's key lives.
    mutating func pulseAnswered(_ line: LineRef, _ ticket: ReplyTicket, _ reply: ByteView) {
        if let fill = ticket.owner?.assumingMemoryBound(to: Fill.self) { return lifeIsKnown(fill, reply) }
        guard let cover = cover(of: line), cover.pointee.askedAtMs > 0 else { return }
        let hot = (poolViews + line.pointee.shard.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        cover.pointee.untilMs = cover.pointee.askedAtMs + hot.pointee.leaseMs
        cover.pointee.heardAtMs = cover.pointee.askedAtMs
        cover.pointee.heardStamp = cover.pointee.askedStamp
        cover.pointee.askedAtMs = 0
        goOn(cover, line)
    }

    // MARK: Changes

    /// `>2 invalidate [keys]`, or null for all.
    mutating func coverHears(_ line: LineRef, _ push: ByteView) {
        guard let hot = (poolViews + line.pointee.shard.pointee.poolIndex).pointee.hot else { return }
        var reader = PushReader(push)
        guard reader.isInvalidation else { return }
        hot.pointee.counters.add(.copyPushes)
        guard let count = reader.keyCount else { return dropCopies(ofShard: line.pointee.shard) }
        for _ in 0..<count {
            guard let name = reader.nextKey() else { return dropCopies(ofShard: line.pointee.shard) }
            let hash = SeededHash.value(of: name.start, count: name.count, seed: hot.pointee.seed)
            if let key = hot.pointee.table.key(hash, name) { dropCopies(of: key, hot) }
        }
    }
}

/// What a server says of changed keys.
private struct PushReader {
    private let push: ByteView
    private var offset: Int
    let isInvalidation: Bool
    /// Nil for all keys.
    let keyCount: Int?

    private static let head: StaticString = ">2\r\n$10\r\ninvalidate\r\n"

    init(_ push: ByteView) {
        self.push = push
        let headBytes = Self.head.utf8CodeUnitCount
        isInvalidation =
            push.count > headBytes
            && ByteView(start: push.start, count: headBytes).isEqual(
                to: ByteView(start: Self.head.utf8Start, count: headBytes))
        offset = headBytes
        guard isInvalidation, push[headBytes] == UInt8(ascii: "*") else {
            keyCount = nil
            return
        }
        keyCount = Self.number(push, &offset)
    }

    /// Nil when it is none.
    mutating func nextKey() -> ByteView? {
        guard offset < push.count, push[offset] == UInt8(ascii: "$") else { return nil }
        let sizeBytes = Self.number(push, &offset)
        guard sizeBytes >= 0, offset + sizeBytes + 2 <= push.count else { return nil }
        defer { offset += sizeBytes + 2 }
        return ByteView(start: push.start + offset, count: sizeBytes)
    }

    /// The number behind a type's byte; `offset` moves behind its line.
    private static func number(_ push: ByteView, _ offset: inout Int) -> Int {
        var value = 0
        offset += 1
        while offset < push.count, push[offset] != 13 {
            value = value &* 10 &+ Int(push[offset]) &- 48
            offset += 1
        }
        offset += 2
        return value
    }
}
