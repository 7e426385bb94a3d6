// Engine+Deadlines: what waits too long is answered in time. Each kind of request has its own limit, from its arrival
// on. A request that the server has leaves a tombstone at its place, into which the late reply falls; one that it has
// not leaves the queue with its bytes, and its error says that nothing was executed.
// Not here: what a failing shard does to others (Engine+Health), a client's long request (Engine+Transfers).

import Glibc
import Platform
import Telemetry
import Upstream

extension Engine {
    /// - Parameter arrivedMs: the clock's low bits at that time.
    @inline(__always)
    func ageMs(since arrivedMs: UInt32) -> UInt64 { UInt64(UInt32(truncatingIfNeeded: nowMs) &- arrivedMs) }

    /// Armed at most once a timeout: the timer looks at what waits when it fires.
    @inline(__always)
    mutating func armDeadline(_ line: LineRef) {
        if line.pointee.deadlineTimer.isArmed || line.pointee.inFlight.isEmpty || line.pointee.isBlocking { return }
        armNextDeadline(line)
    }

    private mutating func armNextDeadline(_ line: LineRef) {
        let timeouts = poolViews[line.pointee.shard.pointee.poolIndex].timeouts
        guard let waitMs = untilNextMs(line, timeouts) else { return }
        // What comes later may have less time.
        let isCut = !timeouts.isUniform && timeouts.shortestMs > 0
        timers.arm(line.deadlineTimer, deadlineMs: nowMs + (isCut ? min(waitMs, timeouts.shortestMs) : waitMs))
    }

    /// Until the first of those that wait is late; nil when none ever is.
    private func untilNextMs(_ line: LineRef, _ timeouts: Timeouts) -> UInt64? {
        if isInOrder(line, timeouts) {
            guard timeouts.readMs > 0, let oldest = line.pointee.inFlight.oldestLive else { return nil }
            let ageMs = age(of: oldest)
            return ageMs < timeouts.readMs ? timeouts.readMs - ageMs : 0
        }
        let queue = line.pointee.inFlight
        let writtenCount = writtenCount(of: line)
        var waitMs: UInt64?
        for index in queue.firstLiveIndex..<queue.count where queue[index].ticket.isAwaited {
            let limitMs = timeouts.limitMs(for: queue[index].ticket, isWritten: index < writtenCount)
            let ageMs = age(of: queue[index])
            if limitMs > 0 { waitMs = min(waitMs ?? .max, ageMs < limitMs ? limitMs - ageMs : 0) }
        }
        return waitMs
    }

    /// The oldest request is the first to be late.
    private func isInOrder(_ line: LineRef, _ timeouts: Timeouts) -> Bool {
        timeouts.isUniform && line.pointee.shard.pointee.checkRepliesLeft == 0
    }

    private func age(of entry: InFlight) -> UInt64 { ageMs(since: entry.arrivedMs) }

    /// Without a connection nothing is written; a long request, whose bytes are not counted here, always may be.
    private func writtenCount(of line: LineRef) -> Int {
        let count = line.pointee.inFlight.count
        if line.pointee.role == .transfer { return count }
        return line.isReady ? count - line.unwrittenCount : 0
    }

    mutating func deadlinePassed(_ line: LineRef) {
        if line.pointee.isBlocking { return }
        let shard = line.pointee.shard
        let timeouts = poolViews[shard.pointee.poolIndex].timeouts
        if line.pointee.isReplyOpen, let limitMs = limitOfOpenReply(line, timeouts) {
            // A reply under way that the client is slow to take is not late.
            if line.pointee.isReadPaused || nowMs - line.pointee.receivedAtMs < limitMs {
                return timers.arm(line.deadlineTimer, deadlineMs: nowMs + limitMs)
            }
            return lost(line, failure: ETIMEDOUT)
        }
        let lateCount = expire(line, timeouts)
        if lateCount > 0 { noteFailures(shard, lateCount) }
        let tombstoneCount = line.pointee.inFlight.tombstoneCount
        let backend = pools[shard.pointee.poolIndex].options.backend
        if tombstoneCount > backend.tombstonesMax { return lost(line, failure: Self.tooManyTombstones) }
        if isSilent(line) { return lost(line, failure: ETIMEDOUT) }
        armNextDeadline(line)
        if !line.pointee.deadlineTimer.isArmed, tombstoneCount > 0 {
            timers.arm(line.deadlineTimer, deadlineMs: nowMs + max(1_000, timeouts.shortestMs))
        }
    }

    private func limitOfOpenReply(_ line: LineRef, _ timeouts: Timeouts) -> UInt64? {
        guard !line.pointee.inFlight.isEmpty else { return nil }
        let limitMs = timeouts.limitMs(for: line.pointee.inFlight.first.ticket, isWritten: true)
        return limitMs > 0 ? limitMs : nil
    }

    /// Answers all that are late.
    ///
    /// - Returns: how many of them the server has.
    private mutating func expire(_ line: LineRef, _ timeouts: Timeouts) -> Int {
        var writtenCount = writtenCount(of: line)
        var index = line.pointee.inFlight.firstLiveIndex
        var lateCount = 0
        let isInOrder = isInOrder(line, timeouts)
        while index < line.pointee.inFlight.count {
            let entry = line.pointee.inFlight[index]
            let isWritten = index < writtenCount
            let limitMs = timeouts.limitMs(for: entry.ticket, isWritten: isWritten)
            guard entry.ticket.isAwaited, limitMs > 0, age(of: entry) >= limitMs else {
                // Those behind the oldest are younger.
                if isInOrder, entry.ticket.isAwaited { break }
                index += 1
                continue
            }
            if isWritten {
                line.pointee.inFlight.bury(at: index, clientTag: Self.clientTag(of: entry.ticket))
                index += 1
                if entry.ticket.kind != .check { lateCount += 1 }
            } else {
                let first = line.pointee.inFlight.groupStart(of: index)
                line.removeUnwritten(first..<(index + 1), pool: &buffers)
                writtenCount = min(writtenCount, first)
                index = first
            }
            answerLate(line, entry, limitMs: limitMs, isWritten: isWritten, timeouts)
        }
        return lateCount
    }

    private mutating func answerLate(
        _ line: LineRef, _ entry: InFlight, limitMs: UInt64, isWritten: Bool, _ timeouts: Timeouts
    ) {
        let names = name(of: line.pointee.shard)
        line.pointee.shard.pointee.counters.add(.requestsTimedOut)
        let isQueued = !isWritten && limitMs == timeouts.queueMs
        let error =
            isQueued
            ? ProxyError.waitedTooLong(names, limitMs: Int(limitMs))
            : ProxyError.timeout(names, limitMs: Int(limitMs), isWrite: entry.ticket.isWrite, wasSent: isWritten)
        noteLate(line, entry, isWritten: isWritten)
        switch entry.ticket.kind {
        case .copy: fillFailed(entry.ticket, error: error, isLate: true)
        case .spread: spreadFailed(entry.ticket, error: error, isLate: true)
        default: answer(entry.ticket, error: error)
        }
        if line.pointee.role == .transfer { detachTransfer(line) }
    }
}
