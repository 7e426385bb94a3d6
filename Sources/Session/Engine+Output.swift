// Engine+Output: what goes out, and what follows once it is out. The worker asks for a batch, writes it, says how much.
//
//     slots [head ...] ──► small: copied side by side into one send ──► socket
//                     └──► long, or the socket is full: by reference into client.out ──► socket
//
// Invariant: everything in `out` comes before everything in the slots, so order is kept whatever the socket takes.
// Not here: the system calls (Worker).

import Glibc
import Platform
import Telemetry
import Upstream
import Wire

/// Bytes to write next.
enum Batch {
    case nothing
    /// The first `count` bytes of the worker's output scratch.
    case scratch(count: Int)
    /// The pieces of a queue, `count` of them, in the worker's vectors.
    case vectors(count: Int, sizeBytes: Int)
}

extension Engine {
    static var vectorCountMax: Int { 64 }
    /// From here on a reply goes out by reference.
    private static var copiedBytesMax: Int { 4_096 }

    // MARK: Clients

    /// What to write to a client next. A batch must be followed by `sent` before the next is asked for.
    mutating func batch(for client: ClientRef, vectors: UnsafeMutablePointer<iovec>) -> Batch {
        if client.pointee.flags.contains(.blocked) {
            queueReadyReplies(client)
            return .nothing
        }
        if client.pointee.out.isEmpty {
            let count = copyReadyReplies(client)
            if count > 0 { return .scratch(count: count) }
            queueReadyReplies(client)
            if client.pointee.out.isEmpty { return .nothing }
        }
        let gathered = client.pointee.out.gather(into: vectors, countMax: Self.vectorCountMax)
        return .vectors(count: gathered.count, sizeBytes: gathered.sizeBytes)
    }

    /// Copies short replies that are next in order into the output scratch; stops at the first that is long or not
    /// ready.
    @inline(__always)
    private mutating func copyReadyReplies(_ client: ClientRef) -> Int {
        var filled = 0
        var head = client.pointee.head
        let tail = client.pointee.tail
        var times = AnswerTimes(poolViews[client.pointee.poolIndex].commandTimes, nowUs: slots.nowUs)
        while head != tail {
            let slot = client.slot(head)
            let sizeBytes = Int(slot.pointee.sizeBytes)
            guard slot.pointee.state == .ready, sizeBytes <= Self.copiedBytesMax,
                filled &+ sizeBytes <= Self.outScratchBytes
            else { break }
            let chunk = slot.pointee.chunk.unsafelyUnwrapped
            if slot.pointee.marks.isEmpty || goesOut(client, head) {
                memcpy(outScratch + filled, chunk.data + Int(slot.pointee.offset), sizeBytes)
                filled &+= sizeBytes
            } else {
                client.pointee.heldBytes &-= sizeBytes
            }
            buffers.chunks.release(chunk)
            times.note(slot)
            head &+= 1
        }
        times.end()
        client.pointee.head = head
        return filled
    }

    /// Moves all replies that are next in order into `out`: short ones are copied, so that they pin no shared chunk.
    private mutating func queueReadyReplies(_ client: ClientRef) {
        var times = AnswerTimes(poolViews[client.pointee.poolIndex].commandTimes, nowUs: slots.nowUs)
        defer { times.end() }
        while client.pointee.head != client.pointee.tail {
            let slot = client.slot(client.pointee.head)
            switch slot.pointee.state {
            case .waiting: return
            case .ready:
                let chunk = slot.pointee.chunk.unsafelyUnwrapped
                let sizeBytes = Int(slot.pointee.sizeBytes)
                if !slot.pointee.marks.isEmpty, !goesOut(client, client.pointee.head) {
                    client.pointee.heldBytes -= sizeBytes
                    buffers.chunks.release(chunk)
                } else if sizeBytes <= Self.copiedBytesMax {
                    client.pointee.out.append(chunk.data + Int(slot.pointee.offset), count: sizeBytes, pool: &buffers)
                    buffers.chunks.release(chunk)
                } else {
                    client.pointee.out.append(
                        taking: chunk, offset: Int(slot.pointee.offset), sizeBytes: sizeBytes, pool: &buffers)
                }
            case .streaming:
                let stream = slot.pointee.stream.unsafelyUnwrapped
                client.pointee.out.append(contentsOf: &stream.pointee.pieces)
                guard stream.pointee.isComplete else { return }
                slots.giveBack(stream)
                if !slot.pointee.marks.isEmpty { _ = goesOut(client, client.pointee.head) }
            }
            times.note(slot)
            client.pointee.head &+= 1
        }
    }

    /// The socket took `sizeBytes` of the batch; fewer than all, or `isFull`, means that it takes no more.
    mutating func sent(_ client: ClientRef, _ batch: Batch, sizeBytes: Int, isFull: Bool) {
        counters.add(.clientWrites)
        counters.add(.bytesOut, sizeBytes)
        client.pointee.heldBytes &-= sizeBytes
        switch batch {
        case .nothing: return
        case .scratch(let count):
            if sizeBytes < count {
                client.pointee.out.append(
                    UnsafePointer(outScratch) + sizeBytes, count: count - sizeBytes, pool: &buffers)
            }
        case .vectors: client.pointee.out.dropFirst(sizeBytes, pool: &buffers)
        }
        if isFull { client.pointee.flags.insert(.blocked) }
    }

    /// The socket has room again.
    mutating func unblocked(_ client: ClientRef) {
        client.pointee.flags.remove(.blocked)
        markDirty(client)
    }

    /// All that can be written is written: gates open or shut, rings go back, a client that ends is closed.
    ///
    /// - Returns: what the poller should watch; nil when the client is gone.
    mutating func settle(_ client: ClientRef) -> Interest? {
        if client.pointee.flags.contains(.closed) {
            freeIfUnused(client)
            return nil
        }
        client.giveBackEmptySlots(pool: &slots)
        if client.pointee.gate.isEmpty && client.pointee.heldBytes <= options.outputPauseBytes
            && client.pointee.flags.isDisjoint(with: [.pausesLine, .leaving])
        {
            return client.pointee.flags.contains(.blocked) ? [.read, .write] : .read
        }
        return settleUncommon(client)
    }

    @inline(never)
    private mutating func settleUncommon(_ client: ClientRef) -> Interest? {
        let isEmpty = client.pointee.inFlightCount == 0
        if client.pointee.gate.contains(.ending), isEmpty, client.pointee.out.isEmpty, client.pointee.transfer == nil {
            close(client, .byProxy)
            return nil
        }
        let gateBefore = client.pointee.gate
        if client.pointee.heldBytes > options.outputPauseBytes {
            if !client.pointee.gate.contains(.output) {
                client.pointee.gate.insert(.output)
                pools[client.pointee.poolIndex].counters.add(.clientsPaused)
            }
        } else if client.pointee.heldBytes <= options.outputPauseBytes / 2 {
            client.pointee.gate.remove(.output)
        }
        // Once the client has taken all that is in turn, more must come, however much of later replies is held.
        if client.pointee.heldBytes <= options.outputPauseBytes / 2 || client.pointee.out.isEmpty {
            letStreamReadOn(client)
        }
        if client.pointee.inFlightCount <= inFlightMax(of: client) / 2 { client.pointee.gate.remove(.inFlight) }
        if isEmpty {
            if client.pointee.gate.contains(.barrier) {
                becameQuiet(client)
                joinsNothingOlder(client)
            }
            client.pointee.gate.remove(.barrier)
        }
        if let transfer = client.pointee.transfer, transfer.pointee.state == .settling, isEmpty {
            beginTransfer(transfer)
        }
        if client.pointee.flags.contains(.leaving), leaves(client) { return nil }
        if client.pointee.gate.isEmpty, !gateBefore.isEmpty { scheduleResume(client) }
        var interest = Interest(rawValue: 0)
        if wantsBytes(client) { interest.insert(.read) }
        if client.pointee.flags.contains(.blocked) { interest.insert(.write) }
        // Nobody reads from a client that a server keeps waiting, and yet it must not take values with it unseen.
        if client.pointee.state?.pointee.isBlocked == true { interest.insert(.end) }
        return interest
    }

    /// A transfer reads on while its line has room; everybody else while the gate is open.
    private func wantsBytes(_ client: ClientRef) -> Bool {
        if let transfer = client.pointee.transfer { return transferWantsBytes(transfer) }
        return client.pointee.gate.isEmpty
    }

    private mutating func letStreamReadOn(_ client: ClientRef) {
        guard client.pointee.flags.contains(.pausesLine), client.pointee.head != client.pointee.tail else { return }
        let slot = client.slot(client.pointee.head)
        // A paused line whose reply is not yet in turn goes on when it is.
        guard slot.pointee.state == .streaming else { return }
        if let line = slot.pointee.stream.unsafelyUnwrapped.pointee.line { letReadOn(line) }
        client.pointee.flags.remove(.pausesLine)
        var sequence = client.pointee.head &+ 1
        while sequence != client.pointee.tail {
            let later = client.slot(sequence)
            if later.pointee.state == .streaming,
                later.pointee.stream.unsafelyUnwrapped.pointee.line?.pointee.isReadPaused == true
            {
                client.pointee.flags.insert(.pausesLine)
            }
            sequence &+= 1
        }
    }

    // MARK: Lines

    /// What to write to a backend next.
    mutating func batch(for line: LineRef, vectors: UnsafeMutablePointer<iovec>) -> Batch {
        guard !line.pointee.wantsWrite, line.pointee.descriptor >= 0 else { return .nothing }
        let gathered: (count: Int, sizeBytes: Int)
        if !line.pointee.greeting.isEmpty {
            gathered = line.pointee.greeting.gather(into: vectors, countMax: Self.vectorCountMax)
        } else if line.isReady, !line.pointee.out.isEmpty {
            gathered = line.pointee.out.gather(into: vectors, countMax: Self.vectorCountMax)
        } else {
            return .nothing
        }
        return .vectors(count: gathered.count, sizeBytes: gathered.sizeBytes)
    }

    mutating func sent(_ line: LineRef, sizeBytes: Int, isFull: Bool) {
        line.pointee.shard.pointee.counters.add(.backendWrites)
        if !line.pointee.greeting.isEmpty {
            line.pointee.greeting.dropFirst(sizeBytes, pool: &buffers)
        } else {
            line.pointee.sent.sent(sizeBytes: sizeBytes, atUs: slots.nowUs)
            if line.pointee.keepsWritten {
                line.pointee.out.moveFirst(sizeBytes, to: &line.pointee.written, pool: &buffers)
            } else {
                line.pointee.out.dropFirst(sizeBytes, pool: &buffers)
                if line.pointee.role == .transfer { transferMoved(line) }
            }
        }
        if isFull { line.pointee.wantsWrite = true }
    }

    mutating func unblocked(_ line: LineRef) {
        line.pointee.wantsWrite = false
        markDirty(line)
    }

    /// A line pauses for a client that has it to itself. Once another one asks it reads on: the slow client's replies
    /// are held for it, up to the limit at which it is cut.
    private func endPauseIfOthersWait(_ line: LineRef) {
        guard !line.pointee.inFlight.isEmpty,
            let owner = line.pointee.inFlight.first.ticket.owner?.assumingMemoryBound(to: Client.self)
        else { return }
        if !isAlone(line, owner) { line.pointee.isReadPaused = false }
    }

    /// What the poller should watch; nil when the line has no socket.
    mutating func settle(_ line: LineRef) -> Interest? {
        armDeadline(line)
        let pool = poolViews + line.pointee.shard.pointee.poolIndex
        if pool.pointee.hedgesReads { armHedge(line) }
        // What is queued from here on is of another turn of the loop.
        if pool.pointee.coalescesByTick { line.pointee.stretch = 0 }
        guard line.pointee.descriptor >= 0 else {
            if line.pointee.link.state == .idle, !line.pointee.out.isEmpty { open(line) }
            return nil
        }
        if line.pointee.isReadPaused { endPauseIfOthersWait(line) }
        var interest: Interest = line.pointee.isReadPaused ? [] : .read
        if line.pointee.wantsWrite || line.pointee.link.state == .connecting { interest.insert(.write) }
        return interest
    }
}
