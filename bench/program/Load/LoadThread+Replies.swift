// LoadThread+Replies: what comes in: one receive an event, replies found by their ends and judged where they lie.
// Only the reply that the end of the scratch cuts is kept, and of that only what judging it needs.
// Not here: what makes a reply good (RequestSource), deliveries (+Deliveries).

import Platform
import Wire

extension LoadThread where Source: ~Copyable {
    mutating func receive(_ index: Int) {
        let connection = connections + index
        let place = scratch + Connection.leftoverBytesMax
        switch Socket.receive(connection.pointee.descriptor, into: place, count: Self.scratchBytes) {
        case .bytes(let count):
            nowNs = Clock.nowNs()
            if isInWindow(nowNs) { tally.receivedBytes &+= UInt64(count) }
            let start = connection.pointee.putLeftover(before: place)
            guard digest(index, start, count: count &+ (place - start)) else { return }
            if connection.pointee.state == .ready, index < clientCount {
                if isOpen && stage == .running {
                    joinLine(index)
                } else if connection.pointee.inFlight.count == 0 {
                    feed(index)
                }
            }
        case .wouldBlock, .noMemory: return
        case .ended: lose(index, "\(address.text) closed the connection")
        case .failed(let number): lose(index, SystemError("receive from \(address.text)", number).description)
        }
    }

    /// - Returns: false when the connection is lost.
    @inline(__always)
    private mutating func digest(_ index: Int, _ start: UnsafeMutablePointer<UInt8>, count: Int) -> Bool {
        let connection = connections + index
        var scanner = connection.pointee.scanner
        var cursor = UnsafePointer(start)
        var left = count
        while left > 0 {
            switch scanner.advance(cursor, count: left) {
            case .complete(let usedBytes):
                let isGood =
                    connection.pointee.kept.count == 0
                    ? accept(index, cursor, usedBytes) : acceptKept(index, cursor, usedBytes)
                if !isGood { return false }
                cursor += usedBytes
                left &-= usedBytes
            case .incomplete(let usedBytes):
                let isWhole = needsWholeReplies || isSubscriber(index)
                connection.pointee.keep(cursor, count: usedBytes, whole: isWhole)
                connection.pointee.setLeftover(cursor + usedBytes, count: left &- usedBytes)
                left = 0
            case .malformed:
                rejectMalformed(index, cursor, left)
                return false
            }
        }
        connection.pointee.scanner = scanner
        return true
    }

    /// The rest of a reply has come whose beginning is kept.
    private mutating func acceptKept(_ index: Int, _ rest: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let connection = connections + index
        connection.pointee.keep(rest, count: count, whole: needsWholeReplies || isSubscriber(index))
        let isGood = accept(index, connection.pointee.kept.start, connection.pointee.kept.count)
        if isGood { connection.pointee.kept.removeAll() }
        return isGood
    }

    /// One reply, whole or as much of it as was kept.
    ///
    /// - Returns: false when the connection is lost.
    @inline(__always)
    private mutating func accept(_ index: Int, _ reply: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let connection = connections + index
        guard connection.pointee.state == .ready, index < clientCount else {
            return acceptOther(index, reply, count)
        }
        if connection.pointee.inFlight.count == 0 || reply[0] == UInt8(ascii: ">") {
            return acceptUnasked(index, reply, count)
        }
        let entry = connection.pointee.inFlight.first
        let judgement = source.judge(&entry.pointee.operation, reply: reply, count: count)
        if judgement != .good { note(judgement, entry, reply, count) }
        if entry.pointee.operation.repliesLeft == 0 {
            if isInWindow(entry.pointee.startNs) { record(entry) }
            connection.pointee.inFlight.removeFirst()
            inFlightCount &-= 1
        }
        return true
    }

    @inline(__always)
    private mutating func record(_ entry: UnsafeMutablePointer<InFlight.Entry>) {
        tally.record(kind: Int(entry.pointee.operation.kind), latencyNs: nowNs &- entry.pointee.startNs)
        tally.lastAnswerNs = nowNs
        if options.pubSub != nil { expectDeliveries(entry.pointee) }
    }

    private mutating func acceptOther(_ index: Int, _ reply: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        if connections[index].state == .greeting {
            greet(index, reply, count)
        } else {
            takeDelivery(reply, count)
        }
        return connections[index].state == .greeting || connections[index].state == .ready
    }

    // MARK: What is not as it should be

    /// A push that belongs to no request, or a reply too many.
    private mutating func acceptUnasked(_ index: Int, _ reply: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        if reply[0] == UInt8(ascii: ">") { return true }
        if ReplyText.isError(reply) {
            // What a server says before it closes, as `-ERR max number of clients reached`.
            lose(index, ReplyText.error(reply, count: count), kind: ReplyText.errorKind(reply, count: count))
        } else {
            lose(
                index, "\(address.text) sent a reply that nothing had asked for: \(Self.excerpt(reply, count))",
                kind: "protocol")
        }
        return false
    }

    private mutating func rejectMalformed(_ index: Int, _ bytes: UnsafePointer<UInt8>, _ count: Int) {
        lose(index, "\(address.text) sent what is no RESP reply: \(Self.excerpt(bytes, count))", kind: "protocol")
    }

    private mutating func note(
        _ judgement: Judgement, _ entry: UnsafeMutablePointer<InFlight.Entry>, _ reply: UnsafePointer<UInt8>,
        _ count: Int
    ) {
        let kind = Int(entry.pointee.operation.kind)
        let isCounted = isInWindow(entry.pointee.startNs)
        switch judgement {
        case .good: return
        case .miss:
            if isCounted, !entry.pointee.hasMissed { tally.recordMiss(kind: kind) }
            entry.pointee.hasMissed = true
            return
        case .error:
            guard isCounted || stage == .filling, !entry.pointee.hasFailed else { return }
            if ReplyText.isError(reply) {
                tally.add(error: ReplyText.errorKind(reply, count: count)) { ReplyText.error(reply, count: count) }
            } else {
                tally.add(error: "EXEC") { source.lastComplaint }
            }
        // A wrong value is wrong before the window, too.
        case .wrong: tally.add(error: "wrong") { source.lastComplaint }
        case .stale: tally.add(error: "stale") { source.lastComplaint }
        case .missing: tally.add(error: "missing") { source.lastComplaint }
        }
        if isCounted, !entry.pointee.hasFailed { tally.recordError(kind: kind) }
        entry.pointee.hasFailed = true
    }

    private static func excerpt(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> String {
        let shown = UnsafeBufferPointer(start: bytes, count: min(count, 60))
        return String(shown.map { $0 < 32 || $0 > 126 ? "." : Character(Unicode.Scalar($0)) })
    }
}
