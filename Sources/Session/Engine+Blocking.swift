// Engine+Blocking: commands that a server may keep waiting. Each runs alone on a leased line: what came before it is
// answered first, and nothing behind it is read until it is answered, as at a server. Its line has no deadline.
// A client that goes away takes its line with it, so no server waits for, or gives a value to, nobody.
// Not here: lending (Engine+Leases), transactions (Engine+Transactions).

import Platform
import Routing
import Upstream
import Wire

extension Engine {
    /// Commands of the class `pinned`.
    mutating func pin(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        switch row.pointee.id {
        case .multi, .exec, .discard, .watch, .unwatch: transact(client, request, row)
        case .wait, .waitaof: waitForReplicas(client, request, row)
        case .monitor: monitor(client)
        case .xread, .xreadgroup:
            if Self.hasBlockOption(request) {
                block(client, request, row, chunk: chunk)
            } else {
                forwardToOneShard(client, request, row, chunk: chunk)
            }
        default: block(client, request, row, chunk: chunk)
        }
    }

    private static func hasBlockOption(_ request: RequestView) -> Bool {
        for index in 1..<request.argumentCount {
            let word = text(request[index], limit: 8).uppercased()
            if word == "STREAMS" { return false }
            if word == "BLOCK" { return true }
        }
        return false
    }

    private mutating func block(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let isFaulty = fault(of: keyFinder.find(row, in: request, into: &keys), row) != nil
        // Its server says what is wrong; where Keyway errs the command may block, so it has a line of its own even so.
        let faultyIndex = keys.count > 0 ? shardIndex(of: request[keys[0]], pool) : 0
        switch isFaulty ? .shard(faultyIndex) : commonShard(of: request, row, pool) {
        case .nowhere(let error): answerNow(client, error: error)
        case .anywhere: answerNow(client, error: ProxyError.wrongArity(wireName(row)))
        case .shard(let index):
            if putsOff(client) { return }
            let shard = pool.pointee.shards + index
            if let error = takeUp(shard, for: client) { return answerNow(client, error: error) }
            forward(client, request, to: shard, isWrite: isWrite(row), chunk: chunk)
            stopReading(client)
        }
    }

    /// Lends the client a line on which a command may block.
    ///
    /// - Returns: why not; nil when it has one.
    private mutating func takeUp(_ shard: ShardRef, for client: ClientRef) -> String? {
        if shard.pointee.isDown { return refusal(line(of: shard, for: client), sizeBytes: 0) }
        guard let line = lend(shard, to: client) else { return leaseRefusal(shard) }
        line.pointee.isBlocking = true
        timers.cancel(line.deadlineTimer)
        state(of: client).pointee.isBlocked = true
        return nil
    }

    private mutating func stopReading(_ client: ClientRef) {
        client.pointee.gate.insert(.barrier)
        markDirty(client)
        returnLeases(client)
    }

    // MARK: WAIT

    /// Asks the shards that the client has written to, and answers the smallest number. A leased line has written
    /// nothing; the PING before makes its server take everything so far, the client's writes among it, as its own.
    private mutating func waitForReplicas(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) {
        if putsOff(client) { return }
        let pool = poolViews + client.pointee.poolIndex
        let written = client.pointee.writtenShards
        let targets = (0..<pool.pointee.shardCount).filter { written == 0 || written & (1 << UInt64($0 % 64)) != 0 }
        for index in targets {
            if let error = takeUp(pool.pointee.shards + index, for: client) {
                answerNow(client, error: error)
                return stopReading(client)
            }
        }
        for index in targets {
            tell(line(of: pool.pointee.shards + index, for: client), RequestBuilder.bytes(["PING"]))
        }
        fanOut(client, request, row, rule: .minimum, to: targets)
        stopReading(client)
    }

    // MARK: Waking

    /// CLIENT UNBLOCK, and the drain: the client's servers are told, and answer its command.
    ///
    /// - Returns: false when the client waits for no server.
    mutating func unblock(_ client: ClientRef, isError: Bool) -> Bool {
        guard let state = client.pointee.state, state.pointee.isBlocked, let leases = state.pointee.leases else {
            return false
        }
        var isTold = false
        for index in 0..<pools[client.pointee.poolIndex].shardCount {
            guard let line = leases[index], line.pointee.isBlocking, line.pointee.serverClientID > 0 else { continue }
            tell(line.pointee.shard, toUnblock: line.pointee.serverClientID, isError: isError)
            isTold = true
        }
        return isTold
    }

    private mutating func tell(_ shard: ShardRef, toUnblock id: Int, isError: Bool) {
        let words = ["CLIENT", "UNBLOCK", String(id), isError ? "ERROR" : "TIMEOUT"]
        tell(shard.pointee.lines[0], RequestBuilder.bytes(words))
    }
}
