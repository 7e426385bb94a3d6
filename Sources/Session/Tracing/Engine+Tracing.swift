// Engine+Tracing: the requests of one client, or of keys that match a pattern, as lines of the log, one each, with the
// parts of their time.
//
//     request ──► place, marked ──► replies of servers: SlowPart ──► the reply goes out ──► one line
//
// It rests on what the slow log has: while requests are traced every reply is looked at as if it were slow (`lookMs`).
// Rules: never a value, and a key only where `slowlog_keys` allows it; lines a second are bounded (TraceBoard), what is
// left out is told; a trace ends by itself. While nobody traces it costs nothing: `needsCare` is false, no place is
// marked, and `lookMs` is the slow log's.
// Not here: KEYWAY TRACE (Engine+TraceCommands).

import Hashing
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    // MARK: Orders

    /// Some worker's client began or ended a trace, or this engine begins.
    mutating func traceChanged() {
        traceOrder = shared.traces.order
        settleLook()
    }

    /// Requests that are under way get their lines, whatever became of the order.
    private mutating func settleLook() { lookMs = traceOrder == nil && traces.isEmpty ? slowMs : 0 }

    /// Replies to traced requests may come.
    @inline(__always)
    var looksForTraces: Bool { lookMs == 0 }

    /// Once a second.
    mutating func keepTraces() {
        if traces.leftOutCount > 0 {
            log.notice(
                """
                trace: \(traces.leftOutCount) requests were left out; at most \(TraceBoard.linesPerSecondMax) lines a \
                second are written
                """)
            shared.traces.noteLeftOut(traces.leftOutCount)
            traces.leftOutCount = 0
        }
        guard let order = traceOrder else { return }
        if nowMs >= order.untilMs { return endTrace(order) }
        // It may have been ended by a generation of workers that followed this one.
        if shared.traces.order?.number != order.number { traceChanged() }
    }

    /// For all workers; the first one tells.
    mutating func endTrace(_ order: TraceOrder) {
        if let lineCount = shared.traces.end(order) {
            tell("trace of \(order.text(showsKeys: options.slowLog.showsKeys)) ends; lines written: \(lineCount)")
            for (index, box) in shared.mailboxes.enumerated() where index != workerIndex { box.post(.traceChanged) }
        }
        traceChanged()
    }

    /// What an operator did to Keyway itself: one log line and one event.
    func tell(_ text: String) {
        log.notice("\(text)")
        shared.events.add(Event(atMs: Clock.unixMs(), subject: "keyway", text: text))
    }

    // MARK: Arrival

    /// What is remembered of a request that is to be traced; nil for all others. It may be gone once it was handled.
    mutating func traced(_ client: ClientRef, _ request: RequestView) -> TracedRequest? {
        guard traceOrder != nil else { return nil }
        let row = row(of: request)
        keys.removeAll()
        if let row { _ = keyFinder.find(row, in: request, into: &keys) }
        return traced(client, request, row?.pointee.id ?? .learned)
    }

    /// `keys` has those of the request.
    private mutating func traced(
        _ client: ClientRef, _ request: RequestView, _ command: CommandID
    ) -> TracedRequest? {
        guard let order = traceOrder, nowMs < order.untilMs, isMeant(client, request, by: order) else { return nil }
        guard keys.count > 0 else { return TracedRequest(command: command, key: [], home: nil) }
        let first = request[keys[0]]
        let pool = poolViews + client.pointee.poolIndex
        let isDrawn = pools[client.pointee.poolIndex].placement.distribution == .random
        return TracedRequest(
            command: command,
            key: options.slowLog.showsKeys ? Array(first.buffer.prefix(Self.keyBytesShownMax)) : [],
            home: isDrawn ? nil : pool.pointee.shards + shardIndex(of: first, pool))
    }

    private func isMeant(_ client: ClientRef, _ request: RequestView, by order: TraceOrder) -> Bool {
        switch order.target {
        case .client(let id): return client.pointee.id == id
        case .keys(let pattern, let pool):
            guard pools[client.pointee.poolIndex].options.name == pool else { return false }
            let glob = GlobPattern(pattern, foldsCase: false)
            for index in 0..<keys.count {
                let key = request[keys[index]]
                if key.count <= TraceOrder.keyBytesMax, glob.matches(Array(key.buffer)) { return true }
            }
            return false
        }
    }

    /// The request was handled, and this was the client's next place before; it has none when it was put off.
    mutating func begin(_ request: TracedRequest, _ client: ClientRef, _ sequence: UInt32) {
        guard !client.pointee.flags.contains(.closed), client.pointee.tail != sequence else { return }
        guard traces.hasRoom(nowMs: nowMs) else {
            traces.leftOutCount += 1
            return
        }
        let place = ReplyPlace(client: client, sequence: sequence)
        place.slot.pointee.marks.insert(.traced)
        traces[place] = request
        settleLook()
    }

    /// A long request has its place, and its front still lies in the client's intake.
    mutating func traceTransfer(_ transfer: TransferRef) {
        let client = transfer.pointee.client
        guard let intake = client.pointee.intake,
            let (request, _) = RequestParser.parsePrefix(
                intake.pointee.start, count: intake.pointee.unreadBytes, arguments: &arguments),
            let row = row(of: request)
        else { return }
        keys.removeAll()
        keys.append(Int(row.pointee.keyFirst))
        if let traced = traced(client, request, row.pointee.id) { begin(traced, client, transfer.pointee.sequence) }
    }

    // MARK: On the way

    /// A server's reply, or what comes instead, to what a ticket stands for.
    ///
    /// - Parameter backendUs: of the time since the request came, that at the server; no more than all of it.
    mutating func noteTraced(_ ticket: ReplyTicket, _ shard: ShardRef, backendUs: Int, isLate: Bool = false) {
        // A place that is not traced may be none any more.
        for place in places(of: ticket) where traces[place] != nil {
            let ageUs = Int(slots.nowUs &- place.slot.pointee.arrivedUs)
            let backendUs = min(backendUs, ageUs)
            let part = SlowPart(shard: shard, queueUs: ageUs - backendUs, backendUs: backendUs, isLate: isLate)
            traces[place]?.note(part, nowUs: slots.nowUs)
        }
    }

    /// The clients' places that wait for it; none for what is Keyway's own.
    private func places(of ticket: ReplyTicket) -> [ReplyPlace] {
        guard let owner = ticket.owner else { return [] }
        switch ticket.kind {
        case .reply, .shared: return Array(ReplyPlaces(ticket))
        case .part:
            let merge = owner.assumingMemoryBound(to: Merge.self)
            return [ReplyPlace(client: merge.pointee.client, sequence: merge.pointee.sequence)]
        case .guarded:
            let read = owner.assumingMemoryBound(to: GuardedRead.self)
            return [ReplyPlace(client: read.pointee.client, sequence: read.pointee.sequence)]
        case .spread:
            let read = owner.assumingMemoryBound(to: SpreadRead.self)
            return read.pointee.isAbandoned
                ? [] : [ReplyPlace(client: read.pointee.client, sequence: read.pointee.sequence)]
        case .copy:
            var places: [ReplyPlace] = []
            var next = owner.assumingMemoryBound(to: Fill.self).pointee.firstWaiter
            while let waiter = next {
                places.append(ReplyPlace(client: waiter.pointee.client, sequence: waiter.pointee.sequence))
                next = waiter.pointee.next
            }
            return places
        case .tombstone, .unheard, .check, .making, .question, .pulse: return []
        }
    }

    /// All parts have come and the reply is made; `nowUs` is later than this tick where making it took its time.
    mutating func noteMade(_ merge: MergeRef, nowUs: UInt32) {
        traces[ReplyPlace(client: merge.pointee.client, sequence: merge.pointee.sequence)]?.isMade(nowUs: nowUs)
    }

    // MARK: The end

    /// The reply in a marked place goes out.
    ///
    /// - Returns: false where it is dropped instead.
    @inline(never)
    mutating func goesOut(_ client: ClientRef, _ sequence: UInt32) -> Bool {
        let place = ReplyPlace(client: client, sequence: sequence)
        if place.slot.pointee.marks.contains(.traced) { endTraced(place, outcome: Self.outcome(place.slot)) }
        return !place.slot.pointee.marks.contains(.suppressed)
    }

    /// The client is gone before its reply.
    mutating func endTraced(unanswered place: ReplyPlace) { endTraced(place, outcome: "client gone") }

    private mutating func endTraced(_ place: ReplyPlace, outcome: String) {
        guard let request = traces[place] else { return }
        traces[place] = nil
        settleLook()
        guard shared.traces.takeLine(nowMs: nowMs) else {
            traces.fullS = nowMs / 1_000
            traces.leftOutCount += 1
            return
        }
        let isLate = request.part?.isLate == true
        write(request, place, outcome: isLate ? "timed out" : outcome)
    }

    /// An error is named by its first word where that is a code; the rest may be a peer's, values and all.
    private static func outcome(_ slot: UnsafeMutablePointer<ReplySlot>) -> String {
        guard slot.pointee.state == .ready, let chunk = slot.pointee.chunk, slot.pointee.sizeBytes > 0 else {
            return "answered"
        }
        let reply = UnsafeBufferPointer(
            start: chunk.data + Int(slot.pointee.offset), count: min(Int(slot.pointee.sizeBytes), 34))
        guard reply[0] == UInt8(ascii: "-") else { return reply[0] == UInt8(ascii: "!") ? "error" : "answered" }
        let code = reply.dropFirst().prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        let isWord = code.endIndex < reply.endIndex && reply[code.endIndex] == UInt8(ascii: " ")
        return isWord && !code.isEmpty ? "error \(String(decoding: code, as: UTF8.self))" : "error"
    }

    private func write(_ request: TracedRequest, _ place: ReplyPlace, outcome: String) {
        let arrivedUs = place.slot.pointee.arrivedUs
        let readyUs = Int((request.readyUs ?? arrivedUs) &- arrivedUs)
        let totalUs = max(readyUs, Int(slots.nowUs &- arrivedUs))
        let (queueUs, backendUs) = (request.part?.queueUs ?? 0, request.part?.backendUs ?? 0)
        var fields: Logger.Metadata = [
            "client": "\(place.client.pointee.id)",
            "pool": "\(pools[place.client.pointee.poolIndex].options.name)",
            "command": "\(request.command == .learned ? "other" : commandTable.wireName(of: request.command))",
            "queue_us": "\(queueUs)", "backend_us": "\(backendUs)",
            "merge_us": "\(max(0, readyUs - queueUs - backendUs))", "order_us": "\(totalUs - readyUs)",
            "total_us": "\(totalUs)", "reply_bytes": "\(place.slot.pointee.sizeBytes)", "outcome": "\(outcome)",
        ]
        if let shard = request.part?.shard ?? request.home { fields["shard"] = "\(name(of: shard).name)" }
        if !request.key.isEmpty { fields["key"] = "\(String(decoding: request.key, as: UTF8.self))" }
        traceLog.notice("trace", metadata: fields)
    }
}
