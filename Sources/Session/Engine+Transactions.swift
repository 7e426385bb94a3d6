// Engine+Transactions: MULTI, EXEC, DISCARD, WATCH and UNWATCH (see Transaction for how one is sent). Keys that are
// watched bind the client to their shard by a lease: the server watches for a connection, and that one must be the
// client's own. All keys of a transaction, watched ones too, are on one shard unless the pool says `per_shard`. What a
// server would find wrong with a command when it is queued and Keyway cannot (no memory left, say) is found at EXEC,
// which then answers the server's EXECABORT.
// Not here: lending (Engine+Leases), merging the replies of several parts (Engine+Merges).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// - Returns: true when the client is in a transaction and the request was dealt with as a part of it.
    mutating func queueIfInTransaction(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) -> Bool {
        guard let transaction = client.pointee.state?.pointee.transaction else { return false }
        switch row.pointee.id {
        case .multi, .watch:
            transaction.pointee.isAborted = true
            answerNow(client, error: "ERR Command '\(wireName(row))' not allowed inside a transaction")
        case .exec: execute(client, transaction)
        case .discard: discard(client)
        case .quit, .reset:
            endTransaction(of: client)
            return false
        default: queue(client, transaction, request, row)
        }
        return true
    }

    /// A command of a transaction was refused: EXEC will be too.
    mutating func abortTransaction(of client: ClientRef) {
        client.pointee.state?.pointee.transaction?.pointee.isAborted = true
    }

    /// Outside of a transaction.
    mutating func transact(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) {
        switch row.pointee.id {
        case .multi:
            state(of: client).pointee.transaction = transactions.take()
            settleWay(of: client)
            answerNow(client, statics.ok)
        case .exec: answerNow(client, error: "ERR EXEC without MULTI")
        case .discard: answerNow(client, error: "ERR DISCARD without MULTI")
        case .watch: watch(client, request, row)
        case .unwatch: unwatch(client)
        default: preconditionFailure("Engine.transact: \(row.pointee.id) is no command of a transaction")
        }
    }

    // MARK: Queueing

    private mutating func queue(
        _ client: ClientRef, _ transaction: TransactionRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) {
        let pool = poolViews + client.pointee.poolIndex
        if let hot = pool.pointee.hot, transaction.pointee.commandCount == 0 {
            transaction.pointee.heatings = hot.pointee.slots.heatings
        }
        transaction.pointee.hotMark = HotSlotsView.join(transaction.pointee.hotMark, hotMark)
        if let error = tooLong(transaction, adding: request.sizeBytes, pool) {
            return refuseQueueing(client, transaction, error)
        }
        switch place(of: request, row, pool) {
        case .nowhere(let error): return refuseQueueing(client, transaction, error)
        case .anywhere:
            let part = transaction.pointee.partCount > 0 ? transaction.pointee.partCount - 1 : nil
            append(request, to: transaction, part: part ?? transaction.pointee.part(shardIndex: -1))
        case .shard(let index):
            let bound = boundShard(transaction, client)
            guard bound < 0 || bound == index else {
                pool.pointee.counters.add(.crossShardRefused)
                return refuseQueueing(
                    client, transaction,
                    ProxyError.crossShardTransaction(
                        wireName(row),
                        shards: (
                            name(of: pool.pointee.shards + bound).text, name(of: pool.pointee.shards + index).text
                        )))
            }
            let part = part(of: transaction, shardIndex: index)
            append(request, to: transaction, part: part)
        }
        answerNow(client, statics.queued)
    }

    private mutating func refuseQueueing(_ client: ClientRef, _ transaction: TransactionRef, _ error: String) {
        transaction.pointee.isAborted = true
        answerNow(client, error: error)
    }

    private func tooLong(
        _ transaction: TransactionRef, adding sizeBytes: Int, _ pool: UnsafeMutablePointer<PoolView>
    ) -> String? {
        let limit = pool.pointee.queueSizeBytesMax - 1_024
        guard transaction.pointee.sizeBytes + sizeBytes > limit else { return nil }
        return "TOOLONG the commands of this transaction are longer than \(limit) bytes (server_queue_limit of the "
            + "pool, less 1024); nothing was executed; make it shorter"
    }

    private mutating func append(_ request: RequestView, to transaction: TransactionRef, part: Int) {
        transaction.pointee.parts[part].commands.append(request.start, count: request.sizeBytes, pool: &buffers)
        transaction.pointee.noteCommand(part: part, sizeBytes: request.sizeBytes)
    }

    /// The shard that all further keys must be on; -1 for any.
    private func boundShard(_ transaction: TransactionRef, _ client: ClientRef) -> Int {
        let watchedShard = client.pointee.state?.pointee.watchedShard ?? -1
        if watchedShard >= 0 || pools[client.pointee.poolIndex].options.splitsTransactions { return watchedShard }
        return transaction.pointee.partCount > 0 ? transaction.pointee.parts[0].shardIndex : -1
    }

    private func part(of transaction: TransactionRef, shardIndex: Int) -> Int {
        let last = transaction.pointee.partCount - 1
        if last >= 0, transaction.pointee.parts[last].shardIndex < 0 {
            transaction.pointee.parts[last].shardIndex = shardIndex
            return last
        }
        return transaction.pointee.part(shardIndex: shardIndex)
    }

    private mutating func place(
        of request: RequestView, _ row: UnsafePointer<CommandRow>, _ pool: UnsafeMutablePointer<PoolView>
    ) -> RequestPlace {
        switch row.pointee.commandClass {
        case .key: return .shard(shardIndex(of: request[Int(row.pointee.keyFirst)], pool))
        case .split, .compute, .sameShard, .script, .pinned:
            guard row.pointee.id != .monitor else { return .nowhere(ProxyError.notInTransaction(wireName(row))) }
            // What is wrong with its keys its server says at EXEC, as it would have said it then.
            if fault(of: keyFinder.find(row, in: request, into: &keys), row) != nil { return .anywhere }
            return commonShard(of: request, row, pool)
        case .local:
            switch row.pointee.id {
            case .ping, .echo, .time, .lolwut, .commandCount, .command: return .anywhere
            default:
                let isAnyServers = Self.isAnyServers(row.pointee.id) || wireName(row).hasSuffix("|help")
                return isAnyServers ? .anywhere : .nowhere(ProxyError.notInTransaction(wireName(row)))
            }
        case .pubSub:
            switch row.pointee.id {
            case .publish, .spublish, .pubsubHelp: return .anywhere
            default: return .nowhere(ProxyError.notInTransaction(wireName(row)))
            }
        case .broadcast where pool.pointee.shardCount == 1: return .anywhere
        case .broadcast, .iterate, .refuse: return .nowhere(ProxyError.notInTransaction(wireName(row)))
        }
    }

    // MARK: EXEC and DISCARD

    private mutating func execute(_ client: ClientRef, _ transaction: TransactionRef) {
        let sequence = client.pushSlot(pool: &slots)
        defer {
            endTransaction(of: client)
            endWatch(of: client)
        }
        if transaction.pointee.isAborted {
            forgetWatchedKeys(of: client)
            return answer(
                client, sequence, error: "EXECABORT Transaction discarded because of previous errors.")
        }
        if client.pointee.state.unsafelyUnwrapped.pointee.isWatchLost {
            return answer(client, sequence, error: ProxyError.watchLost)
        }
        let pool = poolViews + client.pointee.poolIndex
        let watchedShard = client.pointee.state.unsafelyUnwrapped.pointee.watchedShard
        if transaction.pointee.commandCount == 0 {
            // Nothing to do, but whether watched keys have changed only their server knows.
            guard watchedShard >= 0 else { return answer(client, sequence, bytes: Array("*0\r\n".utf8)) }
            _ = transaction.pointee.part(shardIndex: watchedShard)
        }
        for index in 0..<transaction.pointee.partCount {
            if transaction.pointee.parts[index].shardIndex < 0 {
                transaction.pointee.parts[index].shardIndex = max(0, watchedShard)
            }
            let line = line(of: pool.pointee.shards + transaction.pointee.parts[index].shardIndex, for: client)
            let sizeBytes = transaction.pointee.parts[index].commands.sizeBytes + Self.frameBytes
            guard admits(line, sizeBytes: sizeBytes) else {
                forgetWatchedKeys(of: client)
                return answer(client, sequence, error: refusal(line, sizeBytes: sizeBytes))
            }
        }
        send(transaction, client, sequence, pool)
    }

    private static var opening: StaticString { "*1\r\n$5\r\nMULTI\r\n" }
    private static var closing: StaticString { "*1\r\n$4\r\nEXEC\r\n" }
    private static var frameBytes: Int { opening.utf8CodeUnitCount + closing.utf8CodeUnitCount }

    private mutating func send(
        _ transaction: TransactionRef, _ client: ClientRef, _ sequence: UInt32, _ pool: UnsafeMutablePointer<PoolView>
    ) {
        expectAnswer(for: client)
        pool.pointee.counters.add(.transactions)
        hotMark = transaction.pointee.hotMark
        if let hot = pool.pointee.hot {
            // What was queued was looked at when it came.
            let isOfOldHeat = hot.pointee.slots.heatings != transaction.pointee.heatings
            if isOfOldHeat { hotMark = HotSlotsView.everything }
            if isOfOldHeat || client.pointee.flags.contains(.hotTouched) { touchAll(client) }
        }
        if hotMark != 0 { pool.pointee.slots?.raise(hotMark) }
        guard transaction.pointee.partCount > 1 else {
            return sendBlock(
                transaction.pointee.parts, client,
                ReplyTicket(owner: client, index: sequence, kind: .reply, isWrite: true, hotMark: hotMark), pool)
        }
        let merge = merges.take(client: client, rule: .keyOrder, command: CommandID.exec.rawValue)
        merge.pointee.sequence = sequence
        merge.reserveOwners(transaction.pointee.commandCount)
        merge.pointee.owners.update(from: transaction.pointee.owners, count: transaction.pointee.commandCount)
        pool.pointee.counters.add(.fragments, transaction.pointee.partCount)
        for index in 0..<transaction.pointee.partCount {
            _ = merge.appendPart(shardIndex: transaction.pointee.parts[index].shardIndex)
        }
        for index in 0..<transaction.pointee.partCount {
            sendBlock(
                transaction.pointee.parts + index, client,
                ReplyTicket(
                    owner: merge, index: UInt32(index), kind: .part, isWrite: true, hotMark: hotMark), pool)
        }
    }

    /// MULTI, the commands and EXEC, side by side. All its bytes belong to the entry of EXEC: should the connection be
    /// lost with a part of them written, none of the rest is ever sent.
    private mutating func sendBlock(
        _ part: UnsafeMutablePointer<TransactionPart>, _ client: ClientRef, _ ticket: ReplyTicket,
        _ pool: UnsafeMutablePointer<PoolView>
    ) {
        let line = line(of: pool.pointee.shards + part.pointee.shardIndex, for: client)
        let sizeBytes = part.pointee.commands.sizeBytes + Self.frameBytes
        line.pointee.out.append(
            Self.opening.utf8Start, count: Self.opening.utf8CodeUnitCount, pool: &buffers)
        line.pointee.out.append(contentsOf: &part.pointee.commands)
        line.pointee.out.append(
            Self.closing.utf8Start, count: Self.closing.utf8CodeUnitCount, pool: &buffers)
        let arrivedMs = UInt32(truncatingIfNeeded: nowMs)
        for _ in 0...part.pointee.commandCount {
            line.pointee.inFlight.append(InFlight(ticket: .unheard, arrivedMs: arrivedMs, sizeBytes: 0))
        }
        line.pointee.inFlight.append(
            InFlight(ticket: ticket, arrivedMs: arrivedMs, sizeBytes: UInt32(truncatingIfNeeded: sizeBytes)))
        line.pointee.isWatching = false
        client.pointee.writtenShards |= 1 << UInt64(part.pointee.shardIndex % 64)
        line.pointee.shard.pointee.counters.add(.requests, part.pointee.commandCount + 2)
        line.pointee.shard.pointee.counters.add(.requestBytes, sizeBytes)
        markDirty(line)
    }

    private mutating func discard(_ client: ClientRef) {
        dropTransaction(of: client)
        answerNow(client, statics.ok)
    }

    /// Its EXEC is none.
    mutating func discard(_ client: ClientRef, error: String) {
        dropTransaction(of: client)
        answerNow(client, error: error)
    }

    private mutating func dropTransaction(of client: ClientRef) {
        endTransaction(of: client)
        forgetWatchedKeys(of: client)
        endWatch(of: client)
    }

    /// Drops what is queued, if anything is.
    mutating func endTransaction(of client: ClientRef) {
        guard let state = client.pointee.state, let transaction = state.pointee.transaction else { return }
        transactions.giveBack(transaction, buffers: &buffers)
        state.pointee.transaction = nil
        settleWay(of: client)
        dropStateIfEmpty(client)
    }

    // MARK: WATCH

    private mutating func watch(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) {
        let pool = poolViews + client.pointee.poolIndex
        let index: Int
        switch commonShard(of: request, row, pool) {
        case .shard(let shardIndex): index = shardIndex
        case .anywhere: return answerNow(client, error: ProxyError.wrongArity(wireName(row)))
        case .nowhere(let error): return answerNow(client, error: error)
        }
        let shard = pool.pointee.shards + index
        let watchedShard = client.pointee.state?.pointee.watchedShard ?? -1
        guard watchedShard < 0 || watchedShard == index else {
            pool.pointee.counters.add(.crossShardRefused)
            return answerNow(
                client,
                error: ProxyError.crossShardTransaction(
                    wireName(row), shards: (name(of: pool.pointee.shards + watchedShard).text, name(of: shard).text)))
        }
        if watchedShard < 0, putsOff(client) { return }
        guard !shard.pointee.isDown else {
            return answerNow(client, error: refusal(line(of: shard, for: client), sizeBytes: 0))
        }
        guard let line = lend(shard, to: client) else { return answerNow(client, error: leaseRefusal(shard)) }
        line.pointee.isWatching = true
        client.pointee.state.unsafelyUnwrapped.pointee.watchedShard = index
        forward(client, request, to: shard, isWrite: false, chunk: nil)
    }

    /// Never refused: it is told and not asked.
    private mutating func unwatch(_ client: ClientRef) {
        forgetWatchedKeys(of: client)
        endWatch(of: client)
        answerNow(client, statics.ok)
    }

    /// The server is told to watch no longer; its answer is nobody's.
    mutating func forgetWatchedKeys(of client: ClientRef) {
        guard let state = client.pointee.state, state.pointee.watchedShard >= 0 else { return }
        let pool = poolViews + client.pointee.poolIndex
        forgetWatchedKeys(on: line(of: pool.pointee.shards + state.pointee.watchedShard, for: client))
    }

    mutating func forgetWatchedKeys(on line: LineRef) {
        tell(line, RequestBuilder.bytes(["UNWATCH"]))
        line.pointee.isWatching = false
    }

    /// The server watches nothing for the client any more, or will not as soon as it has read what is on its way.
    mutating func endWatch(of client: ClientRef) {
        guard let state = client.pointee.state else { return }
        state.pointee.isWatchLost = false
        state.pointee.watchedShard = -1
        // A command that blocked may have left one of another shard.
        returnLeases(client)
        dropStateIfEmpty(client)
    }
}
