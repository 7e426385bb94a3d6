// LoadThread+Connections: how connections come and go: connecting a few at a time, the greeting, what is done when one
// is lost. Every failure is counted; a lost connection is tried again later and later, or never (--no-reconnect).
// Not here: the load itself (+Sending, +Replies).

import Glibc
import Platform

extension LoadThread where Source: ~Copyable {
    /// More at once overrun the backlog of a server that is busy.
    private static var connectingCountMax: Int { 64 }
    private static var expiryStepNs: UInt64 { 100_000_000 }

    func isSubscriber(_ index: Int) -> Bool { index >= clientCount }

    private func greeting(of index: Int) -> Greetings.Text {
        if !isSubscriber(index) { return greetings.client }
        return greetings.subscribers[(firstSubscriber + index - clientCount) % greetings.subscribers.count]
    }

    // MARK: Connecting

    /// The first attempts.
    mutating func connectMore() {
        while nextToConnect < connectionCount, connectingCount < Self.connectingCountMax {
            guard connect(nextToConnect) else { return }
            nextToConnect += 1
        }
    }

    /// Attempts that are due once more.
    mutating func retry() {
        retryDueNs = .max
        for index in 0..<connectionCount where connections[index].state == .idle {
            if connections[index].retryNs <= nowNs, connectingCount < Self.connectingCountMax, connect(index) {
                continue
            }
            retryDueNs = min(retryDueNs, max(connections[index].retryNs, nowNs + 1_000_000))
        }
    }

    /// - Returns: false: not now, the other side's backlog is full.
    private mutating func connect(_ index: Int) -> Bool {
        let connection = connections + index
        do throws(SystemError) {
            connection.pointee.descriptor = try Socket.connect(to: address)
        } catch {
            // A unix socket says so at once where TCP would wait.
            if address.family == AF_UNIX, error.number == EAGAIN { return false }
            tally.add(error: "connect") { error.description }
            giveUp(index)
            return true
        }
        connection.pointee.state = .connecting
        connection.pointee.deadlineNs = nowNs + options.connectTimeoutNs
        connectingCount += 1
        expiryNs = min(expiryNs, nowNs + Self.expiryStepNs)
        do throws(SystemError) {
            try poller.watch(connection.pointee.descriptor, .write, tag: UInt64(index))
            connection.pointee.watchesWrite = true
        } catch {
            lose(index, error.description)
        }
        return true
    }

    mutating func finishConnecting(_ index: Int) {
        let connection = connections + index
        let number = Socket.error(of: connection.pointee.descriptor)
        guard number == 0 else { return lose(index, SystemError("connect to \(address.text)", number).description) }
        connection.pointee.state = .greeting
        for byte in greeting(of: index).bytes { connection.pointee.out.append(byte) }
        flush(index)
    }

    /// Those that have waited too long for a connection or a greeting.
    mutating func expire() {
        expiryNs = connectingCount > 0 ? nowNs + Self.expiryStepNs : .max
        for index in 0..<connectionCount {
            let state = connections[index].state
            guard state == .connecting || state == .greeting, connections[index].deadlineNs <= nowNs else { continue }
            let step = state == .connecting ? "connection" : "answer to the greeting"
            lose(index, "\(address.text): no \(step) within \(options.connectTimeoutNs / 1_000_000) ms")
        }
    }

    // MARK: The greeting

    mutating func greet(_ index: Int, _ reply: UnsafePointer<UInt8>, _ count: Int) {
        let connection = connections + index
        let steps = greeting(of: index).steps
        let step = steps[connection.pointee.greetedCount]
        if ReplyText.isError(reply) {
            let words = ReplyText.error(reply, count: count)
            return lose(index, "\(address.text): \(step.name) was refused: \(words)")
        }
        connection.pointee.greetedCount += 1
        guard connection.pointee.greetedCount == steps.count else { return }
        connection.pointee.state = .ready
        connection.pointee.forgetBackoff()
        connectingCount -= 1
        readyCount += 1
        markTried(index)
        if !isSubscriber(index), stage == .filling || stage == .running { feed(index) }
    }

    private mutating func markTried(_ index: Int) {
        if !connections[index].wasTried { triedCount += 1 }
        connections[index].wasTried = true
    }

    // MARK: The end of a connection

    /// The connection has failed or has been closed; what was in flight is lost.
    mutating func lose(_ index: Int, _ reason: String, kind: String? = nil) {
        let connection = connections + index
        let wasReady = connection.pointee.state == .ready
        if wasReady { readyCount -= 1 } else { connectingCount -= 1 }
        let lostCount = loseOperations(of: index)
        if !wasReady {
            tally.add(error: kind ?? "connect") { reason }
        } else {
            if let kind { tally.add(error: kind) { reason } }
            // A connection that is lost idle is an error, too; after the window nobody misses it.
            let isCounted = stage == .filling || stage == .waiting || isInWindow(nowNs)
            let count = lostCount > 0 ? lostCount : (kind == nil && isCounted ? 1 : 0)
            if count > 0 { tally.add(error: "lost", count: count) { reason } }
        }
        Socket.close(connection.pointee.descriptor)
        connection.pointee.reset()
        giveUp(index)
    }

    private mutating func loseOperations(of index: Int) -> UInt64 {
        let connection = connections + index
        var lostCount: UInt64 = 0
        while connection.pointee.inFlight.count > 0 {
            let entry = connection.pointee.inFlight.first.pointee
            if isInWindow(entry.startNs) {
                tally.recordError(kind: Int(entry.operation.kind))
                lostCount += 1
            } else if stage == .filling {
                lostCount += 1
            }
            source.abandon(entry.operation)
            connection.pointee.inFlight.removeFirst()
            inFlightCount -= 1
        }
        return lostCount
    }

    private mutating func giveUp(_ index: Int) {
        let connection = connections + index
        markTried(index)
        // The first attempts are made once more in any case: a run may have to wait for its server.
        guard options.reconnects else {
            connection.pointee.state = .dead
            deadCount += 1
            return
        }
        connection.pointee.state = .idle
        connection.pointee.postpone(nowNs: nowNs)
        retryDueNs = min(retryDueNs, connection.pointee.retryNs)
    }
}
