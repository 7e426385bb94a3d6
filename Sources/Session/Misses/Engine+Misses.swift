// Engine+Misses: a thundering herd becomes one question. When a guarded key is missing, one client is told so and has a
// lease: it computes the value and sets it. The others wait a little and get that value.
// Rules: nobody waits who has asked for more behind the read, because its order could not be kept, nor longer than
// `stampede_wait`; no value is ever made up; whoever sets the key ends the wait, also past Keyway, because the server
// is asked for it again and again, once for all who wait. Of two connections to it one may be late, so a question tells
// nothing to those who came after it was asked. Who leaves gives its place and its lease back.
// With `stampede_early` one of those who read a key shortly before it ends, or copies of it, is told that it is
// missing, and has the lease; the others get the value until it ends.
// With `stampede_stale` the others do not wait, but get what was last read of the key, while that is no older and no
// write of the key has passed here since (KeptValues).
// Not here: keys that many read and that are there (HotKeys/Engine+Copies).

import Glibc
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// A GET of a guarded key.
    ///
    /// - Returns: false when it is a request like any other.
    mutating func guardRead(
        _ client: ClientRef, _ request: RequestView, _ key: ByteView, _ shard: ShardRef
    ) -> Bool {
        guard client.pointee.flags.isPlain, client.pointee.state == nil,
            isGuarded(key, poolIndex: client.pointee.poolIndex)
        else { return false }
        let line = line(of: shard, for: client)
        guard admits(line, sizeBytes: request.sizeBytes) else { return false }
        let chunk = buffers.chunks.take(atLeast: request.sizeBytes)
        memcpy(chunk.data, request.start, request.sizeBytes)
        chunk.pointee.fillBytes = request.sizeBytes
        let read = guardedReads.take()
        let keyHash = missHash(of: key)
        let kept = (poolViews + client.pointee.poolIndex).pointee.misses?.pointee.kept
        read.initialize(
            to: GuardedRead(
                client: client, sequence: client.pushSlot(pool: &slots), shard: shard, keyHash: keyHash,
                request: chunk, askedAtMs: nowMs, version: kept?.version(of: keyHash) ?? 0))
        expectAnswer(for: client)
        submitGuarded(line, read.pointee.requestView, owner: read, kind: .guarded)
        return true
    }

    func isGuarded(_ key: ByteView, poolIndex: Int) -> Bool {
        (poolViews + poolIndex).pointee.misses?.pointee.prefixes.has(frontOf: key) ?? false
    }

    private func missHash(of key: ByteView) -> UInt64 {
        SeededHash.value(of: key.start, count: key.count, seed: shared.hotKeys.seed)
    }

    private mutating func submitGuarded(
        _ line: LineRef, _ request: ByteView, owner: UnsafeMutableRawPointer, kind: ReplyTicket.Kind
    ) {
        line.submit(
            request.start, count: request.count,
            ticket: ReplyTicket(
                owner: owner, index: 0, kind: kind, isWrite: false,
                traits: ReplyTicket.Traits(isWrite: false, isScript: false)),
            nowMs: nowMs, pool: &buffers)
        line.pointee.shard.pointee.counters.add(.requests)
        line.pointee.shard.pointee.counters.add(.requestBytes, request.count)
        markDirty(line)
    }

    static func isNull(_ reply: ByteView) -> Bool {
        reply.count >= 3
            && (reply[0] == UInt8(ascii: "_") || reply[0] == UInt8(ascii: "$") && reply[1] == UInt8(ascii: "-"))
    }

    // MARK: The read

    mutating func guardedReadAnswered(_ ticket: ReplyTicket, _ chunk: ChunkRef, offset: Int, sizeBytes: Int) {
        let read = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: GuardedRead.self)
        let reply = ByteView(start: UnsafePointer(chunk.data) + offset, count: sizeBytes)
        let isValue = !Self.isNull(reply) && reply[0] == UInt8(ascii: "$")
        if isValue { keep(reply, of: read.pointee) }
        if Self.isNull(reply) {
            missed(read.pointee)
        } else if isValue, !read.pointee.client.pointee.flags.contains(.closed),
            isDueEarly(read.pointee.client, read.pointee.keyHash)
        {
            tellMissing(read.pointee.client, read.pointee.sequence)
        } else {
            settle(read.pointee.client, read.pointee.sequence, chunk, offset: offset, sizeBytes: sizeBytes)
        }
        giveBack(read)
    }

    /// A long reply has begun: the key is there, and the reply is like any other's.
    ///
    /// - Returns: what the line's first ticket is now.
    mutating func unguard(_ ticket: ReplyTicket) -> ReplyTicket {
        let read = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: GuardedRead.self)
        defer { giveBack(read) }
        return ReplyTicket(
            owner: read.pointee.client, index: read.pointee.sequence, kind: .reply, isWrite: false,
            traits: ticket.traits)
    }

    mutating func guardedReadFailed(_ ticket: ReplyTicket, error: String) {
        let read = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: GuardedRead.self)
        let client = read.pointee.client
        noteAnswer(for: client)
        if client.pointee.flags.contains(.closed) {
            markDirty(client)
        } else {
            answer(client, read.pointee.sequence, error: error)
        }
        giveBack(read)
    }

    private mutating func giveBack(_ read: GuardedReadRef) {
        buffers.chunks.release(read.pointee.request)
        guardedReads.giveBack(read)
    }

    private mutating func settle(
        _ client: ClientRef, _ sequence: UInt32, _ chunk: ChunkRef, offset: Int, sizeBytes: Int
    ) {
        noteAnswer(for: client)
        if client.pointee.flags.contains(.closed) { return markDirty(client) }
        chunk.retain()
        fill(client, sequence, taking: chunk, offset: offset, sizeBytes: sizeBytes)
    }

    private mutating func tellMissing(_ client: ClientRef, _ sequence: UInt32) {
        noteAnswer(for: client)
        if client.pointee.flags.contains(.closed) { return markDirty(client) }
        answer(client, sequence, bytes: Self.null(for: client))
    }

    private static func null(for client: ClientRef) -> [UInt8] {
        Array((client.pointee.version == .three ? "_\r\n" : "$-1\r\n").utf8)
    }

    // MARK: Missing

    /// Whoever comes first is told; the others wait for what it brings.
    mutating func missed(_ read: GuardedRead) {
        let client = read.client
        let misses = (poolViews + client.pointee.poolIndex).pointee.misses.unsafelyUnwrapped
        let mayWait =
            client.pointee.tail == read.sequence &+ 1 && misses.pointee.waiterCount < misses.pointee.waiterCountMax
        let kept = misses.pointee.kept?.value(of: read, nowMs: nowMs)
        guard !client.pointee.flags.contains(.closed), mayWait || kept != nil, !claim(misses, read.keyHash, client)
        else { return tellMissing(client, read.sequence) }
        if let kept {
            pools[misses.pointee.poolIndex].counters.add(.staleReads)
            return settle(
                client, read.sequence, kept.chunk, offset: kept.requestBytes, sizeBytes: kept.replyBytes)
        }
        guard let wait = wait(for: read, misses) else { return tellMissing(client, read.sequence) }
        let waiter = missWaiters.take()
        waiter.initialize(
            to: MissWait.Waiter(
                client: client, sequence: read.sequence, untilMs: nowMs + misses.pointee.waitMs,
                afterQuestion: wait.pointee.questionCount))
        if let last = wait.pointee.lastWaiter { last.pointee.next = waiter } else { wait.pointee.firstWaiter = waiter }
        wait.pointee.lastWaiter = waiter
        misses.pointee.waiterCount += 1
        pools[misses.pointee.poolIndex].counters.add(.missWaits)
        client.pointee.gate.insert(.barrier)
        if !misses.pointee.timer.isArmed { timers.arm(misses.timer, deadlineMs: nowMs + MissPool.askEveryMs) }
    }

    private mutating func claim(
        _ misses: MissPoolRef, _ keyHash: UInt64, _ client: ClientRef, renews: Bool = true
    ) -> Bool {
        let isGranted = shared.misses.leases.claim(
            misses.pointee.number, keyHash, clientID: client.pointee.id, untilMs: nowMs + misses.pointee.leaseMs,
            nowMs: nowMs, notesLoser: misses.pointee.refusesLateWrites, renews: renews)
        if isGranted {
            client.pointee.flags.insert(.holdsLease)
            pools[misses.pointee.poolIndex].counters.add(.missLeases)
        }
        return isGranted
    }

    /// Nil when another key has the same hash.
    private mutating func wait(for read: GuardedRead, _ misses: MissPoolRef) -> MissWaitRef? {
        let base = Int(read.client.pointee.lineBase)
        let place = MissPlace(poolIndex: misses.pointee.poolIndex, lineBase: base, keyHash: read.keyHash)
        if let wait = missWaits[place] {
            return wait.pointee.requestView.isEqual(to: read.requestView) ? wait : nil
        }
        read.request.retain()
        let wait = MissWaitRef.allocate(capacity: 1)
        wait.initialize(
            to: MissWait(
                poolIndex: misses.pointee.poolIndex, shard: read.shard, keyHash: read.keyHash, lineBase: base,
                request: read.request))
        missWaits[place] = wait
        return wait
    }

    // MARK: Questions

    mutating func missTimerFired(_ misses: MissPoolRef) {
        let waits = missWaits.filter { $0.key.poolIndex == misses.pointee.poolIndex }
        for (place, wait) in waits {
            endLateWaits(of: wait, misses)
            if wait.pointee.firstWaiter == nil { end(wait, place) } else if !wait.pointee.isAsking { ask(wait) }
        }
        if misses.pointee.waiterCount > 0 { timers.arm(misses.timer, deadlineMs: nowMs + MissPool.askEveryMs) }
    }

    /// Those who have waited long enough, or are gone.
    private mutating func endLateWaits(of wait: MissWaitRef, _ misses: MissPoolRef) {
        var kept: UnsafeMutablePointer<MissWait.Waiter>?
        var next = wait.pointee.firstWaiter
        wait.pointee.firstWaiter = nil
        while let waiter = next {
            next = waiter.pointee.next
            waiter.pointee.next = nil
            let isLate = nowMs >= waiter.pointee.untilMs
            if isLate || waiter.pointee.client.pointee.flags.contains(.closed) {
                if isLate { pools[wait.pointee.poolIndex].counters.add(.missWaitsLate) }
                tellMissing(waiter.pointee.client, waiter.pointee.sequence)
                misses.pointee.waiterCount -= 1
                missWaiters.giveBack(waiter)
            } else {
                if let kept { kept.pointee.next = waiter } else { wait.pointee.firstWaiter = waiter }
                kept = waiter
            }
        }
        wait.pointee.lastWaiter = kept
    }

    private mutating func ask(_ wait: MissWaitRef) {
        let line = wait.pointee.shard.pointee.lines[wait.pointee.lineBase]
        guard admits(line, sizeBytes: wait.pointee.requestView.count) else { return }
        wait.pointee.isAsking = true
        wait.pointee.questionCount += 1
        submitGuarded(line, wait.pointee.requestView, owner: wait, kind: .question)
    }

    /// The value goes to all who waited when it was asked for; "missing" to the next in turn, if nobody is expected to
    /// bring it any more.
    mutating func questionAnswered(_ ticket: ReplyTicket, _ chunk: ChunkRef, offset: Int, sizeBytes: Int) {
        let wait = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: MissWait.self)
        guard isAsked(wait) else { return }
        let misses = (poolViews + wait.pointee.poolIndex).pointee.misses.unsafelyUnwrapped
        guard Self.isNull(ByteView(start: chunk.data + offset, count: sizeBytes)) else {
            shared.misses.leases.end(misses.pointee.number, wait.pointee.keyHash)
            while let first = wait.pointee.firstWaiter, first.pointee.afterQuestion < wait.pointee.questionCount,
                let waiter = takeWaiter(wait, misses)
            {
                settle(waiter.client, waiter.sequence, chunk, offset: offset, sizeBytes: sizeBytes)
            }
            if wait.pointee.firstWaiter == nil { end(wait, place(of: wait)) }
            return
        }
        if let first = wait.pointee.firstWaiter, !first.pointee.client.pointee.flags.contains(.closed),
            claim(misses, wait.pointee.keyHash, first.pointee.client), let waiter = takeWaiter(wait, misses)
        {
            tellMissing(waiter.client, waiter.sequence)
        }
    }

    /// The value is too long to be gathered for all who wait: each asks for itself.
    mutating func refuseLongValue(_ line: LineRef) {
        let ticket = line.pointee.inFlight.first.ticket
        line.pointee.inFlight.buryFirst()
        let wait = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: MissWait.self)
        guard isAsked(wait) else { return }
        let misses = (poolViews + wait.pointee.poolIndex).pointee.misses.unsafelyUnwrapped
        while let waiter = takeWaiter(wait, misses) {
            let own = self.line(of: wait.pointee.shard, for: waiter.client)
            own.submit(
                wait.pointee.requestView.start, count: wait.pointee.requestView.count,
                ticket: ReplyTicket(
                    owner: waiter.client, index: waiter.sequence, kind: .reply, isWrite: false,
                    traits: ReplyTicket.Traits(isWrite: false, isScript: false)),
                nowMs: nowMs, pool: &buffers)
            markDirty(own)
        }
        end(wait, place(of: wait))
    }

    /// It is asked again at the next turn; who has waited too long by then is told that the key is missing.
    mutating func questionFailed(_ ticket: ReplyTicket) {
        _ = isAsked(ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: MissWait.self))
    }

    /// - Returns: false when nobody waits any more; the record is gone then.
    private mutating func isAsked(_ wait: MissWaitRef) -> Bool {
        wait.pointee.isAsking = false
        if wait.pointee.isOver { free(wait) } else { return true }
        return false
    }

    /// Nobody waits any more, and no question is under way.
    mutating func dropWaits() {
        for wait in missWaits.values { free(wait) }
        missWaits = [:]
    }

    /// The line ends with its worker.
    mutating func dropQuestions(on line: LineRef) {
        let queue = line.pointee.inFlight
        for index in 0..<queue.count where queue[index].ticket.kind == .question { questionFailed(queue[index].ticket) }
    }

    private mutating func takeWaiter(_ wait: MissWaitRef, _ misses: MissPoolRef) -> MissWait.Waiter? {
        guard let waiter = wait.pointee.firstWaiter else { return nil }
        let taken = waiter.pointee
        wait.pointee.firstWaiter = taken.next
        if taken.next == nil { wait.pointee.lastWaiter = nil }
        missWaiters.giveBack(waiter)
        misses.pointee.waiterCount -= 1
        return taken
    }

    private func place(of wait: MissWaitRef) -> MissPlace {
        MissPlace(
            poolIndex: wait.pointee.poolIndex, lineBase: wait.pointee.lineBase, keyHash: wait.pointee.keyHash)
    }

    private mutating func end(_ wait: MissWaitRef, _ place: MissPlace) {
        missWaits[place] = nil
        if wait.pointee.isAsking { wait.pointee.isOver = true } else { free(wait) }
    }

    private mutating func free(_ wait: MissWaitRef) {
        buffers.chunks.release(wait.pointee.request)
        wait.deallocate()
    }

    // MARK: Kept values

    private mutating func keep(_ reply: ByteView, of read: GuardedRead) {
        let misses = (poolViews + read.client.pointee.poolIndex).pointee.misses.unsafelyUnwrapped
        misses.pointee.kept?.keep(read, reply, pool: &buffers)
    }

    /// A write of the key is about to be sent: what was read before is given to nobody from here on.
    ///
    /// - Returns: what its reply is to end.
    func endKeptValue(of key: ByteView, _ misses: MissPoolRef) -> HotMark {
        guard let kept = misses.pointee.kept, isGuarded(key, poolIndex: misses.pointee.poolIndex) else { return 0 }
        let mark = HotSlotsView.mark(of: HotSlotsView.slot(of: missHash(of: key)))
        kept.slots.raise(mark)
        return mark
    }

    /// The same for a request that is not a plain single-key one.
    mutating func endKeptValues(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) -> HotMark {
        guard let misses = (poolViews + client.pointee.poolIndex).pointee.misses, let kept = misses.pointee.kept,
            isWrite(row)
        else { return 0 }
        if row.pointee.id == .flushall || row.pointee.id == .flushdb {
            kept.slots.raise(HotSlotsView.everything)
            return HotSlotsView.everything
        }
        let search = keyFinder.find(row, in: request, into: &keys)
        guard fault(of: search, row) == nil else { return 0 }
        var mark: HotMark = 0
        for index in 0..<keys.count {
            mark = HotSlotsView.join(mark, endKeptValue(of: request[keys[index]], misses))
        }
        return mark
    }

    mutating func dropOldKeptValues() {
        for poolIndex in pools.indices {
            (poolViews + poolIndex).pointee.misses?.pointee.kept?.dropOld(nowMs: nowMs, pool: &buffers)
        }
    }

    /// Keys have other shards now.
    mutating func dropKeptValues(ofPool poolIndex: Int) {
        (poolViews + poolIndex).pointee.misses?.pointee.kept?.dropAll(pool: &buffers)
    }

    /// Memory is short.
    mutating func dropAllKeptValues() {
        for poolIndex in pools.indices { dropKeptValues(ofPool: poolIndex) }
    }

    // MARK: What is brought

    /// Commands that set a whole value. APPEND and its like change one that is there.
    private static func bringsValue(_ id: CommandID) -> Bool {
        switch id {
        case .set, .setex, .psetex, .setnx, .getset: true
        default: false
        }
    }

    /// A request of one key, before it is sent: who has a lease may bring what it is for.
    ///
    /// - Returns: true when it comes too late; the caller answers it with `leaseLost`.
    mutating func bringsTooLate(_ client: ClientRef, _ row: UnsafePointer<CommandRow>, key: ByteView) -> Bool {
        let isRead = row.pointee.id == .get
        guard client.pointee.flags.contains(.holdsLease), isRead || Self.bringsValue(row.pointee.id),
            let misses = (poolViews + client.pointee.poolIndex).pointee.misses,
            misses.pointee.prefixes.has(frontOf: key)
        else { return false }
        let keyHash = missHash(of: key)
        if isRead {
            if misses.pointee.refusesLateWrites {
                shared.misses.leases.forgetLoss(misses.pointee.number, keyHash, clientID: client.pointee.id)
            }
            return false
        }
        if isTooLate(client, keyHash, misses) { return true }
        bring(client, keyHash, misses)
        return false
    }

    /// The same for a request that is not a plain single-key one: in a transaction, of several keys, or a script, of
    /// which nobody knows what it sets. Refused whole, before any of its keys counts as brought.
    mutating func bringsTooLate(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) -> Bool {
        let isScript = row.pointee.commandClass == .script
        guard client.pointee.flags.contains(.holdsLease), isWrite(row),
            isScript || Self.bringsValue(row.pointee.id) || Self.bringsValues(row.pointee.id),
            let misses = (poolViews + client.pointee.poolIndex).pointee.misses
        else { return false }
        let search = keyFinder.find(row, in: request, into: &keys)
        guard fault(of: search, row) == nil else { return false }
        let poolIndex = client.pointee.poolIndex
        let guarded = (0..<keys.count).map { request[keys[$0]] }.filter { isGuarded($0, poolIndex: poolIndex) }
            .map { missHash(of: $0) }
        if guarded.contains(where: { isTooLate(client, $0, misses) }) { return true }
        // A transaction may be discarded, and a script set other keys.
        if isScript || client.pointee.state?.pointee.transaction != nil { return false }
        for keyHash in guarded { bring(client, keyHash, misses) }
        return false
    }

    /// Counts it, too.
    private func isTooLate(_ client: ClientRef, _ keyHash: UInt64, _ misses: MissPoolRef) -> Bool {
        guard misses.pointee.refusesLateWrites,
            shared.misses.leases.hasLost(misses.pointee.number, keyHash, clientID: client.pointee.id)
        else { return false }
        pools[misses.pointee.poolIndex].counters.add(.lateWritesRefused)
        return true
    }

    private func bring(_ client: ClientRef, _ keyHash: UInt64, _ misses: MissPoolRef) {
        let tookMs = shared.misses.leases.bring(
            misses.pointee.number, keyHash, clientID: client.pointee.id, nowMs: nowMs)
        if let tookMs { misses.pointee.lives?.noteBringing(keyHash, tookMs: tookMs) }
    }

    /// Commands that set whole values of several keys.
    private static func bringsValues(_ id: CommandID) -> Bool {
        switch id {
        case .mset, .msetex, .msetnx, .rename, .renamenx, .copy: true
        default: false
        }
    }

    /// A write of one key: from now on it lives so long, or nobody knows.
    ///
    /// - Parameter span: what the request is sent with.
    func noteLife(
        _ request: RequestView, _ row: UnsafePointer<CommandRow>, key: ByteView, span: Int?, _ misses: MissPoolRef
    ) {
        guard let lives = misses.pointee.lives, isGuarded(key, poolIndex: misses.pointee.poolIndex) else {
            return
        }
        let lifeMs = ExpiryArgument.lifeMs(of: row, request, span: span)
        lives.noteEnd(missHash(of: key), atMs: lifeMs.map { nowMs + $0 } ?? 0)
    }

    /// - Parameter leftMs: what PTTL has said of a hot key; -1: it does not end.
    func noteLife(of key: CopiedKeyRef, leftMs: Int, askedAtMs: UInt64, poolIndex: Int) {
        guard key.pointee.isGuarded, let lives = (poolViews + poolIndex).pointee.misses?.pointee.lives else { return }
        lives.noteEnd(key.pointee.hash, atMs: leftMs > 0 ? askedAtMs + UInt64(leftMs) : 0)
    }

    /// The key ends soon, and this reader is the one to bring it anew.
    private mutating func isDueEarly(_ client: ClientRef, _ keyHash: UInt64) -> Bool {
        let misses = (poolViews + client.pointee.poolIndex).pointee.misses.unsafelyUnwrapped
        return isDrawn(keyHash, misses) && claimsEarly(misses, keyHash, client)
    }

    private mutating func isDrawn(_ keyHash: UInt64, _ misses: MissPoolRef) -> Bool {
        guard let lives = misses.pointee.lives, let life = lives.life(of: keyHash), life.endsAtMs > nowMs else {
            return false
        }
        return EarlyRefresh.isDue(
            bringMs: life.bringMs, leftMs: life.endsAtMs - nowMs, factor: misses.pointee.earlyFactor,
            random: nextRandom())
    }

    /// Who brings it already is not told again: many may read over its connection.
    private mutating func claimsEarly(_ misses: MissPoolRef, _ keyHash: UInt64, _ client: ClientRef) -> Bool {
        guard claim(misses, keyHash, client, renews: false) else { return false }
        pools[misses.pointee.poolIndex].counters.add(.earlyMisses)
        return true
    }

    /// The same for a reader of copies.
    ///
    /// - Returns: true when it is told that the key is missing.
    @inline(never)
    mutating func isToldEarly(_ client: ClientRef, _ key: CopiedKeyRef) -> Bool {
        guard nowMs >= key.pointee.drawsFromMs, let misses = (poolViews + client.pointee.poolIndex).pointee.misses,
            isDrawn(key.pointee.hash, misses)
        else { return false }
        guard claimsEarly(misses, key.pointee.hash, client) else {
            key.pointee.drawsFromMs = nowMs + MissPool.askEveryMs
            return false
        }
        answerNow(client, bytes: Self.null(for: client))
        return true
    }

    func leaseLost(_ client: ClientRef) -> String {
        let options = pools[client.pointee.poolIndex].options
        return ProxyError.leaseLost(pool: options.name, leaseMs: options.stampede.leaseMs)
    }

    /// The client is gone.
    mutating func giveLeasesUp(_ client: ClientRef) {
        guard client.pointee.flags.contains(.holdsLease) else { return }
        client.pointee.flags.remove(.holdsLease)
        shared.misses.leases.endAll(ofClient: client.pointee.id)
    }
}

/// Which wait: clients of one dialect wait for one key together.
struct MissPlace: Hashable {
    let poolIndex: Int
    let lineBase: Int
    let keyHash: UInt64
}
