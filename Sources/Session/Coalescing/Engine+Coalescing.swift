// Engine+Coalescing: equal reads of several clients become one, in a pool with `coalesce: tick` or `inflight`.
//
//     A: GET k ──► line: ... | GET k, place of A | ...
//     B: GET k ──────────────────────┘ place of A ──► place of B        one request, one reply, a reference for each
//
// The place of whoever joins hangs behind the first one's (ReplySlot), so that whatever becomes of the request (its
// reply, an error, a deadline, another connection) becomes of all of them, and nothing is allocated.
// Rules:
//  1. Equal means: the same bytes on the same line, so in the same protocol and database, of a command that reads one
//     key and answers the same while the key stays the same.
//  2. `tick` joins what was queued in the same turn of the loop and is not sent: it is executed later than all that
//     anybody was told before, as if each had asked for itself.
//  3. `inflight` joins what was sent, too: it may have been executed before a write that another client has an answer
//     to, and it has the deadline of the one who asked first.
//  4. A client joins only what was queued after all that it has asked for before, and after whatever of that went over
//     another line was answered; so it reads its own writes, and nothing older than what it has read.
// Who leaves keeps its places until the reply has passed. A read that is shared is not hedged.
// Not here: what lies in the queues (RecentReads), reads that copies answer (HotKeys).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// A single-key request of a pool that coalesces.
    ///
    /// - Returns: true when it was dealt with.
    mutating func shareRead(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ shard: ShardRef
    ) -> Bool {
        guard let reads = recentReads, row.pointee.isSteadyRead, request.sizeBytes <= RecentReads.requestBytesMax,
            client.pointee.flags.isPlain, client.pointee.state == nil, !shard.pointee.isGuarded
        else {
            joinsNothingOlder(client)
            return false
        }
        let line = line(of: shard, for: client)
        let bytes = ByteView(start: request.start, count: request.sizeBytes)
        let place = reads.place(of: bytes)
        if reads.holds(bytes, at: place, of: line), join(client, place.pointee, line) { return true }
        if forward(client, request, over: line, isWrite: false, isScript: false, chunk: nil) {
            recentReads?.put(bytes, at: place, of: line)
            client.pointee.joinsFrom = place.pointee.stamp
        }
        return true
    }

    /// Rule 4: what is queued already is older than what the client has asked for, or was just told.
    @inline(__always)
    func joinsNothingOlder(_ client: ClientRef) {
        if let recentReads { client.pointee.joinsFrom = recentReads.nextStamp }
    }

    private mutating func join(_ client: ClientRef, _ read: RecentRead, _ line: LineRef) -> Bool {
        guard Int32(bitPattern: read.stamp &- client.pointee.joinsFrom) >= 0,
            let index = line.pointee.inFlight.index(ofNumber: read.number), !(index == 0 && line.isInsideReply)
        else { return false }
        var ticket = line.pointee.inFlight[index].ticket
        // It may be late, or hedged.
        guard ticket.kind == .reply || ticket.kind == .shared else { return false }
        let first = ReplyPlace(ticket)
        // Without a reply to share it has given its places back.
        guard !first.client.pointee.flags.contains(.closed) else { return false }
        let own = ReplyPlace(client: client, sequence: client.pushSlot(pool: &slots))
        expectAnswer(for: client)
        first.put(own)
        first.client.pointee.flags.insert(.sharesReplies)
        client.pointee.flags.insert(.sharesReplies)
        client.pointee.joinsFrom = read.stamp
        ticket.kind = .shared
        line.pointee.inFlight[index].ticket = ticket
        let pool = poolViews + client.pointee.poolIndex
        hotMark = forgetSample(pool.pointee.hot)
        pool.pointee.counters.add(.coalescedReads)
        return true
    }

    /// All who share the reply are this one client.
    static func isOnly(_ client: ClientRef, of ticket: ReplyTicket) -> Bool {
        for place in ReplyPlaces(ticket) where place.client != client { return false }
        return true
    }

    /// Nobody who shares the reply has written later than at `index` of the queue.
    static func comesAfterWrites(_ ticket: ReplyTicket, at index: Int, _ lastWrites: [UInt32: Int]) -> Bool {
        guard ticket.kind == .shared else { return lastWrites[clientTag(of: ticket), default: 0] <= index }
        for place in ReplyPlaces(ticket) where lastWrites[tag(of: place.client), default: 0] > index { return false }
        return true
    }
}
