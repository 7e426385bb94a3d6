// Engine+Lines: the connections to backends come and go, and what waits on them is answered in time.
// LineLink says what follows what; this carries it out. When a connection is lost, what was written and not answered
// gets an error at once, and what was not written waits for the next connection within its own deadline.
// Not here: the socket calls (Worker), long requests (Engine+Transfers).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    // MARK: Connecting

    /// Connects, if the line is not on its way already.
    mutating func open(_ line: LineRef) { perform(line, .open) }

    private mutating func perform(_ line: LineRef, _ event: LineLink.Event) {
        switch line.pointee.link.handle(event) {
        case .nothing: break
        case .findAddress:
            openings.append(line)
            let pool = pools[line.pointee.shard.pointee.poolIndex]
            timers.arm(line.linkTimer, deadlineMs: nowMs + UInt64(pool.options.backend.connectTimeoutMs))
        case .greet: greet(line)
        case .flush:
            timers.cancel(line.linkTimer)
            line.pointee.failureCount = 0
            shardAnswered(line.pointee.shard)
            markDirty(line)
        case .closeAndRest:
            closeDescriptor(line)
            rest(line)
        case .close:
            closeDescriptor(line)
            timers.cancel(line.linkTimer)
            timers.cancel(line.deadlineTimer)
        }
    }

    /// The worker started to connect.
    mutating func connecting(_ line: LineRef, descriptor: Int32) {
        guard line.pointee.link.state == .finding else {
            closings.append(descriptor)
            return
        }
        line.pointee.descriptor = descriptor
        perform(line, .addressFound)
        line.pointee.shard.pointee.counters.add(.serverConnections)
        markDirty(line)
    }

    mutating func connected(_ line: LineRef) {
        line.pointee.shard.pointee.counters.add(.connects)
        perform(line, .connected)
    }

    /// AUTH, SELECT and CLIENT SETNAME in one go. The last is also the proof that the server answers.
    private mutating func greet(_ line: LineRef) {
        let backend = pools[line.pointee.shard.pointee.poolIndex].options.backend
        var commands: [[String]] = []
        if let password = backend.password { commands.append(["AUTH", password]) }
        if backend.database != 0 { commands.append(["SELECT", String(backend.database)]) }
        commands.append(["CLIENT", "SETNAME", "keyway"])
        for command in commands {
            let text =
                "*\(command.count)\r\n" + command.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
            let bytes = Array(text.utf8)
            line.pointee.greeting.append(bytes, count: bytes.count, pool: &buffers)
        }
        line.pointee.greetingRepliesLeft = commands.count
        markDirty(line)
    }

    /// - Returns: false when the server will not have us, or speaks out of turn.
    mutating func acceptGreetingReply(_ line: LineRef, _ reply: ByteView) -> Bool {
        guard line.pointee.greetingRepliesLeft > 0 else { return false }
        line.pointee.greetingRepliesLeft -= 1
        // A server that knows no CLIENT SETNAME serves as well; the last reply is that command's.
        if ReplyMerge.isError(reply) {
            let text = ReplyMerge.errorText(reply)
            let isFatal = line.pointee.greetingRepliesLeft > 0 || text.hasPrefix("NOAUTH") || text.hasPrefix("LOADING")
            if isFatal {
                shared.remember(refusal: text, of: name(of: line.pointee.shard))
                line.pointee.shard.pointee.lastFailure = Self.greetingRefused
                return false
            }
        }
        if line.pointee.greetingRepliesLeft == 0 { perform(line, .greeted) }
        return true
    }

    /// Not an errno: the server's own words are kept by `SharedState`.
    static var greetingRefused: Int32 { -1 }
    static var badReplies: Int32 { -2 }
    static var addressNotFound: Int32 { -3 }
    static var tooManyTombstones: Int32 { -4 }
    static var closedByServer: Int32 { -5 }

    /// Why a shard could not be reached, or was lost.
    func reason(of shard: ShardRef) -> String {
        switch shard.pointee.lastFailure {
        case Self.greetingRefused: "it refused: \(shared.refusal(of: name(of: shard)))"
        case Self.badReplies: "it sent bytes that are no reply"
        case Self.addressNotFound: shared.refusal(of: name(of: shard))
        case Self.tooManyTombstones: "it owed too many late replies"
        case Self.closedByServer: "the server closed it"
        default: SystemError.text(shard.pointee.lastFailure)
        }
    }

    private mutating func closeDescriptor(_ line: LineRef) {
        if line.pointee.descriptor >= 0 {
            closings.append(line.pointee.descriptor)
            line.pointee.shard.pointee.counters.add(.serverConnections, -1)
        }
        line.forgetConnection(pool: &buffers)
    }

    private mutating func rest(_ line: LineRef) {
        let shard = line.pointee.shard
        line.pointee.failureCount += 1
        let delay = pools[shard.pointee.poolIndex].backoff.delayMs(
            failureCount: line.pointee.failureCount, random: nextRandom())
        shard.pointee.retryAtMs = nowMs + UInt64(delay)
        timers.arm(line.linkTimer, deadlineMs: shard.pointee.retryAtMs)
    }

    mutating func linkTimerFired(_ line: LineRef) {
        switch line.pointee.link.state {
        case .resting: perform(line, .rested)
        case .finding, .connecting, .greeting:
            lost(line, failure: ETIMEDOUT)
        case .idle, .ready: break
        }
    }

    // MARK: Losing

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
        let names = name(of: shard)
        if wasReady || line.pointee.failureCount == 0 {
            log.warning("shard \(names.text): connection lost: \(reason(of: shard)); connecting again")
        }
        failWritten(line)
        if line.pointee.role == .shared {
            perform(line, .failed)
            noteFailure(shard)
        } else {
            retire(line)
        }
    }

    /// What was written gets an error; a reply of which a part is with the client cannot be mended, so that client is
    /// cut.
    private mutating func failWritten(_ line: LineRef) {
        let names = name(of: line.pointee.shard)
        let isReplyOpen = line.pointee.isReplyOpen
        line.pointee.isReplyOpen = false
        let unsentBytes = line.pointee.out.sizeBytes
        let writtenCount = line.cutOffWritten(pool: &buffers)
        let reasonText = reason(of: line.pointee.shard)
        for index in 0..<writtenCount {
            let ticket = line.pointee.inFlight.first.ticket
            line.pointee.inFlight.removeFirst()
            if index == 0, isReplyOpen, ticket.kind == .reply {
                abandonReply(ticket, names)
            } else if line.pointee.role == .transfer, unsentBytes > 0 {
                answer(ticket, error: ProxyError.transferCut(names, reason: reasonText))
            } else {
                answer(ticket, error: ProxyError.connectionLost(names, reason: reasonText, isWrite: ticket.isWrite))
            }
        }
    }

    private mutating func abandonReply(_ ticket: ReplyTicket, _ names: ShardName) {
        let client = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self)
        noteAnswer(for: client)
        guard !client.pointee.flags.contains(.closed) else { return markDirty(client) }
        log.warning(
            "client \(client.pointee.id): shard \(names.text) was lost in the middle of a long reply; connection closed"
        )
        close(client, .byProxy)
    }

    // MARK: Up and down

    /// A shard counts as down when no connection came about for this long; until then requests wait for it.
    private static var downAfterMs: UInt64 { 1_000 }

    private mutating func noteFailure(_ shard: ShardRef) {
        if shard.pointee.failingSinceMs == 0 { shard.pointee.failingSinceMs = nowMs }
        guard !shard.pointee.isDown, nowMs - shard.pointee.failingSinceMs >= Self.downAfterMs else { return }
        shard.pointee.isDown = true
        log.error("shard \(name(of: shard).text): down: \(reason(of: shard)); its requests are answered with an error")
        for index in 0..<shard.pointee.lineCount { refuseUnwritten(shard.pointee.lines[index]) }
        refuseWaitingTransfers(shard)
    }

    private mutating func refuseUnwritten(_ line: LineRef) {
        guard !line.isReady else { return }
        let shard = line.pointee.shard
        let error = ProxyError.shardDown(
            name(of: shard), reason: reason(of: shard), retryMs: Int(max(shard.pointee.retryAtMs, nowMs) - nowMs))
        line.pointee.out.removeAll(pool: &buffers)
        while !line.pointee.inFlight.isEmpty {
            let ticket = line.pointee.inFlight.first.ticket
            line.pointee.inFlight.removeFirst()
            answer(ticket, error: error)
        }
    }

    private mutating func shardAnswered(_ shard: ShardRef) {
        if shard.pointee.isDown || shard.pointee.failingSinceMs != 0 {
            log.notice("shard \(name(of: shard).text): connected again")
        }
        shard.pointee.isDown = false
        shard.pointee.failingSinceMs = 0
    }

    // MARK: Deadlines

    /// Armed at most once a timeout: the timer looks at the oldest request when it fires.
    @inline(__always)
    mutating func armDeadline(_ line: LineRef) {
        if line.pointee.deadlineTimer.isArmed || line.pointee.inFlight.isEmpty { return }
        armDeadlineOfOldest(line)
    }

    private mutating func armDeadlineOfOldest(_ line: LineRef) {
        let timeoutMs = poolViews[line.pointee.shard.pointee.poolIndex].timeoutMs
        guard timeoutMs > 0, let oldest = line.pointee.inFlight.oldestLive else { return }
        let ageMs = UInt64(UInt32(truncatingIfNeeded: nowMs) &- oldest.arrivedMs)
        timers.arm(line.deadlineTimer, deadlineMs: nowMs + (ageMs < timeoutMs ? timeoutMs - ageMs : 0))
    }

    mutating func deadlinePassed(_ line: LineRef) {
        let pool = pools[line.pointee.shard.pointee.poolIndex]
        let timeoutMs = UInt64(pool.options.backend.timeoutMs)
        let names = name(of: line.pointee.shard)
        if line.pointee.isReplyOpen {
            // A reply under way that the client is slow to take is not late.
            if line.pointee.isReadPaused || nowMs - line.pointee.receivedAtMs < timeoutMs {
                timers.arm(line.deadlineTimer, deadlineMs: nowMs + timeoutMs)
                return
            }
            return lost(line, failure: ETIMEDOUT)
        }
        while let oldest = line.pointee.inFlight.oldestLive,
            UInt64(UInt32(truncatingIfNeeded: nowMs) &- oldest.arrivedMs) >= timeoutMs
        {
            let wasSent = line.isReady
            if wasSent {
                line.pointee.inFlight.buryOldestLive()
            } else {
                line.pointee.out.dropFirst(Int(oldest.sizeBytes), pool: &buffers)
                line.pointee.inFlight.removeFirst()
            }
            line.pointee.shard.pointee.counters.add(.requestsTimedOut)
            answer(
                oldest.ticket,
                error: ProxyError.timeout(
                    names, limitMs: Int(timeoutMs), isWrite: oldest.ticket.isWrite, wasSent: wasSent))
            if line.pointee.role == .transfer { detachTransfer(line) }
        }
        if line.pointee.inFlight.tombstoneCount > pool.options.backend.tombstonesMax || isSilent(line, timeoutMs) {
            return lost(line, failure: Self.tooManyTombstones)
        }
        armDeadlineOfOldest(line)
        if !line.pointee.deadlineTimer.isArmed, line.pointee.inFlight.tombstoneCount > 0 {
            timers.arm(line.deadlineTimer, deadlineMs: nowMs + timeoutMs)
        }
    }

    /// Nothing at all came for so long that the other end may be gone without a word.
    private func isSilent(_ line: LineRef, _ timeoutMs: UInt64) -> Bool {
        line.isReady && line.pointee.inFlight.tombstoneCount > 0
            && nowMs - line.pointee.receivedAtMs > max(4 * timeoutMs, 10_000)
    }

    // MARK: Demotion

    /// A very long reply has begun on a shared line: the shard's later requests go to another connection. The clients
    /// that wait behind the reply read on only when all is answered, so that their commands keep their order.
    mutating func demote(_ line: LineRef) {
        let shard = line.pointee.shard
        guard let index = (0..<shard.pointee.lineCount).first(where: { shard.pointee.lines[$0] == line }) else {
            return
        }
        let spare = takeSpare(shard)
        // It is no transfer connection any more.
        if spare != nil { shard.pointee.transferCount -= 1 }
        let successor = spare ?? Line.make(shard: shard, role: .shared)
        successor.pointee.role = .shared
        shard.pointee.lines[index] = successor
        line.pointee.role = .retiring
        let queue = line.pointee.inFlight
        for position in 1..<max(1, queue.count) {
            let ticket = queue[position].ticket
            switch ticket.kind {
            case .tombstone: break
            case .reply: raiseBarrier(ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Client.self))
            case .part:
                raiseBarrier(ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Merge.self).pointee.client)
            }
        }
        open(successor)
    }

    private mutating func raiseBarrier(_ client: ClientRef) {
        guard !client.pointee.flags.contains(.closed) else { return }
        client.pointee.gate.insert(.barrier)
        markDirty(client)
    }

    /// A line that is not shared has answered all.
    mutating func lineRanDry(_ line: LineRef) {
        switch line.pointee.role {
        case .shared: break
        case .retiring:
            let shard = line.pointee.shard
            let backend = pools[shard.pointee.poolIndex].options.backend
            guard shard.pointee.transferCount < backend.transferCountMax else { return retire(line) }
            line.pointee.role = .transfer
            shard.pointee.transferCount += 1
            giveBackSpare(line)
        case .transfer: transferAnswered(line)
        }
    }

    /// The line ends for good. Only lines that are not shared do.
    mutating func retire(_ line: LineRef) {
        precondition(line.pointee.role != .shared)
        if line.pointee.role == .transfer {
            line.pointee.shard.pointee.transferCount -= 1
            transferLineLost(line)
            startWaitingTransfer(line.pointee.shard)
        }
        // What a retiring line could not write any more was in flight too.
        let names = name(of: line.pointee.shard)
        while !line.pointee.inFlight.isEmpty {
            let ticket = line.pointee.inFlight.first.ticket
            line.pointee.inFlight.removeFirst()
            answer(ticket, error: ProxyError.transferCut(names, reason: reason(of: line.pointee.shard)))
        }
        line.pointee.out.removeAll(pool: &buffers)
        perform(line, .retired)
        dead.append(line)
    }
}
