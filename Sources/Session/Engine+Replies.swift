// Engine+Replies: from a backend's bytes to the replies of clients.
// Replies are cut where they were received and never copied on the way to their slots. A long reply is handed over in
// pieces while it comes in. What a tombstone is owed is dropped piece by piece.
// Not here: several parts (Engine+Merges), sending (Engine+Output).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    // MARK: Bytes in

    /// What a server sends unasked in RESP3.
    private static var pushType: UInt8 { 0x3E }
    private static var errorType: UInt8 { 0x2D }
    /// A read into less room than this would cut replies needlessly.
    private static var receiveRoomBytesMin: Int { 32_768 }
    /// A piece of an unfinished reply is handed over from this size on.
    private static var pieceBytesMin: Int { 32_768 }
    /// Above this the front of a reply is not copied away from the worker's chunk; the chunk itself is taken.
    private static var tailCopyBytesMax: Int { 4_096 }
    /// A reply counts no more than this in a client's average, which has 32 bits.
    private static var averagedBytesMax: Int { 1 << 26 }
    /// A reply with more to come than this leaves the shared line to itself.
    private static var demotionBytesMin: Int { 4_194_304 }

    /// Where the worker receives this line's next bytes.
    mutating func room(for line: LineRef) -> (start: UnsafeMutablePointer<UInt8>, count: Int) {
        if let partial = line.pointee.partial {
            if partial.roomBytes < min(Self.receiveRoomBytesMin, partial.pointee.capacityBytes / 2) {
                movePartial(line)
            }
            let chunk = line.pointee.partial.unsafelyUnwrapped
            return (chunk.data + chunk.pointee.fillBytes, chunk.roomBytes)
        }
        if receiveChunk.pointee.referenceCount == 1 {
            receiveChunk.pointee.fillBytes = 0
        } else if receiveChunk.roomBytes < Self.receiveRoomBytesMin {
            buffers.chunks.release(receiveChunk)
            receiveChunk = buffers.chunks.takeStandard()
        }
        return (receiveChunk.data + receiveChunk.pointee.fillBytes, receiveChunk.roomBytes)
    }

    /// The unfinished front moves to a chunk with room for at least as much again.
    private mutating func movePartial(_ line: LineRef) {
        let old = line.pointee.partial.unsafelyUnwrapped
        let kept = old.pointee.fillBytes - line.pointee.partialStart
        let chunk = buffers.chunks.take(atLeast: max(ChunkPool.standardCapacityBytes, kept * 2))
        memcpy(chunk.data, old.data + line.pointee.partialStart, kept)
        chunk.pointee.fillBytes = kept
        buffers.chunks.release(old)
        line.pointee.partial = chunk
        line.pointee.partialStart = 0
    }

    /// `count` bytes lie where `room(for:)` said.
    ///
    /// - Returns: false when they are no replies; the caller fails the line.
    mutating func received(_ line: LineRef, count: Int) -> Bool {
        let counters = line.pointee.shard.pointee.counters
        counters.add(.backendReads)
        line.pointee.load.readCount &+= 1
        line.pointee.load.inFlightSum &+= line.pointee.inFlight.count
        // Requests leave only after the greeting, so what comes before its end is all the greeting's.
        if line.pointee.greetingRepliesLeft == 0 { counters.add(.responseBytes, count) }
        line.pointee.receivedAtMs = nowMs
        let isPartial = line.pointee.partial != nil
        let chunk = line.pointee.partial ?? receiveChunk
        var start = isPartial ? line.pointee.partialStart : chunk.pointee.fillBytes
        var position = isPartial ? start &+ line.pointee.partialScanned : start
        chunk.pointee.fillBytes &+= count
        let end = chunk.pointee.fillBytes
        let data = UnsafePointer(chunk.data)
        var replyCount = 0
        var answeredBytes = 0
        let writtenBytes = line.pointee.keepsWritten ? line.pointee.written.sizeBytes : .max
        var arrivedMs: UInt32 = 0
        // Late replies say that the server lives, not that it is well.
        let isLate = line.pointee.inFlight.firstLiveIndex > 0
        // A local copy stays in registers; nothing that is called below looks at the line's own.
        var scanner = line.pointee.scanner
        var times = ReplyTimes(nowMs: nowMs, nowUs: slots.nowUs)
        let isTimed = line.pointee.role == .shared
        var isWhole = true
        var isValid = true
        scan: while position < end {
            switch scanner.advance(data + position, count: end &- position) {
            case .complete(let used):
                position &+= used
                if data[start] == Self.pushType, !line.isInsideReply {
                    acceptPush(line, ByteView(start: data + start, count: position &- start))
                } else if line.pointee.greetingRepliesLeft > 0 || line.pointee.inFlight.isEmpty {
                    guard acceptUnasked(line, ByteView(start: data + start, count: position &- start)) else {
                        isValid = false
                        break scan
                    }
                } else {
                    replyCount &+= 1
                    let entry = line.pointee.inFlight.first
                    // A server cannot answer what it was not asked.
                    guard answeredBytes &+ Int(entry.sizeBytes) <= writtenBytes else {
                        isValid = false
                        break scan
                    }
                    line.pointee.inFlight.removeFirst()
                    arrivedMs = entry.arrivedMs
                    note(line, entry, offset: answeredBytes, isTimed: isTimed, &times)
                    answeredBytes &+= Int(entry.sizeBytes)
                    deliver(line, entry.ticket, chunk, offset: start, sizeBytes: position &- start)
                }
                // A client that was cut by this took its own line with it.
                if line.pointee.descriptor < 0 { return true }
                start = position
            case .incomplete(let used):
                position &+= used
                isWhole = false
                break scan
            case .malformed:
                isValid = false
                break scan
            }
        }
        line.pointee.scanner = scanner
        times.end(line.pointee.shard.pointee.queueTimes, line.pointee.shard.pointee.backendTimes)
        counters.add(.responses, replyCount)
        line.pointee.load.replyCount &+= replyCount
        if line.pointee.keepsWritten { line.pointee.written.dropFirst(answeredBytes, pool: &buffers) }
        if replyCount > 0, !isLate { noteAge(line, arrivedMs: arrivedMs) }
        guard isValid else { return false }
        if !isWhole { start = handOver(line, chunk, start: start, position: position) }
        if line.pointee.descriptor < 0 { return true }
        keepRest(line, chunk, isPartial: isPartial, start: start, position: position, end: end)
        if line.pointee.inFlight.isEmpty, line.pointee.role != .shared { lineRanDry(line) }
        return true
    }

    /// How old the last request of a read was when it was answered.
    @inline(__always)
    private func noteAge(_ line: LineRef, arrivedMs: UInt32) {
        let pool = poolViews + line.pointee.shard.pointee.poolIndex
        let ageMs = ageMs(since: arrivedMs)
        if pool.pointee.hedgesReads { line.pointee.latency.record(ageMs: ageMs) }
        line.pointee.shard.pointee.breaker.replied(ageMs: ageMs, latencyMsMax: pool.pointee.latencyMsMax)
    }

    /// How long an answered request took.
    ///
    /// - Parameter isTimed: false on a line of one client alone, where all of it is the server's.
    @inline(__always)
    private mutating func note(
        _ line: LineRef, _ entry: InFlight, offset: Int, isTimed: Bool, _ times: inout ReplyTimes
    ) {
        let shard = line.pointee.shard
        guard isTimed else {
            if looksForTraces { noteTraced(entry.ticket, shard, backendUs: .max) }
            return
        }
        let sentUs = line.pointee.sent.answered(sizeBytes: entry.sizeBytes)
        times.note(entry, sentUs: sentUs, shard.pointee.queueTimes, shard.pointee.backendTimes)
        if ageMs(since: entry.arrivedMs) >= lookMs { noteSlow(line, entry, sentUs: sentUs, offset: offset) }
    }

    /// A reply that answers no request.
    @inline(never)
    private mutating func acceptUnasked(_ line: LineRef, _ reply: ByteView) -> Bool {
        if line.pointee.role == .ear, line.pointee.greetingRepliesLeft == 0 { return hear(line, reply) }
        return acceptGreetingReply(line, reply)
    }

    /// Deals with the front of a reply that is not all there.
    ///
    /// - Returns: where what is kept begins.
    private mutating func handOver(_ line: LineRef, _ chunk: ChunkRef, start: Int, position: Int) -> Int {
        guard !line.pointee.inFlight.isEmpty, line.pointee.greetingRepliesLeft == 0 else { return start }
        if line.pointee.inFlight.first.ticket.kind == .guarded, position - start >= Self.pieceBytesMin {
            line.pointee.inFlight[0].ticket = unguard(line.pointee.inFlight.first.ticket)
        }
        // A push answers nobody's request; it waits to be whole.
        if chunk.data[start] == Self.pushType, !line.isInsideReply { return start }
        if line.pointee.inFlight.first.ticket.kind == .spread,
            gathersSpread(line, sizeBytes: position - start, pieceBytesMin: Self.pieceBytesMin)
        {
            return start
        }
        switch line.pointee.inFlight.first.ticket.kind {
        case .tombstone, .unheard:
            if position > start { line.pointee.isReplyCut = true }
            return position
        case .check, .pulse, .guarded: return start
        case .spread: preconditionFailure("Engine: what gathers a read of a copy was asked before")
        case .making:
            if isTooLongToSpread(line, sizeBytes: position - start) { refuseLongValueOfKey(line) }
            return start
        case .question:
            if position - start > options.outputSizeBytesMax { refuseLongValue(line) }
            return start
        case .copy:
            if position - start > options.outputSizeBytesMax { refuseLongCopy(line) }
            return start
        case .part:
            if position - start > options.outputSizeBytesMax { refuseLongPart(line) }
            return start
        case .reply, .shared:
            let isLong = position - start >= Self.pieceBytesMin
            guard isLong || (line.pointee.isReplyOpen && position > start) else { return start }
            if line.pointee.scanner.knownBytesLeft >= Self.demotionBytesMin, line.pointee.role == .shared {
                demote(line)
            }
            deliverPiece(line, chunk, offset: start, sizeBytes: position - start, isLast: false)
            return position
        }
    }

    private mutating func keepRest(
        _ line: LineRef, _ chunk: ChunkRef, isPartial: Bool, start: Int, position: Int, end: Int
    ) {
        let restBytes = end &- start
        if restBytes == 0 && line.pointee.scanner.isAtStart {
            guard isPartial else { return }
            buffers.chunks.release(chunk)
            line.pointee.partial = nil
            line.pointee.partialStart = 0
            line.pointee.partialScanned = 0
            return
        }
        line.pointee.partialScanned = position - start
        if isPartial {
            line.pointee.partialStart = start
            return
        }
        if restBytes > Self.tailCopyBytesMax || line.pointee.scanner.knownBytesLeft >= Self.pieceBytesMin {
            line.pointee.partial = chunk
            line.pointee.partialStart = start
            receiveChunk = buffers.chunks.takeStandard()
        } else {
            let own = buffers.chunks.take(atLeast: 16_384 - Chunk.headerSizeBytes)
            memcpy(own.data, chunk.data + start, restBytes)
            own.pointee.fillBytes = restBytes
            line.pointee.partial = own
            line.pointee.partialStart = 0
        }
    }

    // MARK: Replies out

    /// One whole reply, or the last piece of one.
    @inline(__always)
    private mutating func deliver(
        _ line: LineRef, _ ticket: ReplyTicket, _ chunk: ChunkRef, offset: Int, sizeBytes: Int
    ) {
        if chunk.data[offset] == Self.errorType, !line.isInsideReply {
            noteError(line.pointee.shard, ByteView(start: chunk.data + offset, count: sizeBytes))
        }
        if ticket.hotMark != 0 { replyIsHere(ticket.hotMark, line, sizeBytes: sizeBytes) }
        if ticket.kind == .reply && !line.pointee.isReplyOpen {
            let client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
            let reply = ByteView(start: chunk.data + offset, count: sizeBytes)
            if mayTellOfMisses(reply) { noteMisses(line, client, ticket.index, reply) }
            fill(client, ticket.index, chunk, offset: offset, sizeBytes: sizeBytes)
        } else {
            deliverUncommon(line, ticket, chunk, offset: offset, sizeBytes: sizeBytes)
        }
    }

    @inline(never)
    private mutating func deliverUncommon(
        _ line: LineRef, _ ticket: ReplyTicket, _ chunk: ChunkRef, offset: Int, sizeBytes: Int
    ) {
        switch ticket.kind {
        case .tombstone: line.pointee.shard.pointee.counters.add(.lateReplies)
        case .unheard: break
        case .check:
            let shard = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Shard.self)
            checkAnswered(shard, index: Int(ticket.index), ByteView(start: chunk.data + offset, count: sizeBytes))
        case .guarded: guardedReadAnswered(ticket, chunk, offset: offset, sizeBytes: sizeBytes)
        case .question: questionAnswered(ticket, chunk, offset: offset, sizeBytes: sizeBytes)
        case .making: makingAnswered(ticket, ByteView(start: chunk.data + offset, count: sizeBytes))
        case .spread: spreadAnswered(ticket, chunk, offset: offset, sizeBytes: sizeBytes)
        case .copy: fillAnswered(ticket, ByteView(start: chunk.data + offset, count: sizeBytes))
        case .pulse: pulseAnswered(line, ticket, ByteView(start: chunk.data + offset, count: sizeBytes))
        case .part:
            let merge = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Merge.self)
            chunk.retain()
            accept(merge, part: Int(ticket.index), taking: chunk, offset: offset, sizeBytes: sizeBytes)
        case .reply, .shared: deliverToAll(line, ticket, chunk, offset: offset, sizeBytes: sizeBytes, isLast: true)
        }
        line.pointee.isReplyOpen = false
        line.pointee.isReplyCut = false
    }

    /// A whole reply goes to its place; the place takes a reference.
    @inline(__always)
    private mutating func fill(
        _ client: ClientRef, _ sequence: UInt32, _ chunk: ChunkRef, offset: Int, sizeBytes: Int
    ) {
        noteAnswer(for: client)
        if client.pointee.flags.contains(.closed) { return markDirty(client) }
        chunk.retain()
        fill(client, sequence, taking: chunk, offset: offset, sizeBytes: sizeBytes)
    }

    /// The place takes over the caller's reference.
    @inline(__always)
    mutating func fill(_ client: ClientRef, _ sequence: UInt32, taking chunk: ChunkRef, offset: Int, sizeBytes: Int) {
        let slot = client.slot(sequence)
        slot.pointee.chunk = chunk
        slot.pointee.offset = UInt32(truncatingIfNeeded: offset)
        slot.pointee.sizeBytes = UInt32(truncatingIfNeeded: sizeBytes)
        slot.pointee.state = .ready
        client.pointee.heldBytes &+= sizeBytes
        let average = Int(client.pointee.replyBytesAverage)
        let change = (min(sizeBytes, Self.averagedBytesMax) &- average) >> 3
        client.pointee.replyBytesAverage = UInt32(truncatingIfNeeded: average &+ change)
        // Only the first in order can be sent; the others follow it.
        if sequence == client.pointee.head { markDirty(client) }
        if client.pointee.heldBytes > options.outputSizeBytesMax { cut(client) }
    }

    /// A whole reply, or a piece of one, to all who share it.
    private mutating func deliverToAll(
        _ line: LineRef, _ ticket: ReplyTicket, _ chunk: ChunkRef, offset: Int, sizeBytes: Int, isLast: Bool
    ) {
        let isWhole = isLast && !line.pointee.isReplyOpen
        for place in ReplyPlaces(ticket) {
            if isWhole {
                fill(place.client, place.sequence, chunk, offset: offset, sizeBytes: sizeBytes)
            } else {
                appendPiece(line, place, chunk, offset: offset, sizeBytes: sizeBytes, isLast: isLast)
            }
        }
    }

    // MARK: Long replies

    private mutating func deliverPiece(
        _ line: LineRef, _ chunk: ChunkRef, offset: Int, sizeBytes: Int, isLast: Bool
    ) {
        let ticket = line.pointee.inFlight.first.ticket
        if ticket.hotMark != 0 {
            replyIsHere(ticket.hotMark, line, sizeBytes: sizeBytes + line.pointee.scanner.knownBytesLeft)
        }
        deliverToAll(line, ticket, chunk, offset: offset, sizeBytes: sizeBytes, isLast: isLast)
        line.pointee.isReplyOpen = true
    }

    private mutating func appendPiece(
        _ line: LineRef, _ place: ReplyPlace, _ chunk: ChunkRef, offset: Int, sizeBytes: Int, isLast: Bool
    ) {
        let client = place.client
        if isLast { noteAnswer(for: client) }
        if client.pointee.flags.contains(.closed) { return markDirty(client) }
        let slot = place.slot
        if slot.pointee.state == .waiting {
            slot.pointee.state = .streaming
            slot.pointee.stream = slots.takeStream()
        }
        let stream = slot.pointee.stream.unsafelyUnwrapped
        slot.pointee.sizeBytes &+= UInt32(truncatingIfNeeded: sizeBytes)
        stream.pointee.isComplete = isLast
        stream.pointee.line = isLast ? nil : line
        if !slot.pointee.marks.contains(.suppressed) {
            chunk.retain()
            stream.pointee.pieces.append(taking: chunk, offset: offset, sizeBytes: sizeBytes, pool: &buffers)
            client.pointee.heldBytes += sizeBytes
        }
        let average = Int(client.pointee.replyBytesAverage)
        client.pointee.replyBytesAverage = UInt32(
            min(max(average, stream.pointee.pieces.sizeBytes), Self.averagedBytesMax))
        if place.sequence == client.pointee.head { markDirty(client) }
        if client.pointee.heldBytes > options.outputPauseBytes {
            if !isLast, isAlone(line, client) {
                line.pointee.isReadPaused = true
                client.pointee.flags.insert(.pausesLine)
                markDirty(line)
                markDirty(client)
            } else if client.pointee.heldBytes > options.outputSizeBytesMax {
                cut(client)
            }
        }
    }

    /// No other client waits for replies of this line, so it may wait for this one.
    func isAlone(_ line: LineRef, _ client: ClientRef) -> Bool {
        let queue = line.pointee.inFlight
        for index in 0..<queue.count {
            let ticket = queue[index].ticket
            if !ticket.isAwaited || ticket.kind == .check { continue }
            guard ticket.kind == .reply || ticket.kind == .shared, Self.isOnly(client, of: ticket) else { return false }
        }
        return true
    }

    /// The client took what it had; its line may bring more.
    mutating func letReadOn(_ line: LineRef) {
        guard line.pointee.isReadPaused else { return }
        line.pointee.isReadPaused = false
        markDirty(line)
    }

    /// The client does not take its replies, and others must not pay for that.
    mutating func cut(_ client: ClientRef) {
        cut(
            client,
            "\(client.pointee.heldBytes) bytes of replies wait for it, client_output_buffer_limit is "
                + "\(options.outputSizeBytesMax)")
    }

    mutating func cut(_ client: ClientRef, _ why: String) {
        log.warning("client \(client.pointee.id): \(why); connection closed")
        cutSilently(client)
    }

    /// The caller says why, once for many.
    mutating func cutSilently(_ client: ClientRef) {
        pools[client.pointee.poolIndex].counters.add(.clientsCut)
        close(client, .cut)
    }

    // MARK: Replies made here

    /// Puts bytes that Keyway made into a place.
    mutating func answer(_ client: ClientRef, _ sequence: UInt32, bytes: [UInt8]) {
        guard !client.pointee.flags.contains(.closed) else { return }
        let chunk = buffers.chunks.take(atLeast: bytes.count)
        memcpy(chunk.data, bytes, bytes.count)
        chunk.pointee.fillBytes = bytes.count
        fill(client, sequence, taking: chunk, offset: 0, sizeBytes: bytes.count)
    }

    mutating func answer(_ client: ClientRef, _ sequence: UInt32, error: String) {
        answer(client, sequence, error: Array(error.utf8))
    }

    mutating func answer(_ client: ClientRef, _ sequence: UInt32, error: [UInt8]) {
        noteError(madeFor: client, error)
        var reply = ReplyBuilder(version: .two)
        reply.error(error)
        answer(client, sequence, bytes: reply.bytes)
    }

    mutating func answer(_ client: ClientRef, _ sequence: UInt32, _ reply: StaticReplies.Place) {
        statics.chunk.retain()
        fill(client, sequence, taking: statics.chunk, offset: Int(reply.offset), sizeBytes: Int(reply.sizeBytes))
    }

    mutating func answerNow(_ client: ClientRef, error: String) { answerNow(client, error: Array(error.utf8)) }

    /// The error's text is a peer's in part, and may be of any bytes.
    mutating func answerNow(_ client: ClientRef, error: [UInt8]) {
        let sequence = client.pushSlot(pool: &slots)
        answer(client, sequence, error: error)
    }

    mutating func answerNow(_ client: ClientRef, bytes: [UInt8]) {
        let sequence = client.pushSlot(pool: &slots)
        pools[client.pointee.poolIndex].counters.add(.localReplies)
        answer(client, sequence, bytes: bytes)
    }

    mutating func answerNow(_ client: ClientRef, _ reply: StaticReplies.Place) {
        let sequence = client.pushSlot(pool: &slots)
        (poolViews + client.pointee.poolIndex).pointee.counters.add(.localReplies)
        answer(client, sequence, reply)
    }

    private mutating func settle(_ place: ReplyPlace, error: String) {
        noteAnswer(for: place.client)
        if place.client.pointee.flags.contains(.closed) { return markDirty(place.client) }
        answer(place.client, place.sequence, error: error)
    }

    /// Answers a request that no reply will come for.
    mutating func answer(_ ticket: ReplyTicket, error: String) {
        switch ticket.kind {
        case .tombstone, .unheard: break
        case .check:
            checkAnswered(
                ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Shard.self), index: Int(ticket.index), nil)
        case .copy: fillFailed(ticket, error: error, isLate: false)
        case .making: makingFailed(ticket)
        case .spread: spreadFailed(ticket, error: error, isLate: false)
        case .pulse: pulseFailed(ticket)
        case .guarded: guardedReadFailed(ticket, error: error)
        case .question: questionFailed(ticket)
        case .reply, .shared:
            for place in ReplyPlaces(ticket) { settle(place, error: error) }
        case .part:
            let merge = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Merge.self)
            var reply = ReplyBuilder(version: .two)
            reply.error(error)
            let chunk = buffers.chunks.take(atLeast: reply.bytes.count)
            memcpy(chunk.data, reply.bytes, reply.bytes.count)
            chunk.pointee.fillBytes = reply.bytes.count
            accept(merge, part: Int(ticket.index), taking: chunk, offset: 0, sizeBytes: reply.bytes.count)
        }
    }
}
