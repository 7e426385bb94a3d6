// Engine+SlowLog: which requests go into Keyway's own slow log: those that took `slowlog_slower_than` and longer, or
// timed out. Looked at once a reply, by a comparison of milliseconds; all else is done for slow ones only.
// Where the request's time went is known of its slowest part. Commands that wait by their nature (BLPOP) are left out.
// Not here: the log itself (Telemetry/SlowLog), the servers' own (SLOWLOG).

import Glibc
import Platform
import Routing
import Telemetry
import Upstream
import Wire

/// Where the time of one part of a request went.
struct SlowPart: BitwiseCopyable {
    /// Of the pool, or of the one that stands in for it.
    var shard: ShardRef
    var queueUs: Int
    var backendUs: Int
    var isLate = false

    var totalUs: Int { queueUs + backendUs }
}

extension Engine {
    /// What is shown of a key.
    static var keyBytesShownMax: Int { 128 }
    /// A request's name and first key stand in so many of its bytes, or the key is not shown.
    private static var requestBytesLookedAt: Int { 1_024 }

    /// The entry at the front of the line is answered, and it was slow or may be traced.
    ///
    /// - Parameter offset: of its bytes in what the line has kept.
    @inline(never)
    mutating func noteSlow(_ line: LineRef, _ entry: InFlight, sentUs: UInt32, offset: Int) {
        let backendUs = Int(slots.nowUs &- sentUs)
        if looksForTraces { noteTraced(entry.ticket, line.pointee.shard, backendUs: backendUs) }
        guard ageMs(since: entry.arrivedMs) >= slowMs else { return }
        let part = SlowPart(
            shard: line.pointee.shard, queueUs: max(0, ageUs(of: entry.ticket) - backendUs), backendUs: backendUs)
        let keyBytes = options.slowLog.showsKeys && entry.ticket.kind == .reply ? front(line, entry, offset) : []
        note(part, of: entry.ticket, keyBytes)
    }

    /// The entry will not be answered any more.
    mutating func noteLate(_ line: LineRef, _ entry: InFlight, isWritten: Bool) {
        let shard = line.pointee.shard
        if looksForTraces { noteTraced(entry.ticket, shard, backendUs: isWritten ? .max : 0, isLate: true) }
        guard options.slowLog.slowMs > 0, line.pointee.role == .shared else { return }
        let ageUs = ageUs(of: entry.ticket)
        let part = SlowPart(
            shard: shard, queueUs: isWritten ? 0 : ageUs, backendUs: isWritten ? ageUs : 0, isLate: true)
        note(part, of: entry.ticket, [])
    }

    /// Since the request came, of whoever waits for it; 0 where nobody does.
    private func ageUs(of ticket: ReplyTicket) -> Int {
        switch ticket.kind {
        case .reply, .shared:
            let client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
            guard !client.pointee.flags.contains(.closed) else { return 0 }
            return Int(slots.nowUs &- client.slot(ticket.index).pointee.arrivedUs)
        case .part:
            let merge = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Merge.self)
            return Int(slots.nowUs &- merge.pointee.arrivedUs)
        case .tombstone, .unheard, .check, .copy, .making, .spread, .guarded, .question, .pulse: return 0
        }
    }

    private mutating func note(_ part: SlowPart, of ticket: ReplyTicket, _ request: [UInt8]) {
        switch ticket.kind {
        case .reply, .shared:
            let client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
            guard !client.pointee.flags.contains(.closed) else { return }
            let command = client.slot(ticket.index).pointee.command
            add(part, client, command: command, totalUs: ageUs(of: ticket), request)
        case .part:
            let merge = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Merge.self)
            if let slowest = merge.pointee.slowest, slowest.totalUs >= part.totalUs { return }
            merge.pointee.slowest = part
        case .tombstone, .unheard, .check, .copy, .making, .spread, .guarded, .question, .pulse: return
        }
    }

    /// All parts of a request have come and its reply is made. Computing can be what took long, so for what is computed
    /// the clock is read once more.
    mutating func noteIfSlow(_ merge: MergeRef) {
        let isComputed = merge.pointee.rule == .gathered
        guard isComputed || merge.pointee.slowest != nil || looksForTraces else { return }
        let nowUs = isComputed ? UInt32(truncatingIfNeeded: Clock.nowNs() / 1_000) : slots.nowUs
        if looksForTraces { noteMade(merge, nowUs: nowUs) }
        guard options.slowLog.slowMs > 0, isComputed || merge.pointee.slowest != nil else { return }
        let totalUs = Int(nowUs &- merge.pointee.arrivedUs)
        guard totalUs >= options.slowLog.slowMs * 1_000, !merge.pointee.client.pointee.flags.contains(.closed) else {
            return
        }
        let firstIndex = merge.pointee.partCount > 0 ? merge.pointee.parts[0].shardIndex : 0
        let shards = pools[merge.pointee.client.pointee.poolIndex].shards
        let part = merge.pointee.slowest ?? SlowPart(shard: shards + firstIndex, queueUs: 0, backendUs: 0)
        add(part, merge.pointee.client, command: merge.pointee.command, totalUs: totalUs, [])
    }

    private mutating func add(
        _ part: SlowPart, _ client: ClientRef, command: UInt16, totalUs: Int, _ request: [UInt8]
    ) {
        let id = CommandID(rawValue: command) ?? .learned
        shared.slowLog.add(
            SlowRequest(
                atMs: Clock.unixMs(), pool: pools[client.pointee.poolIndex].options.name,
                shard: name(of: part.shard).name,
                command: id == .learned ? "other" : commandTable.wireName(of: id), key: firstKey(id, request),
                clientID: client.pointee.id, totalUs: totalUs, queueUs: part.queueUs, backendUs: part.backendUs,
                outcome: part.isLate ? "timed out" : "answered"))
    }

    // MARK: Keys

    /// The request's first bytes, from what the line keeps of it; empty where it keeps nothing.
    private func front(_ line: LineRef, _ entry: InFlight, _ offset: Int) -> [UInt8] {
        guard line.pointee.keepsWritten else { return [] }
        var bytes: [UInt8] = []
        var skip = offset
        var segment = line.pointee.written.first
        let wanted = min(Int(entry.sizeBytes), Self.requestBytesLookedAt)
        while let node = segment, bytes.count < wanted {
            let count = min(node.pointee.sizeBytes - min(skip, node.pointee.sizeBytes), wanted - bytes.count)
            let start = node.pointee.chunk.data + node.pointee.offset + min(skip, node.pointee.sizeBytes)
            bytes += UnsafeBufferPointer(start: start, count: count)
            skip -= min(skip, node.pointee.sizeBytes)
            segment = node.pointee.next
        }
        return bytes
    }

    /// Of the front of a request; empty where it is not all there.
    private func firstKey(_ id: CommandID, _ request: [UInt8]) -> [UInt8] {
        guard !request.isEmpty, id != .learned else { return [] }
        let first = Int(commands[id].pointee.keyFirst)
        guard first > 0 else { return [] }
        var position = 0
        func number() -> Int? {
            guard let end = request[position...].firstIndex(of: 13), end > position + 1, end + 1 < request.count else {
                return nil
            }
            defer { position = end + 2 }
            return Int(String(decoding: request[(position + 1)..<end], as: UTF8.self))
        }
        guard let count = number(), first < count else { return [] }
        for index in 0...first {
            guard let sizeBytes = number(), sizeBytes >= 0 else { return [] }
            if index == first {
                guard position + sizeBytes <= request.count else { return [] }
                return Array(request[position..<(position + min(sizeBytes, Self.keyBytesShownMax))])
            }
            position += sizeBytes + 2
            guard position < request.count else { return [] }
        }
        return []
    }
}
