// Engine+Copies: a request for a key of a pool that watches for hot keys: counted, perhaps, and answered from a copy
// where that is safe.
//
//     read ──► copy that stands? ──yes──► its client's place, by reference
//                    └─no──► a fill on the shard's cover line; those who ask for the same join it
//     write ──► the slot's version is raised, here and again with the reply
//
// What a client may be told (each rule is one line below):
//  1. Copies of before a write are used by nobody once the write is sent (HotSlots), and a copy is used only while its
//     shard's line covers it (Engine+Cover), so a write that does not pass here is seen within `leaseMs`.
//  2. A client that has gone another way with a request that concerns a hot key (a write, a read of several keys, a
//     script) is `hotTouched`: until that is answered its reads of hot keys go that way too, behind it; from then on it
//     takes only what is asked for later. So it reads its own writes, and never an older value than it has seen.
//  3. All reads that fill go over one line, which also brings the news of changes, in the server's order: so no client
//     gets a newer value from a fill while an older copy is still in use.
//  4. Nothing of a client overtakes a fill that it waits for: what goes another way is put off until that is answered,
//     and so is a read of the same key whose answer would be older.
// Not here: which keys are hot (Engine+HotKeys), the cover lines (Engine+Cover).

import Glibc
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// The common case of `passHot`, without asking where the key lives: a copy is found by the whole request.
    ///
    /// - Returns: true when the request needs no shard any more.
    @inline(never)
    mutating func meetsCopy(_ client: ClientRef, _ request: RequestView, _ hot: HotPoolRef) -> Bool {
        guard hot.pointee.table.copyCount > 0 else { return false }
        let (bytes, hash) = whole(request, hot)
        guard let copy = hot.pointee.table.copy(hash, bytes, client.pointee.version),
            isCovered(copy.pointee.key.pointee.shardIndex, hot), mayTakeCopies(client, hot)
        else { return false }
        let key = copy.pointee.key
        let shard = (hot.pointee.covers + key.pointee.shardIndex).pointee.shard
        // Somebody else may stand in for it.
        if shard.pointee.isGuarded { return false }
        guard take(copy, client, hot) else { return false }
        if hot.pointee.sampler.isDue() {
            sample(hot, request, key.pointee.view, shard, isWrite: false)
            hotMark = forgetSample(hot)
        }
        joinsNothingOlder(client)
        return true
    }

    /// A single-key command on its way to `shard`.
    ///
    /// - Returns: true when it needs no shard any more.
    @inline(never)
    mutating func passHot(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, key: ByteView, _ shard: ShardRef,
        _ hot: HotPoolRef
    ) -> Bool {
        if hot.pointee.hidesCopies, ReservedKeys.contains(key) {
            answerNow(client, error: ProxyError.reservedKey)
            return true
        }
        let isWrite = isWrite(row)
        if hot.pointee.sampler.isDue() { sample(hot, request, key, shard, isWrite: isWrite) }
        guard hot.pointee.makesCopies else { return false }
        let hash = SeededHash.value(of: key.start, count: key.count, seed: hot.pointee.seed)
        let slot = HotSlotsView.slot(of: hash)
        guard hot.pointee.slots.isHot(slot) else { return false }
        let known = copiedKey(hash, key, hot)
        if isWrite {
            if known != nil, putsOffBehindFills(client) { return true }
            // One that its shard will not get ends nothing.
            if hot.pointee.staleMs == 0 || !shard.pointee.isDown {
                hotMark = HotSlotsView.mark(of: slot)
                hot.pointee.slots.raise(hotMark)
            }
        }
        guard let known else { return false }
        if isWrite {
            touch(client)
            return false
        }
        if hot.pointee.spreads { return readSpread(client, request, row, known, hot) }
        if mayTakeCopies(client, hot), readHot(client, request, row, known, shard, hot) { return true }
        if putsOffBehindFills(client) { return true }
        touch(client)
        return false
    }

    /// Nil where there are no copies and no fills, so that nobody can be told anything older: a key of the same slot,
    /// one that is hot for another worker, one that is marked only, one whose values are too long.
    @inline(__always)
    func copiedKey(_ hash: UInt64, _ name: ByteView, _ hot: HotPoolRef) -> CopiedKeyRef? {
        guard let key = hot.pointee.table.key(hash, name), key.pointee.isOpen else { return nil }
        return key.pointee.isUncopyable && !key.pointee.isAwaited ? nil : key
    }

    /// Rule 4.
    ///
    /// - Returns: true when the caller must leave the request as it is; it will be handled again.
    mutating func putsOffBehindFills(_ client: ClientRef) -> Bool {
        guard client.pointee.flags.contains(.waitsForFills) else { return false }
        putOff(client, .barrier)
        return true
    }

    /// It goes another way than copies do.
    @inline(__always)
    func touch(_ client: ClientRef) {
        client.pointee.flags.insert(.hotTouched)
        client.pointee.hotTail = client.pointee.tail &+ 1
    }

    /// What the client has asked for already goes another way.
    func touchAll(_ client: ClientRef) {
        client.pointee.flags.insert(.hotTouched)
        client.pointee.hotTail = client.pointee.tail
    }

    /// Rule 2.
    private func mayTakeCopies(_ client: ClientRef, _ hot: HotPoolRef) -> Bool {
        isServedCopies(client, hot) && isDone(client, hot)
    }

    /// A client whose requests may go over several lines, or elsewhere, has none of this.
    @inline(__always)
    func isServedCopies(_ client: ClientRef, _ hot: HotPoolRef) -> Bool {
        client.pointee.flags.intersection([.authenticated, .uncommon, .refusesCopies]) == .authenticated
            && client.pointee.state == nil && dialect(of: client).database == hot.pointee.database
            && !hot.pointee.slots.isClosed
    }

    /// What it asked for another way is answered; from now on it takes only what is asked for later.
    @inline(__always)
    func isDone(_ client: ClientRef, _ hot: HotPoolRef) -> Bool {
        guard client.pointee.flags.contains(.hotTouched) else { return true }
        let isAnswered = Int32(bitPattern: client.pointee.head &- client.pointee.hotTail) >= 0
        if client.pointee.hotTail != 0, !isAnswered { return false }
        client.pointee.flags.remove(.hotTouched)
        client.pointee.stampMin = hot.pointee.stamp &+ 1
        return true
    }

    /// - Returns: false when it must go to its shard like any other.
    private mutating func readHot(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ known: CopiedKeyRef,
        _ shard: ShardRef, _ hot: HotPoolRef
    ) -> Bool {
        guard isCovered(shard.pointee.index, hot), let line = (hot.pointee.covers + shard.pointee.index).pointee.line
        else { return false }
        let (bytes, hash) = whole(request, hot)
        if let copy = hot.pointee.table.copy(hash, bytes, client.pointee.version), take(copy, client, hot) {
            return true
        }
        let kind = copyableReads.kind(of: row, request)
        guard kind != .no, !known.pointee.isUncopyable else { return false }
        if client.pointee.fillCount == .max, putsOffBehindFills(client) { return true }
        hot.pointee.counters.add(.copyMisses)
        if let fill = fill(of: known, hash, bytes, client, hot) {
            if fill != newestFill(of: known), putsOffBehindFills(client) { return true }
            wait(client, for: fill)
            return true
        }
        guard admitsBehindOthers(line, sizeBytes: request.sizeBytes) else { return false }
        let lifeMsMax = kind == .fields ? min(hot.pointee.leaseMs, hot.pointee.lifeMsMax) : hot.pointee.lifeMsMax
        let isGuarded = row.pointee.id == .get && known.pointee.isGuarded
        let fill = startFill(
            known, hash, bytes, client.pointee.version, line, hot, lifeMsMax: lifeMsMax, isGuarded: isGuarded)
        wait(client, for: fill)
        return true
    }

    /// Changes on this shard would be known here.
    @inline(__always)
    private func isCovered(_ shardIndex: Int, _ hot: HotPoolRef) -> Bool {
        let cover = hot.pointee.covers + shardIndex
        guard nowMs < cover.pointee.untilMs, let line = cover.pointee.line else { return false }
        return line.isReady
    }

    /// What copies are found by.
    @inline(__always)
    private func whole(_ request: RequestView, _ hot: HotPoolRef) -> (bytes: ByteView, hash: UInt64) {
        let bytes = ByteView(start: request.start, count: request.sizeBytes)
        return (bytes, SeededHash.value(of: bytes.start, count: bytes.count, seed: hot.pointee.seed))
    }

    @inline(__always)
    private func stands(_ copy: CopyRef, _ hot: HotPoolRef) -> Bool {
        nowMs < copy.pointee.untilMs
            && copy.pointee.version == hot.pointee.slots.version(copy.pointee.key.pointee.slot)
    }

    /// - Returns: false when it is too old; true when the request is answered, or put off.
    @inline(__always)
    private mutating func take(_ copy: CopyRef, _ client: ClientRef, _ hot: HotPoolRef) -> Bool {
        guard stands(copy, hot) else {
            drop(copy, hot)
            return false
        }
        guard Int32(bitPattern: copy.pointee.stamp &- client.pointee.stampMin) >= 0 else { return false }
        if newestFill(of: copy.pointee.key) != nil, putsOffBehindFills(client) { return true }
        if copy.pointee.drawsLots, isToldEarly(client, copy.pointee.key) { return true }
        copy.pointee.key.pointee.hits &+= 1
        let sequence = client.pushSlot(pool: &slots)
        (poolViews + client.pointee.poolIndex).pointee.counters.add(.copyHits)
        copy.pointee.chunk.retain()
        client.pointee.flags.insert(.tookCopies)
        fill(
            client, sequence, taking: copy.pointee.chunk, offset: copy.pointee.requestBytes,
            sizeBytes: copy.pointee.replyBytes)
        return true
    }

    mutating func drop(_ copy: CopyRef, _ hot: HotPoolRef) {
        hot.pointee.noteEnd(ageMs: nowMs - copy.pointee.askedAtMs)
        hot.pointee.table.remove(copy, pool: &buffers)
    }

    /// All of a key, and what is on its way to become one.
    mutating func dropCopies(of key: CopiedKeyRef, _ hot: HotPoolRef) {
        if let generation = key.pointee.generation { end(generation, .hasChanged) }
        while let copy = key.pointee.firstCopy { drop(copy, hot) }
        var next = key.pointee.firstFill
        while let fill = next {
            fill.pointee.isDoubtful = true
            next = fill.pointee.nextOfKey
        }
    }

    /// Its values are too long; no copy of any other read of it is left either.
    private mutating func refuseCopies(of fill: FillRef) {
        fill.pointee.isDoubtful = true
        guard let key = fill.pointee.key else { return }
        key.pointee.isUncopyable = true
        dropCopies(of: key, (poolViews + fill.pointee.poolIndex).pointee.hot.unsafelyUnwrapped)
    }

    // MARK: Fills

    /// One under way whose reply is as good as a fresh one.
    private func fill(
        of key: CopiedKeyRef, _ hash: UInt64, _ request: ByteView, _ client: ClientRef, _ hot: HotPoolRef
    ) -> FillRef? {
        var next = key.pointee.firstFill
        while let fill = next {
            if fill.pointee.hash == hash, fill.pointee.protocolVersion == client.pointee.version,
                !fill.pointee.isDoubtful, fill.pointee.reply == nil,
                fill.pointee.version == hot.pointee.slots.version(key.pointee.slot),
                Int32(bitPattern: fill.pointee.stamp &- client.pointee.stampMin) >= 0,
                ByteView(start: UnsafePointer(fill.pointee.request.data), count: fill.pointee.requestBytes)
                    .isEqual(to: request)
            {
                return fill
            }
            next = fill.pointee.nextOfKey
        }
        return nil
    }

    /// That somebody waits for.
    @inline(__always)
    private func newestFill(of key: CopiedKeyRef) -> FillRef? {
        var next = key.pointee.firstFill
        while let fill = next, fill.pointee.firstWaiter == nil { next = fill.pointee.nextOfKey }
        return next
    }

    private mutating func wait(_ client: ClientRef, for fill: FillRef) {
        let waiter = fillWaiters.take()
        waiter.initialize(to: FillWaiter(client: client, sequence: client.pushSlot(pool: &slots)))
        expectAnswer(for: client)
        client.pointee.fillCount += 1
        client.pointee.flags.insert(.waitsForFills)
        if let last = fill.pointee.lastWaiter { last.pointee.next = waiter } else { fill.pointee.firstWaiter = waiter }
        fill.pointee.lastWaiter = waiter
    }

    static var caching: StaticString { "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n" }

    /// Numbers what is asked of servers about copies, in its order.
    func nextStamp(_ hot: HotPoolRef) -> UInt32 {
        hot.pointee.stamp &+= 1
        // Long before stamps of now and of clients long ago could be mixed up.
        if hot.pointee.stamp & (1 << 30 - 1) == 0 {
            for client in clients { client.pointee.stampMin = hot.pointee.stamp }
        }
        return hot.pointee.stamp
    }

    private mutating func startFill(
        _ key: CopiedKeyRef, _ hash: UInt64, _ request: ByteView, _ version: RESPVersion, _ line: LineRef,
        _ hot: HotPoolRef, lifeMsMax: UInt64, isGuarded: Bool
    ) -> FillRef {
        let stamp = nextStamp(hot)
        let chunk = buffers.chunks.take(atLeast: request.count)
        memcpy(chunk.data, request.start, request.count)
        chunk.pointee.fillBytes = request.count
        let fill = fills.take()
        fill.initialize(
            to: Fill(
                key: key, poolIndex: hot.pointee.poolIndex, shard: line.pointee.shard, hash: hash, request: chunk,
                requestBytes: request.count, protocolVersion: version,
                version: hot.pointee.slots.version(key.pointee.slot), stamp: stamp, sentAtMs: nowMs,
                lifeMsMax: lifeMsMax, isGuarded: isGuarded, nextOfKey: key.pointee.firstFill))
        key.pointee.firstFill = fill
        submit(line, Self.caching.utf8Start, count: Self.caching.utf8CodeUnitCount, .unheard)
        submit(
            line, request.start, count: request.count,
            ReplyTicket(owner: fill, index: 0, kind: .copy, isWrite: false))
        let pttl = RequestBuilder.bytes([Array("PTTL".utf8), Array(key.pointee.view.buffer)])
        submit(line, pttl, count: pttl.count, ReplyTicket(owner: fill, index: 0, kind: .pulse, isWrite: false))
        line.pointee.shard.pointee.counters.add(.requests)
        line.pointee.shard.pointee.counters.add(.requestBytes, request.count)
        markDirty(line)
        return fill
    }

    mutating func submit(_ line: LineRef, _ bytes: UnsafePointer<UInt8>, count: Int, _ ticket: ReplyTicket) {
        line.submit(bytes, count: count, ticket: ticket, nowMs: nowMs, pool: &buffers)
    }

    /// The read's reply: those who wait get it, and it is kept until it is known how long it may live.
    mutating func fillAnswered(_ ticket: ReplyTicket, _ reply: ByteView) {
        let fill = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Fill.self)
        let chunk = buffers.chunks.take(
            atLeast: fill.pointee.requestBytes + RESP2Form.sizeBytesMax(of: reply.count))
        memcpy(chunk.data, fill.pointee.request.data, fill.pointee.requestBytes)
        let place = chunk.data + fill.pointee.requestBytes
        if fill.pointee.protocolVersion == .two {
            fill.pointee.replyBytes = RESP2Form.write(reply.start, count: reply.count, to: place)
        } else {
            memcpy(place, reply.start, reply.count)
            fill.pointee.replyBytes = reply.count
        }
        chunk.pointee.fillBytes = fill.pointee.requestBytes + fill.pointee.replyBytes
        fill.pointee.reply = chunk
        let isMissing = fill.pointee.isGuarded && Self.isNull(reply)
        if isMissing || ReplyMerge.isError(reply) { fill.pointee.isDoubtful = true }
        if reply.count > (poolViews + fill.pointee.poolIndex).pointee.hot.unsafelyUnwrapped.pointee.replyBytesMax {
            refuseCopies(of: fill)
        }
        while let waiter = takeWaiter(fill) {
            if isMissing, let key = fill.pointee.key {
                touchAll(waiter.client)
                missed(
                    GuardedRead(
                        client: waiter.client, sequence: waiter.sequence, shard: fill.pointee.shard,
                        keyHash: key.pointee.hash, request: fill.pointee.request))
                continue
            }
            noteAnswer(for: waiter.client)
            guard !waiter.client.pointee.flags.contains(.closed) else {
                markDirty(waiter.client)
                continue
            }
            chunk.retain()
            self.fill(
                waiter.client, waiter.sequence, taking: chunk, offset: fill.pointee.requestBytes,
                sizeBytes: fill.pointee.replyBytes)
        }
        replyHasCome(fill)
    }

    private mutating func takeWaiter(_ fill: FillRef) -> FillWaiter? {
        guard let waiter = fill.pointee.firstWaiter else { return nil }
        let taken = waiter.pointee
        fill.pointee.firstWaiter = taken.next
        if taken.next == nil { fill.pointee.lastWaiter = nil }
        fillWaiters.giveBack(waiter)
        taken.client.pointee.fillCount -= 1
        if taken.client.pointee.fillCount == 0 { taken.client.pointee.flags.remove(.waitsForFills) }
        return taken
    }

    /// How long the key lives on: the copy may live as long, counted from before it was asked for.
    mutating func lifeIsKnown(_ fill: FillRef, _ reply: ByteView) {
        if let chunk = fill.pointee.reply, let key = fill.pointee.key, !fill.pointee.isDoubtful,
            let leftMs = ReplyMerge.integer(reply)
        {
            keep(fill, chunk, key, leftMs: leftMs)
        }
        replyHasCome(fill)
    }

    /// - Parameter leftMs: what PTTL says. -1: it does not end; -2: there is no such key, which is as good to know.
    private mutating func keep(_ fill: FillRef, _ chunk: ChunkRef, _ key: CopiedKeyRef, leftMs: Int) {
        let hot = (poolViews + fill.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        let lifeMs = leftMs < 0 ? fill.pointee.lifeMsMax : min(UInt64(leftMs), fill.pointee.lifeMsMax)
        let untilMs = fill.pointee.sentAtMs + lifeMs
        guard fill.pointee.version == hot.pointee.slots.version(key.pointee.slot), untilMs > nowMs,
            hot.pointee.table.sizeBytes + chunk.pointee.capacityBytes <= hot.pointee.sizeBytesMax
        else { return }
        let request = ByteView(start: UnsafePointer(chunk.data), count: fill.pointee.requestBytes)
        if let older = hot.pointee.table.copy(fill.pointee.hash, request, fill.pointee.protocolVersion) {
            drop(older, hot)
        }
        noteLife(of: key, leftMs: leftMs, askedAtMs: fill.pointee.sentAtMs, poolIndex: fill.pointee.poolIndex)
        chunk.retain()
        hot.pointee.table.insert(
            Copy(
                hash: fill.pointee.hash, key: key, chunk: chunk, requestBytes: fill.pointee.requestBytes,
                replyBytes: fill.pointee.replyBytes, protocolVersion: fill.pointee.protocolVersion,
                version: fill.pointee.version, stamp: fill.pointee.stamp, askedAtMs: fill.pointee.sentAtMs,
                untilMs: untilMs, drawsLots: fill.pointee.isGuarded))
        hot.pointee.counters.add(.copyFills)
    }

    /// One of the two that a fill waits for, or the news that it will not come.
    mutating func replyHasCome(_ fill: FillRef) {
        fill.pointee.repliesLeft -= 1
        guard fill.pointee.repliesLeft == 0 else { return }
        if let key = fill.pointee.key { unlink(fill, key) }
        buffers.chunks.release(fill.pointee.request)
        if let reply = fill.pointee.reply { buffers.chunks.release(reply) }
        fills.giveBack(fill)
    }

    private func unlink(_ fill: FillRef, _ key: CopiedKeyRef) {
        if key.pointee.firstFill == fill {
            key.pointee.firstFill = fill.pointee.nextOfKey
            return
        }
        var previous = key.pointee.firstFill
        while let other = previous, other.pointee.nextOfKey != fill { previous = other.pointee.nextOfKey }
        previous.unsafelyUnwrapped.pointee.nextOfKey = fill.pointee.nextOfKey
    }

    /// No reply will come on the cover line: those who wait are told, or their read goes the common way.
    mutating func fillFailed(_ ticket: ReplyTicket, error: String, isLate: Bool) {
        let fill = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Fill.self)
        fill.pointee.isDoubtful = true
        while let waiter = takeWaiter(fill) {
            let client = waiter.client
            if client.pointee.flags.contains(.closed) {
                noteAnswer(for: client)
                markDirty(client)
            } else if isLate {
                noteAnswer(for: client)
                answer(client, waiter.sequence, error: error)
            } else {
                sendAnew(fill, waiter)
            }
        }
        replyHasCome(fill)
    }

    /// The rest of the reply is swallowed.
    mutating func refuseLongCopy(_ line: LineRef) {
        let ticket = line.pointee.inFlight.first.ticket
        line.pointee.inFlight.buryFirst()
        let fill = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Fill.self)
        refuseCopies(of: fill)
        fillFailed(ticket, error: "", isLate: false)
    }

    /// It will not be known how long the key lives, or no pulse will come back.
    mutating func pulseFailed(_ ticket: ReplyTicket) {
        guard let fill = ticket.owner?.assumingMemoryBound(to: Fill.self) else { return }
        fill.pointee.isDoubtful = true
        replyHasCome(fill)
    }

    private mutating func sendAnew(_ fill: FillRef, _ waiter: FillWaiter) {
        let line = line(of: fill.pointee.shard, for: waiter.client)
        touchAll(waiter.client)
        guard admits(line, sizeBytes: fill.pointee.requestBytes) else {
            noteAnswer(for: waiter.client)
            return answer(
                waiter.client, waiter.sequence, error: refusal(line, sizeBytes: fill.pointee.requestBytes))
        }
        submit(
            line, fill.pointee.request.data, count: fill.pointee.requestBytes,
            ReplyTicket(
                owner: waiter.client, index: waiter.sequence, kind: .reply, isWrite: false,
                traits: ReplyTicket.Traits(isWrite: false, isScript: false)))
        markDirty(line)
    }
}
