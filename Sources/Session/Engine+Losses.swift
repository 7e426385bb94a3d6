// Engine+Losses: a connection to a backend is lost. What was written is answered at once, or, where it only reads and
// the pool's budget has room, sent once more; what was not written waits for the next connection within its own
// deadline.
// Not here: connecting (Engine+Lines), when a shard counts as down (Engine+Health).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream

extension Engine {
    /// The connection is of no more use, whatever its state.
    mutating func lost(_ line: LineRef, failure: Int32) {
        let shard = line.pointee.shard
        if line.pointee.link.state == .greeting, shard.pointee.lastFailure == Self.greetingRefused,
            failure == Self.badReplies
        {
            // The greeting's own words say more.
        } else {
            shard.pointee.lastFailure = failure
        }
        let wasReady = line.isReady
        if wasReady {
            shard.pointee.counters.add(failure == Self.closedByServer ? .serverEof : .serverErr)
        } else {
            shard.pointee.counters.add(.connectFailures)
        }
        if failure == ETIMEDOUT { shard.pointee.counters.add(.serverTimedout) }
        if wasReady || line.pointee.failureCount == 0 {
            log.warning("shard \(name(of: shard).text): connection lost: \(reason(of: shard)); connecting again")
        }
        let hadRequests = failWritten(line)
        switch line.pointee.role {
        case .ear:
            earIsLost(line)
        case .cover:
            coverIsLost(line)
            perform(line, .failed)
        case .shared:
            perform(line, .failed)
            // Another protocol or database that the server will not give is no reason to call it down.
            if line.pointee.dialect != pools[shard.pointee.poolIndex].dialects[0],
                shard.pointee.lastFailure == Self.greetingRefused
            {
                refuseWaiting(line)
            } else {
                noteUnreachable(shard)
            }
        case .transfer, .retiring, .leased: retire(line)
        }
        if wasReady, hadRequests { noteFailures(shard, 1) }
    }

    /// What was written gets an error, or another try; a reply of which a part is with the client cannot be mended, so
    /// that client is cut.
    ///
    /// - Returns: whether anybody who waited for a reply has an error now.
    private mutating func failWritten(_ line: LineRef) -> Bool {
        let shard = line.pointee.shard
        let names = name(of: shard)
        let isReplyOpen = line.pointee.isReplyOpen
        let unsentBytes = line.pointee.out.sizeBytes
        let openTicket = isReplyOpen && !line.pointee.inFlight.isEmpty ? line.pointee.inFlight.first.ticket : nil
        let dropped = cutOffWritten(line, isReplyOpen: isReplyOpen)
        line.pointee.isReplyOpen = false
        let reasonText = reason(of: shard)
        shard.pointee.counters.add(.lost, dropped.count { $0.ticket.isAwaited && $0.ticket.kind != .check })
        for (index, entry) in dropped.enumerated() {
            if index == 0, let openTicket, openTicket.kind == .reply || openTicket.kind == .shared {
                abandonReply(openTicket, names)
            } else if line.pointee.role == .transfer, unsentBytes > 0 {
                answer(entry.ticket, error: ProxyError.transferCut(names, reason: reasonText))
            } else {
                answer(
                    entry.ticket,
                    error: ProxyError.connectionLost(names, reason: reasonText, isWrite: entry.ticket.isWrite))
            }
        }
        return dropped.contains { $0.ticket.kind != .tombstone && $0.ticket.kind != .pulse }
    }

    /// Keeps what may go out on the next connection: a request of which the server has only a part cannot have been
    /// executed, and one that only reads may be asked again.
    private mutating func cutOffWritten(_ line: LineRef, isReplyOpen: Bool) -> [InFlight] {
        let shard = line.pointee.shard
        let poolIndex = shard.pointee.poolIndex
        let requestCount = poolViews[poolIndex].counters.read(.commands)
        let (isDown, nowMs) = (shard.pointee.isDown, nowMs)
        var budget = pools[poolIndex].retryBudget
        var repeatedCount = 0
        let lastWrites = lastWrites(on: line)
        let dropped = line.cutOffWritten(pool: &buffers) { entry, index, isHalf in
            guard !isDown, !(index == 0 && isReplyOpen), entry.ticket.traits.contains(.movable) else { return false }
            if isHalf { return true }
            guard entry.ticket.traits.isSuperset(of: .repeatable), !entry.ticket.traits.contains(.repeated),
                Self.comesAfterWrites(entry.ticket, at: index, lastWrites),
                budget.spend(requestCount: requestCount, nowMs: nowMs)
            else { return false }
            entry.ticket.traits.insert(.repeated)
            repeatedCount += 1
            return true
        }
        pools[poolIndex].retryBudget = budget
        if repeatedCount > 0 { shard.pointee.counters.add(.retried, repeatedCount) }
        return dropped
    }

    /// Where the last write of each client stands among what was written. A read before it is not asked again: the
    /// write may have been executed, and a client must not read what it wrote later. A write that has timed out counts.
    private func lastWrites(on line: LineRef) -> [UInt32: Int] {
        let queue = line.pointee.inFlight
        var lastWrites: [UInt32: Int] = [:]
        for index in 0..<(queue.count - line.unwrittenCount) where queue[index].ticket.isWrite {
            let tag = Self.clientTag(of: queue[index].ticket)
            if tag != 0 { lastWrites[tag] = index }
        }
        return lastWrites
    }

    /// The low bits of the client's id, which outlive it. Two clients that share them cost one of them a retry.
    static func clientTag(of ticket: ReplyTicket) -> UInt32 {
        let client: ClientRef
        switch ticket.kind {
        case .reply: client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
        case .part: client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Merge.self).pointee.client
        case .tombstone: return ticket.index
        case .guarded: client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: GuardedRead.self).pointee.client
        // Several clients', and a read.
        case .shared: return 0
        case .unheard, .check, .copy, .making, .spread, .pulse, .question: return 0
        }
        return tag(of: client)
    }

    static func tag(of client: ClientRef) -> UInt32 { UInt32(truncatingIfNeeded: client.pointee.id) }

    private mutating func abandonReply(_ ticket: ReplyTicket, _ names: ShardName) {
        for place in ReplyPlaces(ticket) { abandonReply(of: place.client, names) }
    }

    private mutating func abandonReply(of client: ClientRef, _ names: ShardName) {
        noteAnswer(for: client)
        guard !client.pointee.flags.contains(.closed) else { return markDirty(client) }
        log.warning(
            "client \(client.pointee.id): shard \(names.text) was lost in the middle of a long reply; connection closed"
        )
        close(client, .byProxy)
    }

    /// Answers what no server has, now that none will get it soon.
    mutating func refuseWaiting(_ line: LineRef) {
        let count = line.pointee.inFlight.count
        let unwritten = line.isReady ? line.unwrittenCount : count
        let entries = line.takeUnwritten(count - unwritten..<count, pool: &buffers)
        let error = refusalText(line.pointee.shard)
        line.pointee.shard.pointee.counters.add(.refused, entries.count { $0.ticket.isAwaited })
        for entry in entries { answer(entry.ticket, error: error) }
    }
}
