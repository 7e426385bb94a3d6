// Engine+Routing: from a parsed request to the lines that carry it.
// One key, one shard: the request's bytes are appended as they are. Several keys: one command per shard, keys in the
// client's order, and a merge that waits for the parts. All checks come before the first byte is queued, so a request
// that is refused has been sent to no shard.
// Not here: what the parts become (Engine+Merges), commands answered by Keyway (LocalCommands).

import Hashing
import Platform
import Routing
import Telemetry
import Upstream
import Wire

/// Where a request may be executed.
enum RequestPlace: Equatable {
    case shard(Int)
    /// It names no key.
    case anywhere
    /// The error.
    case nowhere(String)
}

extension Engine {
    // MARK: One shard

    /// Sends a whole request to the shard of one of its arguments.
    @inline(__always)
    mutating func forward(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, keyArgument: Int,
        chunk: ChunkRef?
    ) {
        let pool = poolViews + client.pointee.poolIndex
        if let hot = pool.pointee.hot, meetsCopy(client, request, hot) { return }
        let shard = pool.pointee.shards + shardIndex(of: request[keyArgument], pool)
        if shard.pointee.isGuarded, forwardToStandIn(client, request, row, request[keyArgument], shard) { return }
        if pool.pointee.isWatched, passWatched(client, request, row, key: request[keyArgument], shard, pool) { return }
        let isTaken = forward(
            client, request, to: shard, isWrite: !row.pointee.flags.contains(.readonly), chunk: chunk)
        if isTaken, row.pointee.id.isLookup { shard.pointee.counters.add(.lookups) }
        hotMark = 0
    }

    /// - Returns: true when the request was dealt with.
    @inline(never)
    private mutating func passWatched(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, key: ByteView, _ shard: ShardRef,
        _ pool: UnsafeMutablePointer<PoolView>
    ) -> Bool {
        if pool.pointee.misses != nil, bringsTooLate(client, row, key: key) {
            answerNow(client, error: leaseLost(client))
            return true
        }
        if isTakenAside(client, request, row, key: key, shard, pool) {
            joinsNothingOlder(client)
            hotMark = forgetSample(pool.pointee.hot)
            return true
        }
        if pool.pointee.coalesces, shareRead(client, request, row, shard) {
            hotMark = 0
            return true
        }
        let spread = spreadLife(request, row, pool)
        if let misses = pool.pointee.misses, isWrite(row) {
            noteLife(request, row, key: key, span: spread?.span, misses)
            hotMark = HotSlotsView.join(hotMark, endKeptValue(of: key, misses))
        }
        guard let (index, span) = spread else { return false }
        forward(client, request, to: shard, withArgument: index, String(span))
        hotMark = 0
        return true
    }

    /// Where the request says how long its key lives, and what it is to say instead.
    private mutating func spreadLife(
        _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ pool: UnsafeMutablePointer<PoolView>
    ) -> (index: Int, span: Int)? {
        guard pool.pointee.jitterPercent > 0, let index = ExpiryArgument.index(of: row, request) else { return nil }
        let span = ExpiryArgument.spread(
            request[index], percent: pool.pointee.jitterPercent, random: nextRandom())
        return span.map { (index, $0) }
    }

    /// A copy answers it, or it waits for a missing key.
    @inline(__always)
    private mutating func isTakenAside(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, key: ByteView, _ shard: ShardRef,
        _ pool: UnsafeMutablePointer<PoolView>
    ) -> Bool {
        if let hot = pool.pointee.hot, passHot(client, request, row, key: key, shard, hot) { return true }
        return pool.pointee.misses != nil && row.pointee.id == .get && guardRead(client, request, key, shard)
    }

    /// The same request with another argument.
    private mutating func forward(
        _ client: ClientRef, _ request: RequestView, to shard: ShardRef, withArgument index: Int, _ text: String
    ) {
        let words = (0..<request.argumentCount).map { $0 == index ? Array(text.utf8) : Array(request[$0].buffer) }
        let bytes = RequestBuilder.bytes(words)
        bytes.withUnsafeBufferPointer { bytes in
            let changed = RequestView(
                start: bytes.baseAddress!, sizeBytes: bytes.count, arguments: request.arguments,
                argumentCount: request.argumentCount)
            forward(client, changed, to: shard, isWrite: true, chunk: nil)
        }
    }

    /// - Returns: false when the request was refused, and its client told.
    @inline(__always) @discardableResult
    mutating func forward(
        _ client: ClientRef, _ request: RequestView, to shard: ShardRef, isWrite: Bool, isScript: Bool = false,
        chunk: ChunkRef?
    ) -> Bool {
        if isWrite { client.pointee.writtenShards |= 1 &<< UInt64(truncatingIfNeeded: shard.pointee.index) }
        return forward(
            client, request, over: line(of: shard, for: client), isWrite: isWrite, isScript: isScript, chunk: chunk)
    }

    /// - Returns: false when the request was refused, and its client told.
    @inline(__always) @discardableResult
    mutating func forward(
        _ client: ClientRef, _ request: RequestView, over line: LineRef, isWrite: Bool, isScript: Bool,
        chunk: ChunkRef?
    ) -> Bool {
        let sequence = client.pushSlot(pool: &slots)
        guard admits(line, sizeBytes: request.sizeBytes) else {
            answer(client, sequence, error: refusal(line, sizeBytes: request.sizeBytes))
            return false
        }
        expectAnswer(for: client)
        let ticket = ReplyTicket(
            owner: client, index: sequence, kind: .reply, isWrite: isWrite,
            traits: ReplyTicket.Traits(isWrite: isWrite, isScript: isScript), hotMark: hotMark)
        if let chunk, request.sizeBytes >= Self.sharedPieceBytesMin(of: chunk) {
            chunk.retain()
            line.submit(
                taking: chunk, offset: request.start - UnsafePointer(chunk.data), count: request.sizeBytes,
                ticket: ticket, nowMs: nowMs, pool: &buffers)
        } else {
            line.submit(request.start, count: request.sizeBytes, ticket: ticket, nowMs: nowMs, pool: &buffers)
        }
        line.pointee.shard.pointee.counters.add(.requests)
        line.pointee.shard.pointee.counters.add(.requestBytes, request.sizeBytes)
        markDirty(line)
        return true
    }

    /// From here on a request is passed on by reference and not copied; it pins no more than eight times its size.
    private static func sharedPieceBytesMin(of chunk: ChunkRef) -> Int { max(8_192, chunk.pointee.capacityBytes / 8) }

    /// A client keeps to one of the shard's lines, and to a leased one while it has it: two would not keep the order of
    /// its commands.
    @inline(__always)
    func line(of shard: ShardRef, for client: ClientRef) -> LineRef {
        if let state = client.pointee.state, let line = lease(state, shard) { return line }
        let count = shard.pointee.lineCount
        return shard.pointee.lines[Int(client.pointee.lineBase) &+ (count == 1 ? 0 : client.pointee.id % count)]
    }

    /// - Returns: false when the shard's breaker is open or its queue is full.
    @inline(__always)
    mutating func admits(_ line: LineRef, sizeBytes: Int) -> Bool {
        let shard = line.pointee.shard
        if shard.pointee.isGuarded, !breakerAdmits(shard) { return false }
        if hasRoom(line, sizeBytes: sizeBytes) { return true }
        return (poolViews + shard.pointee.poolIndex).pointee.shedsOldest && shedOldest(of: line, sizeBytes: sizeBytes)
    }

    /// As `admits`, where nobody may be answered on the way: those that wait are not given up for it.
    @inline(__always)
    func admitsBehindOthers(_ line: LineRef, sizeBytes: Int) -> Bool {
        let shard = line.pointee.shard
        return (!shard.pointee.isGuarded || breakerAdmits(shard)) && hasRoom(line, sizeBytes: sizeBytes)
    }

    @inline(__always)
    private func hasRoom(_ line: LineRef, sizeBytes: Int) -> Bool {
        let pool = poolViews + line.pointee.shard.pointee.poolIndex
        return line.pointee.out.sizeBytes &+ sizeBytes <= pool.pointee.queueSizeBytesMax
            && line.pointee.inFlight.count < line.pointee.inFlightMax
    }

    /// Why `admits` said no.
    @inline(never)
    func refusal(_ line: LineRef, sizeBytes: Int) -> String {
        let shard = line.pointee.shard
        let names = shard.pointee.names.takeUnretainedValue()
        let pool = poolViews + shard.pointee.poolIndex
        pool.pointee.counters.add(.forwardError)
        if shard.pointee.isGuarded {
            shard.pointee.counters.add(.refused)
            return refusalText(shard)
        }
        shard.pointee.counters.add(.overloaded)
        if line.pointee.inFlight.count >= line.pointee.inFlightMax {
            let isLower = line.pointee.inFlightMax < pool.pointee.inFlightMax
            return ProxyError.overloaded(
                names, what: "\(line.pointee.inFlight.count) requests", limit: line.pointee.inFlightMax,
                key: isLower ? "server_in_flight: adaptive" : "server_in_flight_max")
        }
        return ProxyError.overloaded(
            names, what: "\(line.pointee.out.sizeBytes) bytes", limit: pool.pointee.queueSizeBytesMax,
            key: "server_queue_limit")
    }

    // MARK: By class

    /// Every command but the plain single-key ones.
    mutating func route(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        switch row.pointee.commandClass {
        case .key: forward(client, request, row, keyArgument: Int(row.pointee.keyFirst), chunk: chunk)
        case .split: split(client, request, row, chunk: chunk)
        case .compute: compute(client, request, row, chunk: chunk)
        case .iterate where row.pointee.id == .scan: scan(client, request, row)
        case .script: runScript(client, request, row, chunk: chunk)
        case .sameShard: forwardToOneShard(client, request, row, chunk: chunk)
        case .broadcast: broadcast(client, request, row)
        case .local: answerLocally(client, request, row)
        case .pinned: pin(client, request, row, chunk: chunk)
        case .pubSub: publishOrSubscribe(client, request, row, chunk: chunk)
        case .iterate: answerNow(client, error: ProxyError.noCluster)
        case .refuse:
            answerNow(
                client,
                error: ProxyError.notSupported(
                    wireName(row), why: "it acts on one server and not on keys; connect to that server directly"))
        }
    }

    /// Keys on one shard: forwarded as it is. On several: refused, with the keys named.
    mutating func forwardToOneShard(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let search = keyFinder.find(row, in: request, into: &keys)
        if fault(of: search, row) != nil {
            // Its server says what is wrong, in its own words and order.
            let index = keys.count > 0 ? shardIndex(of: request[keys[0]], pool) : 0
            forward(client, request, to: pool.pointee.shards + index, isWrite: isWrite(row), chunk: chunk)
            return
        }
        switch commonShard(of: search, request, row, pool) {
        case .shard(let index):
            forward(
                client, request, to: pool.pointee.shards + index, isWrite: isWrite(row),
                isScript: row.pointee.commandClass == .script, chunk: chunk)
        case .anywhere:
            // A script without keys may run anywhere; one place for all keeps what it leaves behind findable.
            forward(
                client, request, to: pool.pointee.shards, isWrite: isWrite(row),
                isScript: row.pointee.commandClass == .script, chunk: chunk)
        case .nowhere(let error): answerNow(client, error: error)
        }
    }

    /// The one shard of all keys of a request.
    mutating func commonShard(
        of request: RequestView, _ row: UnsafePointer<CommandRow>, _ pool: UnsafeMutablePointer<PoolView>
    ) -> RequestPlace {
        let search = keyFinder.find(row, in: request, into: &keys)
        if let error = fault(of: search, row) { return .nowhere(error) }
        return commonShard(of: search, request, row, pool)
    }

    /// The same after the search for keys, which found no fault.
    private mutating func commonShard(
        of search: KeySearch, _ request: RequestView, _ row: UnsafePointer<CommandRow>,
        _ pool: UnsafeMutablePointer<PoolView>
    ) -> RequestPlace {
        guard keys.count > 0 else { return .anywhere }
        let first = shardIndex(of: request[keys[0]], pool)
        if search == .unknowable, pool.pointee.shardCount > 1, !patternsStay(on: first, request, pool) {
            pool.pointee.counters.add(.crossShardRefused)
            return .nowhere(ProxyError.keysUnknowable(wireName(row)))
        }
        for position in 1..<max(1, keys.count) {
            let other = shardIndex(of: request[keys[position]], pool)
            if other != first {
                pool.pointee.counters.add(.crossShardRefused)
                return .nowhere(
                    ProxyError.crossShard(
                        wireName(row), keys: (Self.text(request[keys[0]]), Self.text(request[keys[position]])),
                        shards: (name(of: pool.pointee.shards + first).text, name(of: pool.pointee.shards + other).text)
                    ))
            }
        }
        return .shard(first)
    }

    /// Nil, and no name is made, where nothing is wrong.
    func fault(of search: KeySearch, _ row: UnsafePointer<CommandRow>) -> String? {
        switch search {
        case .found, .noKeys, .unknowable: nil
        default: search.errorText(wireName: wireName(row))
        }
    }

    /// Made anew each time, for messages only.
    func wireName(_ row: UnsafePointer<CommandRow>) -> String { commandTable.wireName(of: row.pointee.id) }

    func isWrite(_ row: UnsafePointer<CommandRow>) -> Bool { !row.pointee.flags.contains(.readonly) }

    func name(of shard: ShardRef) -> ShardName { shard.pointee.names.takeUnretainedValue() }

    /// Where a key lives. The distribution `random` draws anew for each key.
    @inline(__always)
    mutating func shardIndex(of key: ByteView, _ pool: UnsafeMutablePointer<PoolView>) -> Int {
        pool.pointee.placement.serverIndex(key: key.start, count: key.count, random: nextRandom())
    }

    /// SORT's BY and GET: every key that a pattern can mean is on this shard when a hash tag before the star says so.
    private mutating func patternsStay(
        on shardIndex: Int, _ request: RequestView, _ pool: UnsafeMutablePointer<PoolView>
    ) -> Bool {
        for index in 2..<(request.argumentCount - 1) {
            let word = Self.text(request[index], limit: 3).uppercased()
            let pattern = request[index + 1]
            guard word == "BY" || word == "GET", pattern.buffer.contains(UInt8(ascii: "*")) else { continue }
            guard let tag = pool.pointee.placement.tag(of: pattern.start, count: pattern.count),
                !tag.contains(UInt8(ascii: "*")), self.shardIndex(of: pattern, pool) == shardIndex
            else { return false }
        }
        return true
    }

    // MARK: Split

    /// Keys `first`, `first + step`, ... each with `step - 1` arguments that belong to it; the rest goes to every
    /// shard.
    private struct SplitShape {
        var keyFirst: Int
        var step: Int
        var keyCount: Int
        /// Arguments behind the last key's, for every part: MSETEX's expiry.
        var tailCount: Int
        /// Writes the number of keys before them: MSETEX.
        var hasKeyCount: Bool
    }

    private mutating func split(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        guard let shape = splitShape(client, request, row) else { return }
        let pool = poolViews + client.pointee.poolIndex
        let merge = merges.take(client: client, rule: Self.splitRule(row), command: row.pointee.id.rawValue)
        merge.reserveOwners(shape.keyCount)
        assignOwners(merge, request, shape, pool)
        if merge.pointee.partCount == 1 {
            let shard = pool.pointee.shards + merge.pointee.parts[0].shardIndex
            if partLine(shard, client).pointee.shard == shard {
                merges.giveBack(merge)
                let isTaken = forward(client, request, to: shard, isWrite: isWrite(row), chunk: chunk)
                if isTaken, row.pointee.id == .mget { shard.pointee.counters.add(.lookups, shape.keyCount) }
                return
            }
        }
        merge.pointee.sequence = client.pushSlot(pool: &slots)
        if let error = refusal(of: merge, request, row, shape, pool, client) {
            merges.giveBack(merge)
            return answer(client, merge.pointee.sequence, error: error)
        }
        pool.pointee.counters.add(.fragments, merge.pointee.partCount)
        sendParts(merge, request, row, shape, pool)
    }

    private static func splitRule(_ row: UnsafePointer<CommandRow>) -> MergeRule {
        switch row.pointee.id {
        case .mget: .keyOrder
        case .mset, .msetex: .allSucceeded
        default: .sum
        }
    }

    /// Nil: the request has the wrong form and was answered.
    private mutating func splitShape(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) -> SplitShape? {
        switch row.pointee.id {
        case .mset:
            guard request.argumentCount % 2 == 1 else {
                answerNow(client, error: ProxyError.wrongArity(wireName(row)))
                return nil
            }
            return SplitShape(
                keyFirst: 1, step: 2, keyCount: request.argumentCount / 2, tailCount: 0, hasKeyCount: false)
        case .msetex:
            let search = keyFinder.find(row, in: request, into: &keys)
            if fault(of: search, row) != nil {
                forwardToOneShard(client, request, row, chunk: nil)
                return nil
            }
            return SplitShape(
                keyFirst: 2, step: 2, keyCount: keys.count,
                tailCount: request.argumentCount - 2 - keys.count * 2, hasKeyCount: true)
        default:
            return SplitShape(
                keyFirst: 1, step: 1, keyCount: request.argumentCount - 1, tailCount: 0, hasKeyCount: false)
        }
    }

    private mutating func assignOwners(
        _ merge: MergeRef, _ request: RequestView, _ shape: SplitShape, _ pool: UnsafeMutablePointer<PoolView>
    ) {
        var lastShard = -1
        var lastPart = 0
        for position in 0..<shape.keyCount {
            let shard = shardIndex(of: request[shape.keyFirst &+ position &* shape.step], pool)
            if shard != lastShard {
                lastShard = shard
                lastPart = part(of: merge, shardIndex: shard)
            }
            merge.pointee.owners[position] = UInt16(truncatingIfNeeded: lastPart)
            merge.pointee.parts[lastPart].sizeBytes &+= 1  // Counts keys until the part is sent.
        }
    }

    private func part(of merge: MergeRef, shardIndex: Int) -> Int {
        for index in 0..<merge.pointee.partCount where merge.pointee.parts[index].shardIndex == shardIndex {
            return index
        }
        return merge.appendPart(shardIndex: shardIndex)
    }

    /// Why no part may be sent; nil when all may.
    private mutating func refusal(
        of merge: MergeRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ shape: SplitShape,
        _ pool: UnsafeMutablePointer<PoolView>, _ client: ClientRef
    ) -> String? {
        if shape.hasKeyCount, isConditional(request, shape) {
            pool.pointee.counters.add(.crossShardRefused)
            let other = (0..<shape.keyCount).first { merge.pointee.owners[$0] != merge.pointee.owners[0] }!
            let names = [0, other].map { position in
                name(of: pool.pointee.shards + merge.pointee.parts[Int(merge.pointee.owners[position])].shardIndex).text
            }
            return ProxyError.crossShardCondition(
                wireName(row),
                keys: (
                    Self.text(request[shape.keyFirst]), Self.text(request[shape.keyFirst + other * shape.step])
                ), shards: (names[0], names[1]))
        }
        for index in 0..<merge.pointee.partCount {
            let line = partLine(pool.pointee.shards + merge.pointee.parts[index].shardIndex, client)
            // No part is longer than the whole request.
            if !admits(line, sizeBytes: request.sizeBytes) { return refusal(line, sizeBytes: request.sizeBytes) }
        }
        return nil
    }

    private func isConditional(_ request: RequestView, _ shape: SplitShape) -> Bool {
        for index in (request.argumentCount - shape.tailCount)..<request.argumentCount {
            let word = Self.text(request[index], limit: 3).uppercased()
            if word == "NX" || word == "XX" { return true }
        }
        return false
    }

    private mutating func sendParts(
        _ merge: MergeRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ shape: SplitShape,
        _ pool: UnsafeMutablePointer<PoolView>
    ) {
        let client = merge.pointee.client
        expectAnswer(for: client)
        for index in 0..<merge.pointee.partCount
        where (pool.pointee.shards + merge.pointee.parts[index].shardIndex).pointee.isGuarded {
            return sendPartsInTurn(merge, request, row, shape, pool)
        }
        for index in 0..<merge.pointee.partCount {
            let line = line(of: pool.pointee.shards + merge.pointee.parts[index].shardIndex, for: client)
            appendOpening(merge.pointee.parts + index, request, row, shape, to: line)
        }
        for position in 0..<shape.keyCount {
            let part = merge.pointee.parts + Int(merge.pointee.owners[position])
            let line = line(of: pool.pointee.shards + part.pointee.shardIndex, for: client)
            appendArguments(request, shape.keyFirst &+ position &* shape.step, count: shape.step, to: line)
        }
        for index in 0..<merge.pointee.partCount {
            let line = line(of: pool.pointee.shards + merge.pointee.parts[index].shardIndex, for: client)
            closePart(merge, index, request, row, shape, line)
        }
    }

    /// The name of the command, and how many arguments follow.
    private mutating func appendOpening(
        _ part: UnsafeMutablePointer<MergePart>, _ request: RequestView, _ row: UnsafePointer<CommandRow>,
        _ shape: SplitShape, to line: LineRef
    ) {
        let keyCount = part.pointee.sizeBytes
        part.pointee.offset = line.pointee.out.sizeBytes
        if row.pointee.id == .mget { line.pointee.shard.pointee.counters.add(.lookups, keyCount) }
        let argumentCount = 1 + keyCount * shape.step + shape.tailCount + (shape.hasKeyCount ? 1 : 0)
        appendHeader(0x2A, argumentCount, to: line)
        appendHeader(0x24, request[0].count, to: line)
        line.pointee.out.append(request[0].start, count: request[0].count + 2, pool: &buffers)
        if shape.hasKeyCount { appendNumber(keyCount, to: line) }
    }

    /// What follows the keys, and the part is on its way.
    private mutating func closePart(
        _ merge: MergeRef, _ index: Int, _ request: RequestView, _ row: UnsafePointer<CommandRow>,
        _ shape: SplitShape, _ line: LineRef
    ) {
        if shape.tailCount > 0 {
            appendArguments(request, request.argumentCount - shape.tailCount, count: shape.tailCount, to: line)
        }
        let sizeBytes = line.pointee.out.sizeBytes - merge.pointee.parts[index].offset
        submitPart(merge, index, line, sizeBytes: sizeBytes, isWrite: isWrite(row))
    }

    /// The same where a shard is not well: two parts may have one stand-in, so they go one after the other.
    private mutating func sendPartsInTurn(
        _ merge: MergeRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ shape: SplitShape,
        _ pool: UnsafeMutablePointer<PoolView>
    ) {
        let client = merge.pointee.client
        for index in 0..<merge.pointee.partCount {
            let shard = pool.pointee.shards + merge.pointee.parts[index].shardIndex
            let line = partLine(shard, client)
            appendOpening(merge.pointee.parts + index, request, row, shape, to: line)
            let positions = (0..<shape.keyCount).filter { Int(merge.pointee.owners[$0]) == index }
            for position in positions {
                appendArguments(request, shape.keyFirst + position * shape.step, count: shape.step, to: line)
            }
            closePart(merge, index, request, row, shape, line)
            guard line.pointee.shard != shard, isWrite(row) else { continue }
            for position in positions {
                limitLife(of: request[shape.keyFirst + position * shape.step], on: line, shard)
            }
        }
    }

    /// Of the shard, or of what stands in for it.
    private mutating func partLine(_ shard: ShardRef, _ client: ClientRef) -> LineRef {
        if shard.pointee.isGuarded, client.pointee.state == nil, let line = standIn(for: shard, client) { return line }
        return line(of: shard, for: client)
    }

    /// The bytes of part `index` are at the end of the line's queue.
    mutating func submitPart(
        _ merge: MergeRef, _ index: Int, _ line: LineRef, sizeBytes: Int, isWrite: Bool, isScript: Bool = false
    ) {
        line.pointee.inFlight.append(
            InFlight(
                ticket: ReplyTicket(
                    owner: merge, index: UInt32(index), kind: .part, isWrite: isWrite,
                    traits: ReplyTicket.Traits(isWrite: isWrite, isScript: isScript), hotMark: hotMark),
                arrivedMs: UInt32(truncatingIfNeeded: nowMs), sizeBytes: UInt32(truncatingIfNeeded: sizeBytes)))
        merge.pointee.parts[index].offset = 0
        merge.pointee.parts[index].sizeBytes = 0
        let shard = line.pointee.shard
        if isWrite {
            merge.pointee.client.pointee.writtenShards |= 1 &<< UInt64(truncatingIfNeeded: shard.pointee.index)
        }
        shard.pointee.counters.add(.requests)
        shard.pointee.counters.add(.requestBytes, sizeBytes)
        markDirty(line)
    }

    /// Arguments `first` and on, with their headers, as they came.
    @inline(__always)
    private mutating func appendArguments(_ request: RequestView, _ first: Int, count: Int, to line: LineRef) {
        let before = request.arguments[first &- 1]
        let last = request.arguments[first &+ count &- 1]
        let start = Int(before.offset) &+ Int(before.sizeBytes) &+ 2
        let end = Int(last.offset) &+ Int(last.sizeBytes) &+ 2
        line.pointee.out.append(request.start + start, count: end &- start, pool: &buffers)
    }

    private mutating func appendHeader(_ type: UInt8, _ number: Int, to line: LineRef) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { header in
            let start = header.baseAddress!
            let count = ReplyMerge.writeHeader(type, number, into: start)
            line.pointee.out.append(UnsafePointer(start), count: count, pool: &buffers)
        }
    }

    private mutating func appendNumber(_ number: Int, to line: LineRef) {
        let digits = Array(String(number).utf8)
        appendHeader(0x24, digits.count, to: line)
        line.pointee.out.append(digits + [13, 10], count: digits.count + 2, pool: &buffers)
    }

    // MARK: Broadcast

    private mutating func broadcast(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) {
        if row.pointee.id == .randomkey { return randomKey(client, row) }
        if row.pointee.id == .configSet || row.pointee.id == .configResetstat,
            !pools[client.pointee.poolIndex].options.allowsOperatorCommands
        {
            return answerNow(client, error: ProxyError.operatorsOnly(wireName(row)))
        }
        guard let rule = Self.broadcastRule(row) else {
            if gatherFromAll(client, request, row) { return }
            return answerNow(
                client,
                error: ProxyError.notSupported(
                    wireName(row), why: "its replies are about one server; connect to it directly"))
        }
        noteScriptCommand(request, row.pointee.id)
        let pool = poolViews + client.pointee.poolIndex
        fanOut(client, request, row, rule: rule, to: Array(0..<pool.pointee.shardCount))
    }

    /// The request as it is to each of these shards.
    mutating func fanOut(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, rule: MergeRule,
        to targets: [Int]
    ) {
        let pool = poolViews + client.pointee.poolIndex
        let sequence = client.pushSlot(pool: &slots)
        // INFO tells about shards that are down too, and what ends a script must reach the shard that the script holds
        // up, past all that waits behind it; the others promise to reach every shard.
        let isUrgent = row.pointee.id == .scriptKill || row.pointee.id == .functionKill
        if rule != .info, !isUrgent {
            for index in targets {
                let line = line(of: pool.pointee.shards + index, for: client)
                if !admits(line, sizeBytes: request.sizeBytes) {
                    return answer(client, sequence, error: refusal(line, sizeBytes: request.sizeBytes))
                }
            }
        }
        let merge = merges.take(client: client, rule: rule, command: row.pointee.id.rawValue)
        merge.pointee.sequence = sequence
        expectAnswer(for: client)
        merge.pointee.partsLeft = 1  // Held until every part is on its way.
        for index in targets {
            let part = merge.appendPart(shardIndex: index)
            let shard = pool.pointee.shards + index
            let line = isUrgent ? urgentLine(shard, dialect: dialect(of: client)) : line(of: shard, for: client)
            guard isUrgent || admits(line, sizeBytes: request.sizeBytes) else {
                merge.pointee.partsLeft -= 1
                continue
            }
            line.pointee.out.append(request.start, count: request.sizeBytes, pool: &buffers)
            submitPart(merge, part, line, sizeBytes: request.sizeBytes, isWrite: isWrite(row))
        }
        merge.pointee.partsLeft -= 1
        if merge.pointee.partsLeft == 0 { finish(merge) }
    }

    /// Nil: not one of those whose replies merge.
    private static func broadcastRule(_ row: UnsafePointer<CommandRow>) -> MergeRule? {
        switch row.pointee.id {
        case .learned: LearnedCommands.mergeRule(row.pointee.responsePolicy)
        case .dbsize: .sum
        case .flushall, .flushdb, .scriptFlush, .scriptLoad, .functionDelete, .functionFlush, .functionLoad,
            .functionRestore:
            .allSucceeded
        case .keys: .concatenate
        case .scriptExists: .logicalAnd
        case .scriptKill, .functionKill: .oneSucceeded
        case .info: .info
        default: nil
        }
    }
}
