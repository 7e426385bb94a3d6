// Engine+SpreadReads: reads of hot keys that are answered by copies on several servers (Generation).
//
//     read ──► generation that stands? ──yes──► the better one of two copies, with the copy's name in place of the key
//                  │                                 ├─► a value ──► client
//                  no                                ├─► as of a missing key ──► EXISTS ──► there: client, gone: ─┐
//                  ▼                                 └─► an error, a lost line ──────────────────────────────────┤
//            the key's own shard ◄───────────────────────────────────────────────────────────────────────────────┘
//
// What a client may be told, beside the rules of Engine+Copies:
//  1. What a client has seen in another way may be newer than the copies. So its reads come to them when all of that is
//     answered and its shard's line has given a sign that was asked for later: changes of before have been heard then.
//     It waits for that sign, one for all who wait, and no longer than the lease.
//  2. A read that is asked again at the key's shard may be answered by a newer value than copies have. So a client's
//     reads of copies are answered in their order; those of the same key before it and behind it are asked there as
//     well, for each of them may come to that later, and then what it is told would be the newer; and a write, or a
//     read that would go another way or to a newer generation, is put off while reads are under way.
//  3. A copy may be gone unseen. A reply that a missing key could have is held until EXISTS has said, later, that the
//     copy is there: a name is used once, so it was there all the time. To ask the key's shard instead would send it
//     every SISMEMBER that says no.
// Nobody is given up so that there is room for these reads (`when_full: shed_oldest`): those who wait may be the same
// client's, and would be asked anew in the middle of it.
// With `serve_stale` copies are read on for a while when their key's shard is down. Changes are not heard then, and the
// first of these rules is given up: who saw a newer value in the last moment would have nothing instead.
// Not here: how copies come and go (Engine+Generations), the lines' signs (Engine+Cover).

import Glibc
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    // MARK: Reads

    /// - Returns: false when it must go to its shard like any other.
    mutating func readSpread(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ known: CopiedKeyRef,
        _ hot: HotPoolRef
    ) -> Bool {
        guard let generation = standing(known, hot) else {
            if known.pointee.hasSpreadReads, putsOffBehindFills(client) { return true }
            if known.pointee.generation == nil { considerGeneration(known, hot) }
            // Copies that are asked for later will be as new as what is read now.
            if known.pointee.generation != nil { touch(client) }
            return false
        }
        guard spreadReads.contains(row.pointee.id), request.sizeBytes <= SpreadRead.requestBytesMax,
            isServedCopies(client, hot)
        else {
            if known.pointee.hasSpreadReads, putsOffBehindFills(client) { return true }
            touch(client)
            return false
        }
        if known.pointee.isGuarded, row.pointee.id == .get, isToldEarly(client, known) { return true }
        let isCrowded = known.pointee.firstEnded != nil || client.pointee.fillCount == .max
        if isCrowded, putsOffBehindFills(client) { return true }
        let cover = hot.pointee.covers + known.pointee.shardIndex
        let isStale = nowMs >= cover.pointee.untilMs
        guard isStale || isDone(client, hot) else {
            putOff(client, .barrier)
            return true
        }
        let read = makeRead(client, request, keyArgument: Int(row.pointee.keyFirst), generation)
        if isStale || Int32(bitPattern: cover.pointee.heardStamp &- client.pointee.stampMin) >= 0 {
            askCopy(read, hot)
        } else {
            waitForSign(read, cover)
        }
        return true
    }

    /// The key's copies, if they may be read now.
    private mutating func standing(_ key: CopiedKeyRef, _ hot: HotPoolRef) -> GenerationRef? {
        guard let generation = key.pointee.generation else { return nil }
        if generation.pointee.version != hot.pointee.slots.version(key.pointee.slot) {
            end(generation, .hasChanged)
            return nil
        }
        guard generation.pointee.state == .standing else { return nil }
        if nowMs >= generation.pointee.untilMs {
            end(generation, .lifeIsOver)
            return nil
        }
        return isCovered(generation, hot) ? generation : nil
    }

    private func isCovered(_ generation: GenerationRef, _ hot: HotPoolRef) -> Bool {
        let cover = hot.pointee.covers + generation.pointee.home.pointee.index
        return nowMs < cover.pointee.untilMs || isStaleServed(cover, hot)
    }

    @inline(__always)
    private func isStaleServed(_ cover: CoverRef, _ hot: HotPoolRef) -> Bool {
        hot.pointee.staleMs > 0 && cover.pointee.shard.pointee.isDown
            && nowMs < cover.pointee.heardAtMs + hot.pointee.staleMs
    }

    private mutating func makeRead(
        _ client: ClientRef, _ request: RequestView, keyArgument: Int, _ generation: GenerationRef
    ) -> SpreadReadRef {
        let chunk = buffers.chunks.take(atLeast: request.sizeBytes)
        memcpy(chunk.data, request.start, request.sizeBytes)
        chunk.pointee.fillBytes = request.sizeBytes
        let before = request.arguments[keyArgument - 1]
        let key = request.arguments[keyArgument]
        let read = spreadReadRecords.take()
        read.initialize(
            to: SpreadRead(
                client: client, sequence: client.pushSlot(pool: &slots), generation: generation, request: chunk,
                requestBytes: request.sizeBytes, keyStart: Int(before.offset + before.sizeBytes) + 2,
                keyEnd: Int(key.offset + key.sizeBytes) + 2, stampMin: client.pointee.stampMin))
        link(read, client)
        expectAnswer(for: client)
        client.pointee.fillCount += 1
        client.pointee.flags.insert(.waitsForFills)
        generation.pointee.readCount += 1
        return read
    }

    // MARK: Copies

    private mutating func askCopy(_ read: SpreadReadRef, _ hot: HotPoolRef) {
        let generation = read.pointee.generation
        guard let index = chooseCopy(read) else { return askHome(read) }
        read.pointee.copyIndex = index
        read.pointee.askedAtMs = nowMs
        let line = line(of: generation.pointee.copies.unsafelyUnwrapped[index].shard, for: read.pointee.client)
        let sizeBytes =
            read.pointee.requestBytes - (read.pointee.keyEnd - read.pointee.keyStart) + generation.pointee.nameBytes
        let bytes = read.pointee.request.data
        line.pointee.out.append(bytes, count: read.pointee.keyStart, pool: &buffers)
        line.pointee.out.append(generation.pointee.name, count: generation.pointee.nameBytes, pool: &buffers)
        line.pointee.out.append(
            bytes + read.pointee.keyEnd, count: read.pointee.requestBytes - read.pointee.keyEnd, pool: &buffers)
        submitted(read, SpreadStep.read, line, sizeBytes: sizeBytes)
        generation.pointee.servedCount &+= 1
        generation.pointee.key?.pointee.hits &+= 1
        hot.pointee.counters.add(.spreadReads)
        let cover = hot.pointee.covers + generation.pointee.home.pointee.index
        if nowMs >= cover.pointee.untilMs { hot.pointee.counters.add(.spreadReadsStale) }
    }

    /// The bytes are at the end of the line's queue.
    @inline(__always)
    private mutating func submitted(_ read: SpreadReadRef, _ step: UInt32, _ line: LineRef, sizeBytes: Int) {
        read.pointee.isHeld = true
        line.pointee.inFlight.append(
            InFlight(
                ticket: ReplyTicket(owner: read, index: step, kind: .spread, isWrite: false),
                arrivedMs: UInt32(truncatingIfNeeded: nowMs), sizeBytes: UInt32(truncatingIfNeeded: sizeBytes)))
        line.pointee.shard.pointee.counters.add(.requests)
        line.pointee.shard.pointee.counters.add(.requestBytes, sizeBytes)
        markDirty(line)
    }

    /// The better one of two drawn copies; or else any that can be asked.
    @inline(__always)
    private mutating func chooseCopy(_ read: SpreadReadRef) -> Int? {
        let generation = read.pointee.generation
        let count = UInt32(truncatingIfNeeded: generation.pointee.copyCount)
        let random = nextRandom()
        let first = Int(random % count)
        let second = (first + 1 + Int((random >> 16) % (count - 1))) % Int(count)
        switch (load(of: first, read), load(of: second, read)) {
        case (let one?, let other?): return one <= other ? first : second
        case (.some, nil): return first
        case (nil, .some): return second
        case (nil, nil): break
        }
        for index in 0..<Int(count) where load(of: index, read) != nil { return index }
        return nil
    }

    /// What waits there, weighed by how long it takes; nil where the copy cannot be asked.
    @inline(__always)
    private mutating func load(of index: Int, _ read: SpreadReadRef) -> UInt64? {
        let generation = read.pointee.generation
        let shard = generation.pointee.copies.unsafelyUnwrapped[index].shard
        let line = line(of: shard, for: read.pointee.client)
        let sizeBytes = read.pointee.requestBytes + generation.pointee.nameBytes
        guard isWell(shard), admitsBehindOthers(line, sizeBytes: sizeBytes) else { return nil }
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        let latency8 = hot.pointee.covers[shard.pointee.index].latency8(nowMs: nowMs)
        return UInt64(line.pointee.inFlight.count + 1) * (8 + latency8)
    }

    // MARK: Replies

    private enum SpreadStep {
        static let read: UInt32 = 0
        static let proof: UInt32 = 1
    }

    mutating func spreadAnswered(_ ticket: ReplyTicket, _ chunk: ChunkRef, offset: Int, sizeBytes: Int) {
        guard let read = takeHeld(ticket) else { return }
        let reply = ByteView(start: chunk.data + offset, count: sizeBytes)
        guard ticket.index == SpreadStep.read else { return proofHasCome(read, reply) }
        noteLatency(read)
        if ReplyMerge.isError(reply) { return askHome(read) }
        chunk.retain()
        read.pointee.reply = chunk
        read.pointee.replyOffset = offset
        read.pointee.replyBytes = sizeBytes
        if MissingKeyReply.couldBe(reply) { askForProof(read) } else { isAnswered(read) }
    }

    /// Nil, and the record is free, where the read was asked elsewhere meanwhile.
    private mutating func takeHeld(_ ticket: ReplyTicket) -> SpreadReadRef? {
        let read = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: SpreadRead.self)
        read.pointee.isHeld = false
        guard read.pointee.isAbandoned else { return read }
        spreadReadRecords.giveBack(read)
        return nil
    }

    private func noteLatency(_ read: SpreadReadRef) {
        let generation = read.pointee.generation
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        let shard = generation.pointee.copies.unsafelyUnwrapped[read.pointee.copyIndex].shard
        let cover = hot.pointee.covers + shard.pointee.index
        cover.pointee.note(latencyMs: nowMs - read.pointee.askedAtMs, nowMs: nowMs)
    }

    /// Rule 2: nothing before it can be asked again any more when it is the client's.
    @inline(__always)
    private mutating func isAnswered(_ read: SpreadReadRef) {
        read.pointee.isAnswered = true
        if isFirst(read) { deliver(read.pointee.client) }
    }

    @inline(__always)
    private func isFirst(_ read: SpreadReadRef) -> Bool {
        read.pointee.client.pointee.lastSpread?.pointee.nextOfClient == read
    }

    /// All of a client's that are next in order and answered.
    private mutating func deliver(_ client: ClientRef) {
        while let read = client.pointee.lastSpread?.pointee.nextOfClient, read.pointee.isAnswered {
            let sequence = read.pointee.sequence
            let (offset, sizeBytes) = (read.pointee.replyOffset, read.pointee.replyBytes)
            let chunk = read.pointee.reply.unsafelyUnwrapped
            chunk.retain()
            isOver(read)
            noteAnswer(for: client)
            if client.pointee.flags.contains(.closed) {
                buffers.chunks.release(chunk)
                markDirty(client)
            } else {
                fill(client, sequence, taking: chunk, offset: offset, sizeBytes: sizeBytes)
            }
        }
    }

    /// The reply that is first on the line is not all there.
    ///
    /// - Returns: whether more of it is to be waited for before anything is done with it.
    mutating func gathersSpread(_ line: LineRef, sizeBytes: Int, pieceBytesMin: Int) -> Bool {
        let ticket = line.pointee.inFlight.first.ticket
        let read = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: SpreadRead.self)
        if read.pointee.isAbandoned || sizeBytes > options.outputSizeBytesMax {
            line.pointee.inFlight.buryFirst()
            spreadFailed(ticket, error: "", isLate: false)
            return false
        }
        guard sizeBytes >= pieceBytesMin, isFirst(read) else { return true }
        // A long reply is a value, and nothing is before it: it is like any other's from here on.
        line.pointee.inFlight[0].ticket = ReplyTicket(
            owner: read.pointee.client, index: read.pointee.sequence, kind: .reply, isWrite: false)
        let client = read.pointee.client
        isOver(read)
        deliver(client)
        return false
    }

    // MARK: Doubts

    private mutating func askForProof(_ read: SpreadReadRef) {
        let generation = read.pointee.generation
        let shard = generation.pointee.copies.unsafelyUnwrapped[read.pointee.copyIndex].shard
        let line = line(of: shard, for: read.pointee.client)
        guard admitsBehindOthers(line, sizeBytes: generation.pointee.nameBytes) else { return askHome(read) }
        let head: StaticString = "*2\r\n$6\r\nEXISTS\r\n"
        line.pointee.out.append(head.utf8Start, count: head.utf8CodeUnitCount, pool: &buffers)
        line.pointee.out.append(generation.pointee.name, count: generation.pointee.nameBytes, pool: &buffers)
        submitted(read, SpreadStep.proof, line, sizeBytes: head.utf8CodeUnitCount + generation.pointee.nameBytes)
        (poolViews + generation.pointee.poolIndex).pointee.counters.add(.spreadProofs)
    }

    private mutating func proofHasCome(_ read: SpreadReadRef, _ reply: ByteView) {
        if ReplyMerge.integer(reply) == 1 { return isAnswered(read) }
        end(read.pointee.generation, .hasChanged)
        askHome(read)
    }

    /// The copy did not answer.
    mutating func spreadFailed(_ ticket: ReplyTicket, error: String, isLate: Bool) {
        guard let read = takeHeld(ticket) else { return }
        guard isLate else { return askHome(read) }
        let (client, sequence) = (read.pointee.client, read.pointee.sequence)
        isOver(read)
        noteAnswer(for: client)
        if client.pointee.flags.contains(.closed) {
            markDirty(client)
        } else {
            answer(client, sequence, error: error)
        }
        deliver(client)
    }

    // MARK: The common way

    /// No copy answers it: its key's own shard does, as well as all of the client's that ask the same copies (rule 2).
    private mutating func askHome(_ read: SpreadReadRef) {
        let (client, generation) = (read.pointee.client, read.pointee.generation)
        if !client.pointee.flags.contains(.closed) { touchAll(client) }
        // It must outlive those that end.
        generation.pointee.readCount += 1
        var next = client.pointee.lastSpread.unsafelyUnwrapped.pointee.nextOfClient
        while let read = next {
            let isLast = read == client.pointee.lastSpread
            next = isLast ? nil : read.pointee.nextOfClient
            if read.pointee.generation == generation { moveHome(read, generation.pointee.home) }
        }
        generation.pointee.readCount -= 1
        freeIfUnused(generation)
        deliver(client)
    }

    private mutating func moveHome(_ read: SpreadReadRef, _ home: ShardRef) {
        let (client, sequence) = (read.pointee.client, read.pointee.sequence)
        let (request, sizeBytes) = (read.pointee.request, read.pointee.requestBytes)
        (poolViews + client.pointee.poolIndex).pointee.counters.add(.spreadReadsHome)
        request.retain()
        defer { buffers.chunks.release(request) }
        isOver(read)
        if client.pointee.flags.contains(.closed) {
            noteAnswer(for: client)
            return markDirty(client)
        }
        let line = line(of: home, for: client)
        guard admitsBehindOthers(line, sizeBytes: sizeBytes) else {
            noteAnswer(for: client)
            return answer(client, sequence, error: refusal(line, sizeBytes: sizeBytes))
        }
        submit(
            line, request.data, count: sizeBytes,
            ReplyTicket(
                owner: client, index: sequence, kind: .reply, isWrite: false,
                traits: ReplyTicket.Traits(isWrite: false, isScript: false)))
        home.pointee.counters.add(.requests)
        markDirty(line)
    }

    /// Its reply is the client's, or is another's to bring.
    private mutating func isOver(_ read: SpreadReadRef) {
        let client = read.pointee.client
        let generation = read.pointee.generation
        unlink(read, client)
        client.pointee.fillCount -= 1
        if client.pointee.fillCount == 0 { client.pointee.flags.remove(.waitsForFills) }
        generation.pointee.readCount -= 1
        buffers.chunks.release(read.pointee.request)
        if let reply = read.pointee.reply { buffers.chunks.release(reply) }
        if read.pointee.isHeld {
            read.pointee.isAbandoned = true
        } else {
            spreadReadRecords.giveBack(read)
        }
        freeIfUnused(generation)
    }

    @inline(__always)
    private func link(_ read: SpreadReadRef, _ client: ClientRef) {
        if let last = client.pointee.lastSpread {
            read.pointee.nextOfClient = last.pointee.nextOfClient
            last.pointee.nextOfClient = read
        } else {
            read.pointee.nextOfClient = read
        }
        client.pointee.lastSpread = read
    }

    @inline(__always)
    private func unlink(_ read: SpreadReadRef, _ client: ClientRef) {
        var previous = client.pointee.lastSpread.unsafelyUnwrapped
        while previous.pointee.nextOfClient != read { previous = previous.pointee.nextOfClient.unsafelyUnwrapped }
        previous.pointee.nextOfClient = read.pointee.nextOfClient
        guard client.pointee.lastSpread == read else { return }
        client.pointee.lastSpread = previous == read ? nil : previous
    }

    // MARK: Signs

    /// Rule 1.
    private mutating func waitForSign(_ read: SpreadReadRef, _ cover: CoverRef) {
        guard let line = cover.pointee.line, line.isReady else { return askHome(read) }
        if let last = cover.pointee.lastWaiting {
            last.pointee.next = read
        } else {
            cover.pointee.firstWaiting = read
        }
        cover.pointee.lastWaiting = read
        read.pointee.isHeld = true
        // One that is under way has its time, and its timer.
        if cover.pointee.askedAtMs == 0 { sendPulse(cover, line) }
    }

    /// A sign has come.
    mutating func goOn(_ cover: CoverRef, _ line: LineRef) {
        guard cover.pointee.firstWaiting != nil else { return }
        let hot = (poolViews + line.pointee.shard.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        while let first = cover.pointee.firstWaiting,
            Int32(bitPattern: cover.pointee.heardStamp &- first.pointee.stampMin) >= 0
        {
            guard let read = takeWaiting(cover) else { continue }
            if let key = read.pointee.generation.pointee.key, standing(key, hot) == read.pointee.generation {
                askCopy(read, hot)
            } else {
                askHome(read)
            }
        }
        if cover.pointee.firstWaiting != nil { sendPulse(cover, line) }
    }

    /// None comes in time.
    mutating func letGo(_ cover: CoverRef) {
        while cover.pointee.firstWaiting != nil {
            if let read = takeWaiting(cover) { askHome(read) }
        }
    }

    /// Nil, and the record is free, where the read was asked elsewhere meanwhile.
    private mutating func takeWaiting(_ cover: CoverRef) -> SpreadReadRef? {
        let read = cover.pointee.firstWaiting.unsafelyUnwrapped
        cover.pointee.firstWaiting = read.pointee.next
        if read.pointee.next == nil { cover.pointee.lastWaiting = nil }
        read.pointee.next = nil
        read.pointee.isHeld = false
        guard read.pointee.isAbandoned else { return read }
        spreadReadRecords.giveBack(read)
        return nil
    }
}
