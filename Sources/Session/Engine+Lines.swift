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

    mutating func perform(_ line: LineRef, _ event: LineLink.Event) {
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
            noteConnected(line.pointee.shard)
            if line.pointee.role == .ear { earIsReady(line) }
            if line.pointee.role == .cover { coverIsReady(line) }
            markDirty(line)
        case .closeAndRest:
            closeDescriptor(line)
            rest(line)
        case .close:
            closeDescriptor(line)
            timers.cancel(line.linkTimer)
            timers.cancel(line.deadlineTimer)
            timers.cancel(line.hedgeTimer)
        }
    }

    /// The worker started to connect.
    mutating func connecting(_ line: LineRef, descriptor: Int32) {
        guard line.pointee.link.state == .finding else {
            closings.append(Closing(descriptor: descriptor))
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

    /// Everything in one go.
    private mutating func greet(_ line: LineRef) {
        line.pointee.greetedRole = line.pointee.role
        let commands = greeting(of: line)
        for command in commands {
            let bytes = RequestBuilder.bytes(command.words)
            line.pointee.greeting.append(bytes, count: bytes.count, pool: &buffers)
        }
        line.pointee.greetingRepliesLeft = commands.count
        markDirty(line)
    }

    /// - Returns: false when the server will not have us, or speaks out of turn.
    mutating func acceptGreetingReply(_ line: LineRef, _ reply: ByteView) -> Bool {
        guard line.pointee.greetingRepliesLeft > 0 else { return false }
        let commands = greeting(of: line)
        let command = commands[commands.count - line.pointee.greetingRepliesLeft]
        line.pointee.greetingRepliesLeft -= 1
        let error = ReplyMerge.isError(reply) ? ReplyMerge.errorText(reply) : nil
        learn(line, command, reply, error: error)
        if let error, command.isFatal(error: error) {
            shared.remember(refusal: error, of: name(of: line.pointee.shard))
            line.pointee.shard.pointee.lastFailure = Self.greetingRefused
            return false
        }
        if line.pointee.greetingRepliesLeft == 0 { perform(line, .greeted) }
        return true
    }

    private func greeting(of line: LineRef) -> [GreetingCommand] {
        GreetingCommand.all(
            for: line.pointee.dialect, role: line.pointee.greetedRole,
            password: pools[line.pointee.shard.pointee.poolIndex].options.backend.password)
    }

    private mutating func learn(_ line: LineRef, _ command: GreetingCommand, _ reply: ByteView, error: String?) {
        let shard = line.pointee.shard
        switch command {
        case .hello:
            let isUnknown = error.map { $0.hasPrefix("NOPROTO") || $0.hasPrefix("ERR unknown command") } ?? false
            if error == nil || isUnknown { pools[shard.pointee.poolIndex].lacksRESP3 = isUnknown }
        case .clientID: line.pointee.serverClientID = ReplyMerge.integer(reply) ?? 0
        case .info:
            // Another process may have other modules.
            pools[shard.pointee.poolIndex].learned.removeAll()
            loadedScripts.removeAll()
            if error == nil { shard.pointee.processTag = Self.processTag(reply) }
        case .authenticate, .select, .setName, .track: break
        }
    }

    /// A digest of the `run_id` line.
    private static func processTag(_ info: ByteView) -> UInt64 {
        let lines = String(decoding: info.buffer, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let line = lines.first(where: { $0.hasPrefix("run_id:") }) else { return 0 }
        return line.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }

    /// Not an errno: the server's own words are kept by `SharedState`.
    static var greetingRefused: Int32 { -1 }
    static var badReplies: Int32 { -2 }
    static var addressNotFound: Int32 { -3 }
    static var tooManyTombstones: Int32 { -4 }
    static var closedByServer: Int32 { -5 }
    static var checkNotPassed: Int32 { -6 }
    static var hostHasMoved: Int32 { -7 }

    /// Why a shard could not be reached, or was lost.
    func reason(of shard: ShardRef) -> String {
        switch shard.pointee.lastFailure {
        case Self.greetingRefused: "it refused: \(shared.refusal(of: name(of: shard)))"
        case Self.badReplies: "it sent bytes that are no reply"
        case Self.addressNotFound: shared.refusal(of: name(of: shard))
        case Self.tooManyTombstones: "it owed too many late replies"
        case Self.closedByServer: "the server closed it"
        case Self.hostHasMoved: "its host name leads to another address now"
        case Self.checkNotPassed: shared.refusal(of: name(of: shard))
        default: SystemError.text(shard.pointee.lastFailure)
        }
    }

    private mutating func closeDescriptor(_ line: LineRef) {
        if line.pointee.descriptor >= 0 {
            closings.append(Closing(descriptor: line.pointee.descriptor))
            line.pointee.shard.pointee.counters.add(.serverConnections, -1)
        }
        line.forgetConnection(pool: &buffers)
    }

    /// Closes a shared line that nobody uses; it connects again when somebody does.
    mutating func closeUnused(_ line: LineRef) {
        precondition(line.pointee.role == .shared && line.pointee.inFlight.isEmpty && line.pointee.out.isEmpty)
        perform(line, .retired)
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

    /// Tells a server something; its answer is nobody's.
    mutating func tell(_ line: LineRef, _ bytes: [UInt8]) {
        line.submit(bytes, count: bytes.count, ticket: .unheard, nowMs: nowMs, pool: &buffers)
        markDirty(line)
    }

    // MARK: Demotion

    /// A very long reply has begun on a shared line: the shard's later requests go to another connection. The clients
    /// that wait behind the reply read on only when all is answered, so that their commands keep their order.
    mutating func demote(_ line: LineRef) { retire(line, executedCount: 1) }

    /// Another line takes a shared one's place; what it has is answered still.
    ///
    /// - Parameter executedCount: the first requests of its queue, which nothing can overtake any more.
    mutating func retire(_ line: LineRef, executedCount: Int) {
        let shard = line.pointee.shard
        guard let index = (0..<shard.pointee.allLineCount).first(where: { shard.pointee.lines[$0] == line }) else {
            return
        }
        let dialect = line.pointee.dialect
        let successor: LineRef
        if let spare = takeSpare(shard, dialect) {
            // It is no transfer connection any more.
            shard.pointee.transferCount -= 1
            successor = spare
        } else {
            successor = Line.make(shard: shard, role: .shared, dialect: dialect)
        }
        successor.pointee.role = .shared
        shard.pointee.sharedLimits.apply(to: successor)
        shard.pointee.lines[index] = successor
        line.pointee.role = .retiring
        let queue = line.pointee.inFlight
        for position in executedCount..<max(executedCount, queue.count) {
            let ticket = queue[position].ticket
            switch ticket.kind {
            case .tombstone, .unheard, .check, .copy, .making, .spread, .pulse, .question: break
            case .guarded:
                raiseBarrier(ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: GuardedRead.self).pointee.client)
            case .reply, .shared:
                for place in ReplyPlaces(ticket) { raiseBarrier(place.client) }
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
            guard !line.pointee.isOutdated, shard.pointee.transferCount < backend.transferCountMax else {
                return retire(line)
            }
            line.pointee.role = .transfer
            shard.pointee.sharedLimits.lift(from: line)
            shard.pointee.transferCount += 1
            giveBackSpare(line)
        case .transfer: transferAnswered(line)
        case .leased, .ear, .cover: break
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
        // What could not be written any more was in flight too.
        let names = name(of: line.pointee.shard)
        let isTransfer = line.pointee.role != .leased
        let reasonText = reason(of: line.pointee.shard)
        while !line.pointee.inFlight.isEmpty {
            let ticket = line.pointee.inFlight.first.ticket
            line.pointee.inFlight.removeFirst()
            answer(
                ticket,
                error: isTransfer
                    ? ProxyError.transferCut(names, reason: reasonText)
                    : ProxyError.notSent(names, reason: reasonText))
        }
        if line.pointee.role == .leased { leaseEnded(line) }
        line.pointee.out.removeAll(pool: &buffers)
        perform(line, .retired)
        dead.append(line)
    }
}
