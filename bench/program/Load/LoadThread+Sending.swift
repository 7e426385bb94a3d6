// LoadThread+Sending: what is sent when. Closed loop: a whole batch once the last one is answered. Open loop: whatever
// is due, on the connection that has waited longest for its turn; what finds no place waits, and its latency counts
// from when it was due.
// Not here: the moments (Schedule), the bytes (RequestSource).

import Platform

extension LoadThread where Source: ~Copyable {
    /// A connection has nothing to do.
    @inline(__always)
    mutating func feed(_ index: Int) {
        switch stage {
        case .running:
            if isOpen { joinLine(index) } else { sendBatch(index) }
        case .filling: sendFill(index)
        case .connecting, .waiting, .draining, .ended: return
        }
    }

    // MARK: Closed loop

    @inline(__always)
    private mutating func sendBatch(_ index: Int) {
        if nowNs >= windowEndNs || isExhausted { return }
        let connection = connections + index
        let count = nowNs < windowStartNs ? options.pipeline : control.claim(options.pipeline)
        if count < options.pipeline { isExhausted = true }
        source.begin(atNs: nowNs)
        var sentCount = 0
        while sentCount < count {
            guard let operation = source.next(&connection.pointee.out, connectionIndex: firstClient &+ index) else {
                isExhausted = true
                break
            }
            connection.pointee.inFlight.append(operation, startNs: nowNs)
            sentCount &+= 1
        }
        inFlightCount &+= sentCount
        if sentCount > 0 { flush(index) }
    }

    private mutating func sendFill(_ index: Int) {
        if isExhausted { return }
        let connection = connections + index
        var count = 0
        while count < Self.fillBatchCount, connection.pointee.out.count < Self.fillBatchBytes {
            guard let operation = source.nextFill(&connection.pointee.out) else {
                isExhausted = true
                break
            }
            connection.pointee.inFlight.append(operation, startNs: nowNs)
            count += 1
        }
        inFlightCount += count
        if count > 0 { flush(index) }
    }

    // MARK: Open loop

    /// When the next operation is due; nil: never.
    var nextDueNs: UInt64? {
        if let schedule { return startNs &+ schedule.nextDueNs }
        guard case .trace(let speed) = options.pace, let dueNs = source.nextDueNs else { return nil }
        return startNs &+ UInt64(Double(dueNs) / speed)
    }

    @inline(__always)
    mutating func joinLine(_ index: Int) {
        let connection = connections + index
        if connection.pointee.isInLine || connection.pointee.inFlight.count >= options.pipeline { return }
        connection.pointee.isInLine = true
        line.append(index)
    }

    /// Sends what is due.
    mutating func dispatch() {
        if !hasOpenedWindow, nowNs >= windowStartNs {
            hasOpenedWindow = true
            // What the warm-up left over is not the window's burden.
            schedule?.skip(to: windowStartNs - startNs)
        }
        while !isExhausted {
            guard let dueNs = nextDueNs else {
                isExhausted = true
                break
            }
            guard dueNs <= nowNs, dueNs < windowEndNs else {
                isBacklogged = false
                break
            }
            guard let index = placeFromLine() else {
                isBacklogged = true
                break
            }
            put(index, dueNs: dueNs)
        }
        while let index = unsent.popFirst() {
            connections[index].isUnsent = false
            if connections[index].state == .ready { flush(index) }
        }
    }

    /// A ready connection that has a place free.
    private mutating func placeFromLine() -> Int? {
        while let index = line.popFirst() {
            connections[index].isInLine = false
            // It may have been lost since it joined.
            if connections[index].state == .ready { return index }
        }
        return nil
    }

    private mutating func put(_ index: Int, dueNs: UInt64) {
        let connection = connections + index
        if dueNs >= windowStartNs, control.claim(1) == 0 {
            isExhausted = true
            return
        }
        source.begin(atNs: dueNs)
        guard let operation = source.next(&connection.pointee.out, connectionIndex: firstClient &+ index) else {
            isExhausted = true
            return
        }
        schedule?.advance()
        connection.pointee.inFlight.append(operation, startNs: dueNs)
        inFlightCount &+= 1
        if !isBacklogged, isInWindow(dueNs) { tally.recordLateness(ns: nowNs &- dueNs) }
        if !connection.pointee.isUnsent {
            connection.pointee.isUnsent = true
            unsent.append(index)
        }
        joinLine(index)
    }

    // MARK: The socket

    /// Sends what waits, as much as the kernel takes.
    @inline(__always)
    mutating func flush(_ index: Int) {
        let connection = connections + index
        switch Socket.send(
            connection.pointee.descriptor, connection.pointee.out.start, count: connection.pointee.out.count)
        {
        case .bytes(let count):
            connection.pointee.out.removeFirst(count)
            if isInWindow(nowNs) { tally.sentBytes &+= UInt64(count) }
        case .wouldBlock, .noMemory: break
        case .ended: return lose(index, "\(address.text) closed the connection")
        case .failed(let number): return lose(index, SystemError("send to \(address.text)", number).description)
        }
        let watchesWrite = connection.pointee.out.count > 0
        if watchesWrite != connection.pointee.watchesWrite {
            connection.pointee.watchesWrite = watchesWrite
            poller.change(
                connection.pointee.descriptor, watchesWrite ? [.read, .write] : .read, tag: UInt64(index))
        }
    }
}
