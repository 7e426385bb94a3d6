// Engine+Hedges: in a pool with `hedge_reads: true` a read that takes longer than 95 of 100 is asked once more, over a
// connection on which nothing waits, and the first reply is the answer.
//
//     line A: ... | read, part 0 | ...          ┐
//     line B: read, part 1, where nothing waits ┘ merge of rule `fastest`: the first reply goes to the client's place,
//                                                  the other's place becomes a tombstone
//
// Rules: only reads of which the server has all bytes, and only where nothing else of the client is under way; until
// the reply has come nothing more of that client is read: the second asking must not overtake a write of its own,
// neither an earlier nor a later one. Each costs the pool's retry budget. Not here: reads whose connection was lost
// (Engine+Losses).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// Below it the clock's own steps decide.
    private static var hedgeMsMin: UInt64 { 5 }
    /// Looked at by one timer.
    private static var hedgesPerLook: Int { 16 }

    private func hedgeMs(_ line: LineRef) -> UInt64 { max(Self.hedgeMsMin, line.pointee.latency.p95Ms) }

    /// Something waits on the line.
    mutating func armHedge(_ line: LineRef) {
        guard !line.pointee.hedgeTimer.isArmed, line.pointee.role == .shared, !line.pointee.inFlight.isEmpty else {
            return
        }
        timers.arm(line.hedgeTimer, deadlineMs: nowMs + hedgeMs(line))
    }

    mutating func hedgeTimerFired(_ line: LineRef) {
        guard line.isReady, line.pointee.keepsWritten else { return }
        let writtenCount = line.pointee.inFlight.count - line.unwrittenCount
        var offset = 0
        var hedgeCount = 0
        for index in 0..<writtenCount {
            let entry = line.pointee.inFlight[index]
            // Those behind it are younger; what is half written is not all there to be copied.
            if ageMs(since: entry.arrivedMs) < hedgeMs(line)
                || offset + Int(entry.sizeBytes) > line.pointee.written.sizeBytes
            {
                break
            }
            if mayHedge(line, entry, isFirst: index == 0) {
                hedge(line, index, entry, offset: offset)
                hedgeCount += 1
                if hedgeCount == Self.hedgesPerLook { break }
            }
            offset += Int(entry.sizeBytes)
        }
        armHedge(line)
    }

    private mutating func mayHedge(_ line: LineRef, _ entry: InFlight, isFirst: Bool) -> Bool {
        guard entry.ticket.kind == .reply, entry.ticket.traits.contains(.repeatable),
            !entry.ticket.traits.contains(.repeated), !(isFirst && line.pointee.isReplyOpen)
        else { return false }
        let client = entry.ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
        guard !client.pointee.flags.contains(.closed), client.pointee.inFlightCount == 1 else { return false }
        let poolIndex = line.pointee.shard.pointee.poolIndex
        let requestCount = poolViews[poolIndex].counters.read(.commands)
        return pools[poolIndex].retryBudget.spend(requestCount: requestCount, nowMs: nowMs)
    }

    private mutating func hedge(_ line: LineRef, _ index: Int, _ entry: InFlight, offset: Int) {
        let shard = line.pointee.shard
        let client = entry.ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
        let merge = merges.take(client: client, rule: .fastest, command: client.pointee.lastCommand)
        merge.pointee.sequence = entry.ticket.index
        let other = urgentLine(shard, dialect: line.pointee.dialect)
        merge.pointee.lines = (line, other)
        for _ in 0..<2 { _ = merge.appendPart(shardIndex: shard.pointee.index) }
        var kept = entry
        kept.ticket.owner = UnsafeMutableRawPointer(merge)
        kept.ticket.index = 0
        kept.ticket.kind = .part
        kept.ticket.traits.insert(.repeated)
        line.pointee.inFlight[index] = kept
        line.pointee.written.copy(
            offset: offset, count: Int(entry.sizeBytes), to: &other.pointee.out, pool: &buffers)
        kept.ticket.index = 1
        other.pointee.inFlight.append(kept)
        client.pointee.gate.insert(.barrier)
        shard.pointee.counters.add(.hedged)
        shard.pointee.counters.add(.requests)
        markDirty(other)
        markDirty(client)
    }

    /// One of the two has come; an error of Keyway's own waits for the other.
    ///
    /// - Returns: false while the other may still bring the answer.
    mutating func isDecided(_ merge: MergeRef, part: Int) -> Bool {
        let other = 1 - part
        let isOtherPending = merge.pointee.parts[other].chunk == nil
        if isOtherPending, ReplyMerge.isError(merge.pointee.parts[part].reply) { return false }
        guard isOtherPending, let line = other == 0 ? merge.pointee.lines.first : merge.pointee.lines.second else {
            return true
        }
        let owner = UnsafeMutableRawPointer(merge)
        let index = (0..<line.pointee.inFlight.count).first { line.pointee.inFlight[$0].ticket.owner == owner }
        if let index { line.pointee.inFlight.bury(at: index) }
        return true
    }

    /// The part that is no error, or else the first.
    mutating func answerFastest(_ merge: MergeRef) {
        for part in 0..<2 {
            if merge.pointee.parts[part].chunk != nil, !ReplyMerge.isError(merge.pointee.parts[part].reply) {
                return pass(merge, part: part)
            }
        }
        pass(merge, part: merge.pointee.parts[0].chunk != nil ? 0 : 1)
    }
}
