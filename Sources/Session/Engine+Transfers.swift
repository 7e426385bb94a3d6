// Engine+Transfers: requests too long to be stored flow through on a connection of their own (see Transfer).
// Bytes go from the client's intake to the line's queue by reference; the client is read only while that queue is
// short, so a request of any length takes a few chunks of memory.
// Not here: what is an ordinary request (Engine+Requests).

import Glibc
import Hashing
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// From here on a request of one key is a transfer. Shorter ones are stored: they fit into one chunk.
    static var transferBytesMin: Int { ChunkPool.standardCapacityBytes }
    /// A client is read on while less than this waits to be written.
    private static var transferQueueBytesMax: Int { 524_288 }
    /// A stalled transfer is given up after the pool's timeout; this long where it has none.
    private static var stallMsDefault: UInt64 { 30_000 }
    private static var spareIdleMs: UInt64 { 10_000 }

    // MARK: From the client

    /// The request at the front of the intake is long and not all there; only those of one key flow through.
    mutating func startTransferIfPossible(_ client: ClientRef) {
        guard let intake = client.pointee.intake, client.pointee.flags.isSwift, client.pointee.state == nil,
            let (request, announcedCount) = RequestParser.parsePrefix(
                intake.pointee.start, count: intake.pointee.unreadBytes, arguments: &arguments),
            let row = commands.row(name: request[0].start, count: request[0].count),
            row.pointee.commandClass == .key, row.pointee.accepts(argumentCount: announcedCount),
            Int(row.pointee.keyFirst) < request.argumentCount,
            !hidesCopies(client) || !ReservedKeys.contains(request[Int(row.pointee.keyFirst)])
        else { return }
        let pool = poolViews + client.pointee.poolIndex
        let index = shardIndex(of: request[Int(row.pointee.keyFirst)], pool)
        pool.pointee.counters.add(.commands)
        client.pointee.commandCount += 1
        client.pointee.lastCommand = row.pointee.id.rawValue
        let transfer = Transfer.initialize(
            transfers.take(), client: client, shard: pool.pointee.shards + index, isWrite: isWrite(row), nowMs: nowMs)
        transfer.pointee.scanner = intake.pointee.scanner
        // Of a request that is not all there only the key can be looked at.
        let key = request[Int(row.pointee.keyFirst)]
        if let hot = pool.pointee.hot, hot.pointee.makesCopies {
            transfer.pointee.hotMark = noteHotKey(client, key, isWrite: isWrite(row), hot)
        }
        if let misses = pool.pointee.misses, isWrite(row) {
            transfer.pointee.hotMark = HotSlotsView.join(transfer.pointee.hotMark, endKeptValue(of: key, misses))
        }
        transfer.pointee.isTooLate = pool.pointee.misses != nil && bringsTooLate(client, row, key: key)
        client.pointee.transfer = transfer
        client.pointee.gate.insert(.transfer)
        if client.pointee.inFlightCount == 0 { beginTransfer(transfer) } else { markDirty(client) }
    }

    /// New bytes lie in the intake of a client with a transfer.
    mutating func continueTransfer(_ client: ClientRef) {
        guard let transfer = client.pointee.transfer else { return }
        transfer.pointee.progressMs = nowMs
        switch transfer.pointee.state {
        case .settling, .queueing, .sent: break
        case .streaming: feed(transfer)
        case .skipping: skip(transfer)
        }
        markDirty(client)
    }

    func transferWantsBytes(_ transfer: TransferRef) -> Bool {
        switch transfer.pointee.state {
        case .settling, .queueing, .sent: false
        case .streaming: transfer.pointee.line!.pointee.out.sizeBytes < Self.transferQueueBytesMax
        case .skipping: true
        }
    }

    // MARK: Steps

    /// All earlier replies are out.
    mutating func beginTransfer(_ transfer: TransferRef) {
        let shard = transfer.pointee.shard
        let backend = pools[shard.pointee.poolIndex].options.backend
        transfer.pointee.sequence = transfer.pointee.client.pushSlot(pool: &slots)
        if traceOrder != nil { traceTransfer(transfer) }
        if transfer.pointee.isTooLate { return giveUp(transfer, leaseLost(transfer.pointee.client)) }
        if shard.pointee.isDown {
            return giveUp(transfer, refusal(line(of: shard, for: transfer.pointee.client), sizeBytes: 0))
        }
        let dialect = dialect(of: transfer.pointee.client)
        if let line = takeSpare(shard, dialect) { return attach(transfer, to: line) }
        retireSpareOfOtherDialect(shard, backend.transferCountMax)
        if shard.pointee.transferCount < backend.transferCountMax {
            shard.pointee.transferCount += 1
            return attach(transfer, to: Line.make(shard: shard, role: .transfer, dialect: dialect))
        }
        transfer.pointee.state = .queueing
        let raw = UnsafeMutableRawPointer(transfer)
        if let last = shard.pointee.waitingLast {
            last.assumingMemoryBound(to: Transfer.self).pointee.next = transfer
        } else {
            shard.pointee.waitingFirst = raw
        }
        shard.pointee.waitingLast = raw
        timers.arm(transfer.timer, deadlineMs: nowMs + stallMs(shard))
    }

    private mutating func attach(_ transfer: TransferRef, to line: LineRef) {
        line.pointee.holder = UnsafeMutableRawPointer(transfer)
        transfer.pointee.line = line
        transfer.pointee.state = .streaming
        transfer.pointee.progressMs = nowMs
        transfer.pointee.shard.pointee.counters.add(.transfers)
        timers.arm(transfer.timer, deadlineMs: nowMs + stallMs(transfer.pointee.shard))
        open(line)
        feed(transfer)
        markDirty(transfer.pointee.client)
    }

    /// Passes on what has come.
    private mutating func feed(_ transfer: TransferRef) {
        guard let line = transfer.pointee.line, let intake = transfer.pointee.client.pointee.intake else { return }
        let chunk = intake.pointee.chunk
        let unseen = intake.pointee.unreadBytes - intake.pointee.scannedBytes
        let progress = transfer.pointee.scanner.advance(
            intake.pointee.start + intake.pointee.scannedBytes, count: unseen, limits: options.limits)
        let used: Int
        switch progress {
        case .complete(let usedBytes), .incomplete(let usedBytes): used = intake.pointee.scannedBytes + usedBytes
        case .malformed(let fault):
            // Half of it is with the backend: that connection is lost, and the client cannot be read any further.
            let client = transfer.pointee.client
            let sequence = transfer.pointee.sequence
            line.pointee.holder = nil
            endTransfer(transfer)
            retire(line)
            answer(client, sequence, error: "ERR \(fault.text)")
            releaseIntake(of: client)
            return end(client)
        }
        if used > 0 {
            chunk.retain()
            line.pointee.out.append(taking: chunk, offset: intake.pointee.startBytes, sizeBytes: used, pool: &buffers)
            transfer.pointee.shard.pointee.counters.add(.requestBytes, used)
            intake.pointee.consume(used)
            markDirty(line)
        }
        if case .complete = progress { finishSending(transfer, line) }
    }

    private mutating func finishSending(_ transfer: TransferRef, _ line: LineRef) {
        let client = transfer.pointee.client
        transfer.pointee.state = .sent
        timers.cancel(transfer.timer)
        expectAnswer(for: client)
        transfer.pointee.shard.pointee.counters.add(.requests)
        line.pointee.inFlight.append(
            InFlight(
                ticket: ReplyTicket(
                    owner: client, index: transfer.pointee.sequence, kind: .reply, isWrite: transfer.pointee.isWrite,
                    hotMark: transfer.pointee.hotMark),
                arrivedMs: UInt32(truncatingIfNeeded: nowMs), sizeBytes: .max))
    }

    /// It cannot be sent; the rest of it is read and dropped.
    private mutating func giveUp(_ transfer: TransferRef, _ error: String) {
        timers.cancel(transfer.timer)
        transfer.pointee.state = .skipping
        transfer.pointee.line = nil
        let client = transfer.pointee.client
        answer(client, transfer.pointee.sequence, error: error)
        // A client that was cut by this has no transfer any more.
        if client.pointee.transfer == transfer { skip(transfer) }
    }

    private mutating func skip(_ transfer: TransferRef) {
        let client = transfer.pointee.client
        guard let intake = client.pointee.intake else { return }
        let unseen = intake.pointee.unreadBytes - intake.pointee.scannedBytes
        switch transfer.pointee.scanner.advance(
            intake.pointee.start + intake.pointee.scannedBytes, count: unseen, limits: options.limits)
        {
        case .complete(let usedBytes):
            intake.pointee.consume(intake.pointee.scannedBytes + usedBytes)
            endTransfer(transfer)
        case .incomplete(let usedBytes): intake.pointee.consume(intake.pointee.scannedBytes + usedBytes)
        case .malformed(let fault):
            endTransfer(transfer)
            fail(client, fault)
        }
    }

    /// The client goes on with its next request.
    private mutating func endTransfer(_ transfer: TransferRef) {
        let client = transfer.pointee.client
        client.pointee.transfer = nil
        client.pointee.gate.remove(.transfer)
        joinsNothingOlder(client)
        timers.cancel(transfer.timer)
        transfers.giveBack(transfer)
        if client.pointee.flags.contains(.closed) { return markDirty(client) }
        scheduleResume(client)
        markDirty(client)
    }

    // MARK: From the line

    /// The backend took bytes.
    mutating func transferMoved(_ line: LineRef) {
        guard let transfer = line.pointee.holder?.assumingMemoryBound(to: Transfer.self) else { return }
        transfer.pointee.progressMs = nowMs
        if line.pointee.out.sizeBytes < Self.transferQueueBytesMax { markDirty(transfer.pointee.client) }
    }

    /// Every reply of a transfer line has come.
    mutating func transferAnswered(_ line: LineRef) {
        if line.pointee.isSpare { return }
        if let transfer = line.pointee.holder?.assumingMemoryBound(to: Transfer.self) {
            guard transfer.pointee.state == .sent else { return }
            line.pointee.holder = nil
            endTransfer(transfer)
        }
        giveBackSpare(line)
    }

    /// The transfer is answered, though its reply may still come.
    mutating func detachTransfer(_ line: LineRef) {
        guard let transfer = line.pointee.holder?.assumingMemoryBound(to: Transfer.self) else { return }
        line.pointee.holder = nil
        endTransfer(transfer)
    }

    /// The line is gone. A request that was sent whole has had its answer from the in-flight queue.
    mutating func transferLineLost(_ line: LineRef) {
        removeSpare(line)
        guard let transfer = line.pointee.holder?.assumingMemoryBound(to: Transfer.self) else { return }
        line.pointee.holder = nil
        if transfer.pointee.state == .sent { return endTransfer(transfer) }
        let shard = line.pointee.shard
        giveUp(transfer, ProxyError.transferCut(name(of: shard), reason: reason(of: shard)))
    }

    // MARK: Ends

    /// The client is gone.
    mutating func abandonTransfer(of client: ClientRef) {
        guard let transfer = client.pointee.transfer else { return }
        let line = transfer.pointee.line
        let state = transfer.pointee.state
        if state == .queueing { removeWaiting(transfer) }
        line?.pointee.holder = nil
        endTransfer(transfer)
        // Half a request cannot be taken back: its connection ends with it.
        if let line, state == .streaming { retire(line) }
    }

    mutating func transferTimerFired(_ transfer: TransferRef) {
        let shard = transfer.pointee.shard
        let client = transfer.pointee.client
        switch transfer.pointee.state {
        case .queueing:
            removeWaiting(transfer)
            let count = shard.pointee.transferCount
            shard.pointee.counters.add(.overloaded)
            giveUp(
                transfer,
                ProxyError.overloaded(
                    name(of: shard), what: "\(count) long requests", limit: count, key: "transfer_connections"))
        case .streaming:
            let line = transfer.pointee.line!
            guard nowMs - transfer.pointee.progressMs >= stallMs(shard) else { break }
            if !line.isReady || !line.pointee.out.isEmpty { return lost(line, failure: ETIMEDOUT) }
            // The client is slow. That harms nobody until another client wants its connection.
            if shard.pointee.waitingFirst != nil {
                log.warning(
                    """
                    client \(client.pointee.id): sent nothing of a long request for \(stallMs(shard)) ms while others \
                    wait for its connection; closed
                    """
                )
                return close(client, .byProxy)
            }
        case .settling, .sent, .skipping: return
        }
        if client.pointee.transfer == transfer, transfer.pointee.state == .streaming {
            timers.arm(transfer.timer, deadlineMs: nowMs + stallMs(shard))
        }
    }

    private func stallMs(_ shard: ShardRef) -> UInt64 {
        let timeoutMs = poolViews[shard.pointee.poolIndex].timeouts.writeMs
        return timeoutMs > 0 ? timeoutMs : Self.stallMsDefault
    }

    // MARK: Spare lines and those who wait for one

    mutating func takeSpare(_ shard: ShardRef, _ dialect: Dialect) -> LineRef? {
        var next = shard.pointee.spare
        while let line = next, line.pointee.dialect != dialect { next = line.pointee.nextSpare }
        guard let line = next else { return nil }
        removeSpare(line)
        line.pointee.nextSpare = nil
        return line
    }

    /// A connection on which nothing waits, for a request that must not; it is spare again when it is answered.
    mutating func urgentLine(_ shard: ShardRef, dialect: Dialect) -> LineRef {
        if let line = takeSpare(shard, dialect) { return line }
        let line = Line.make(shard: shard, role: .transfer, dialect: dialect)
        shard.pointee.transferCount += 1
        open(line)
        return line
    }

    /// At the limit a spare line that speaks otherwise makes room.
    private mutating func retireSpareOfOtherDialect(_ shard: ShardRef, _ countMax: Int) {
        guard shard.pointee.transferCount >= countMax, let line = shard.pointee.spare else { return }
        retire(line)
    }

    mutating func giveBackSpare(_ line: LineRef) {
        let shard = line.pointee.shard
        if let waiting = shard.pointee.waitingFirst?.assumingMemoryBound(to: Transfer.self) {
            guard dialect(of: waiting.pointee.client) == line.pointee.dialect else { return retire(line) }
            removeWaiting(waiting)
            return attach(waiting, to: line)
        }
        line.pointee.isSpare = true
        line.pointee.receivedAtMs = nowMs
        line.pointee.nextSpare = shard.pointee.spare
        shard.pointee.spare = line
    }

    /// A connection ended, so there may be one more.
    mutating func startWaitingTransfer(_ shard: ShardRef) {
        guard let waiting = shard.pointee.waitingFirst?.assumingMemoryBound(to: Transfer.self) else { return }
        removeWaiting(waiting)
        shard.pointee.transferCount += 1
        attach(waiting, to: Line.make(shard: shard, role: .transfer, dialect: dialect(of: waiting.pointee.client)))
    }

    private func removeSpare(_ line: LineRef) {
        guard line.pointee.isSpare else { return }
        line.pointee.isSpare = false
        let shard = line.pointee.shard
        if shard.pointee.spare == line {
            shard.pointee.spare = line.pointee.nextSpare
            return
        }
        var previous = shard.pointee.spare
        while let other = previous, other.pointee.nextSpare != line { previous = other.pointee.nextSpare }
        previous?.pointee.nextSpare = line.pointee.nextSpare
    }

    private func removeWaiting(_ transfer: TransferRef) {
        let shard = transfer.pointee.shard
        var previous: TransferRef?
        var next = shard.pointee.waitingFirst?.assumingMemoryBound(to: Transfer.self)
        while let other = next, other != transfer {
            previous = other
            next = other.pointee.next
        }
        guard next == transfer else { return }
        let follower = transfer.pointee.next.map { UnsafeMutableRawPointer($0) }
        if let previous { previous.pointee.next = transfer.pointee.next } else { shard.pointee.waitingFirst = follower }
        if transfer.pointee.next == nil { shard.pointee.waitingLast = previous.map { UnsafeMutableRawPointer($0) } }
        transfer.pointee.next = nil
    }

    mutating func refuseWaitingTransfers(_ shard: ShardRef) {
        while let waiting = shard.pointee.waitingFirst?.assumingMemoryBound(to: Transfer.self) {
            removeWaiting(waiting)
            giveUp(waiting, refusal(line(of: shard, for: waiting.pointee.client), sizeBytes: 0))
        }
    }

    mutating func closeIdleSpares() {
        for pool in pools {
            for index in 0..<pool.shardCount {
                var next = pool.shards[index].spare
                while let line = next {
                    next = line.pointee.nextSpare
                    if nowMs - line.pointee.receivedAtMs >= Self.spareIdleMs { retire(line) }
                }
            }
        }
    }
}
