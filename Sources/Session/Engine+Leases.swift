// Engine+Leases: lines lent to one client each (see ClientState). They come from the shard's spare lines and go back to
// them, so a transaction or a blocking command costs no new connection in a steady state.
// A lease goes back only when its server owes nothing and remembers nothing of the client; any other one is closed.
// Not here: what the client does with it (Engine+Transactions, Engine+Blocking).

import Platform
import Telemetry
import Upstream

extension Engine {
    // MARK: What a client is in the middle of

    mutating func state(of client: ClientRef) -> ClientStateRef {
        if let state = client.pointee.state { return state }
        let state = states.take()
        state.initialize(to: ClientState())
        client.pointee.state = state
        return state
    }

    /// Something of it began or ended.
    func settleWay(of client: ClientRef) {
        if client.pointee.state?.pointee.isUncommon == true {
            client.pointee.flags.insert(.uncommon)
        } else {
            client.pointee.flags.remove(.uncommon)
        }
    }

    /// Nothing is left of it: the client is an ordinary one again.
    mutating func dropStateIfEmpty(_ client: ClientRef) {
        guard let state = client.pointee.state, state.pointee.isEmpty else { return }
        states.giveBack(state)
        client.pointee.state = nil
    }

    /// The client is gone.
    mutating func endState(of client: ClientRef) {
        guard let state = client.pointee.state else { return }
        endTransaction(of: client)
        endTopics(of: client)
        stopMonitoring(client)
        // Either may have been all that there was.
        guard client.pointee.state != nil else { return }
        client.pointee.state = nil
        if let leases = state.pointee.leases {
            for index in 0..<pools[client.pointee.poolIndex].shardCount {
                guard let line = leases[index] else { continue }
                line.pointee.holder = nil
                let isClean = !line.pointee.isWatching && !state.pointee.isTracking
                if isClean { giveBackLease(line) } else { retire(line) }
            }
            leases.deallocate()
        }
        states.giveBack(state)
    }

    // MARK: Lending

    /// The line of this shard that is the client's alone. Everything under way must have been answered.
    ///
    /// - Returns: nil when as many are lent as may be; `leaseRefusal` says so.
    mutating func lend(_ shard: ShardRef, to client: ClientRef) -> LineRef? {
        let state = state(of: client)
        if let line = lease(state, shard) { return line }
        let dialect = dialect(of: client)
        let backend = pools[shard.pointee.poolIndex].options.backend
        guard shard.pointee.leaseCount < backend.leaseCountMax else {
            dropStateIfEmpty(client)
            return nil
        }
        let line: LineRef
        if let spare = takeSpare(shard, dialect) {
            shard.pointee.transferCount -= 1
            spare.pointee.role = .leased
            line = spare
        } else {
            line = Line.make(shard: shard, role: .leased, dialect: dialect)
        }
        shard.pointee.leaseCount += 1
        line.pointee.holder = UnsafeMutableRawPointer(client)
        if state.pointee.leases == nil {
            let count = pools[client.pointee.poolIndex].shardCount
            let leases = UnsafeMutablePointer<LineRef?>.allocate(capacity: count)
            leases.initialize(repeating: nil, count: count)
            state.pointee.leases = leases
        }
        state.pointee.leases.unsafelyUnwrapped[shard.pointee.index] = line
        state.pointee.leaseCount += 1
        return line
    }

    @inline(__always)
    func lease(_ state: ClientStateRef, _ shard: ShardRef) -> LineRef? {
        guard let leases = state.pointee.leases else { return nil }
        return leases[shard.pointee.index]
    }

    func leaseRefusal(_ shard: ShardRef) -> String {
        let limit = pools[shard.pointee.poolIndex].options.backend.leaseCountMax
        shard.pointee.counters.add(.overloaded)
        return ProxyError.overloaded(
            name(of: shard), what: "\(shard.pointee.leaseCount) clients with a connection of their own", limit: limit,
            key: "leased_connections")
    }

    /// From here on nothing of the client is read until everything is answered; then its leases go back. A client that
    /// tracks or watches keeps them.
    mutating func returnLeases(_ client: ClientRef) {
        guard let state = client.pointee.state, state.pointee.leases != nil, !state.pointee.isTracking,
            state.pointee.watchedShard < 0
        else { return }
        state.pointee.returnsLeases = true
        client.pointee.gate.insert(.barrier)
        markDirty(client)
    }

    /// Everything is answered, and nothing was read since.
    mutating func becameQuiet(_ client: ClientRef) {
        guard let state = client.pointee.state else { return }
        state.pointee.isBlocked = false
        if let leases = state.pointee.leases {
            for index in 0..<pools[client.pointee.poolIndex].shardCount {
                guard let line = leases[index] else { continue }
                line.pointee.isBlocking = false
                // An EXEC that was never sent has left its server watching.
                if line.pointee.isWatching, state.pointee.watchedShard != index { forgetWatchedKeys(on: line) }
                guard state.pointee.returnsLeases else { continue }
                leases[index] = nil
                line.pointee.holder = nil
                giveBackLease(line)
            }
            if state.pointee.returnsLeases {
                leases.deallocate()
                state.pointee.leases = nil
                state.pointee.leaseCount = 0
                state.pointee.returnsLeases = false
            }
        }
        dropStateIfEmpty(client)
    }

    // MARK: Going back

    private mutating func giveBackLease(_ line: LineRef) {
        let shard = line.pointee.shard
        let backend = pools[shard.pointee.poolIndex].options.backend
        guard line.isReady, isOwedNothing(line),
            shard.pointee.transferCount < backend.transferCountMax
        else { return retire(line) }
        line.pointee.isBlocking = false
        line.pointee.role = .transfer
        shard.pointee.leaseCount -= 1
        shard.pointee.transferCount += 1
        giveBackSpare(line)
    }

    /// Answers that nobody hears may still come.
    private func isOwedNothing(_ line: LineRef) -> Bool {
        let queue = line.pointee.inFlight
        return (0..<queue.count).allSatisfy { queue[$0].ticket.kind == .unheard }
    }

    /// A leased line ends; its requests have been answered.
    mutating func leaseEnded(_ line: LineRef) {
        line.pointee.shard.pointee.leaseCount -= 1
        guard let client = line.pointee.holder?.assumingMemoryBound(to: Client.self),
            let state = client.pointee.state, let leases = state.pointee.leases
        else { return }
        line.pointee.holder = nil
        let index = line.pointee.shard.pointee.index
        leases[index] = nil
        state.pointee.leaseCount -= 1
        if state.pointee.watchedShard == index {
            state.pointee.watchedShard = -1
            state.pointee.isWatchLost = true
        }
        if state.pointee.leaseCount == 0 {
            leases.deallocate()
            state.pointee.leases = nil
            state.pointee.returnsLeases = false
        }
        markDirty(client)
        if state.pointee.isTracking { trackingLost(client, line.pointee.shard) }
    }
}
