// Engine+Generations: how copies of a hot key come to several servers, and how they go.
//
//     the key's shard, on its cover line:   CLIENT CACHING YES | DUMP | PTTL      tracked from here on
//     each shard that gets a copy:          RESTORE name life value               then reads begin
//     each of them, in the end:             UNLINK name
//
// Every worker has generations of its own, so none waits for another; what ends them is common (HotSlots). A change
// lets the next one wait, longer each time when the last one was read too seldom: a key that is written all the time
// gets none.
// Rules: nothing begins while the key's slot has just changed; whatever goes wrong ends the generation, and its reads
// go the common way. Where a server does not take another's values, the pool keeps copies in memory from then on.
// Not here: reads (Engine+SpreadReads), the lines that tell of changes (Engine+Cover).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    // MARK: Making

    /// Steps by the index of their ticket; from the last one on, RESTORE of each copy.
    private enum Step {
        static let value: UInt32 = 0
        static let life: UInt32 = 1
        static let restore: UInt32 = 2
    }

    /// Who looks through all clients for the sake of one key does not do so all the time.
    private static var generationEveryMs: UInt64 { 10 }

    /// A key without copies was read; perhaps it gets some.
    mutating func considerGeneration(_ key: CopiedKeyRef, _ hot: HotPoolRef) {
        let version = hot.pointee.slots.version(key.pointee.slot)
        if key.pointee.seenVersion != version {
            key.pointee.seenVersion = version
            key.pointee.restsUntilMs = max(key.pointee.restsUntilMs, nowMs + key.pointee.restMs)
        }
        let cover = hot.pointee.covers + key.pointee.shardIndex
        guard nowMs >= key.pointee.restsUntilMs, nowMs >= hot.pointee.nextGenerationMs, !key.pointee.isUncopyable,
            !hot.pointee.slots.isClosed,
            nowMs < cover.pointee.untilMs, let line = cover.pointee.line, line.isReady,
            admitsBehindOthers(line, sizeBytes: key.pointee.nameBytes)
        else { return }
        hot.pointee.nextGenerationMs = nowMs + Self.generationEveryMs
        // What they have asked for already may bring newer values than these copies.
        for client in clients where client.pointee.poolIndex == hot.pointee.poolIndex {
            if client.pointee.inFlightCount > 0 { touchAll(client) }
        }
        beginGeneration(key, version, line, hot)
    }

    private mutating func beginGeneration(
        _ key: CopiedKeyRef, _ version: UInt64, _ line: LineRef, _ hot: HotPoolRef
    ) {
        hot.pointee.generationNumber += 1
        let name = ReservedKeys.name(
            of: key.pointee.view, process: shared.hotKeys.processNumber, workerIndex: workerIndex,
            number: hot.pointee.generationNumber)
        let argument = Array("$\(name.count)\r\n".utf8) + name + [13, 10]
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: argument.count)
        bytes.update(from: argument, count: argument.count)
        let generation = GenerationRef.allocate(capacity: 1)
        generation.initialize(
            to: Generation(
                key: key, poolIndex: hot.pointee.poolIndex, home: line.pointee.shard, version: version,
                sentAtMs: nowMs, name: bytes, nameBytes: argument.count))
        key.pointee.generation = generation
        submit(line, Self.caching.utf8Start, count: Self.caching.utf8CodeUnitCount, .unheard)
        for (step, command) in [(Step.value, "DUMP"), (Step.life, "PTTL")] {
            let request = RequestBuilder.bytes([Array(command.utf8), Array(key.pointee.view.buffer)])
            generation.pointee.repliesLeft += 1
            submit(line, request, count: request.count, Self.ticket(generation, step))
        }
        line.pointee.shard.pointee.counters.add(.requests, 2)
        markDirty(line)
    }

    private static func ticket(_ generation: GenerationRef, _ step: UInt32) -> ReplyTicket {
        ReplyTicket(owner: generation, index: step, kind: .making, isWrite: step >= Step.restore)
    }

    mutating func makingAnswered(_ ticket: ReplyTicket, _ reply: ByteView) {
        let generation = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Generation.self)
        switch ticket.index {
        case Step.value: valueHasCome(generation, reply)
        case Step.life: lifeHasCome(generation, reply)
        default: copyHasCome(generation, Int(ticket.index - Step.restore), reply)
        }
        stepIsOver(generation)
    }

    /// No reply will come.
    mutating func makingFailed(_ ticket: ReplyTicket) {
        let generation = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Generation.self)
        end(generation, .hasChanged)
        stepIsOver(generation)
    }

    private mutating func stepIsOver(_ generation: GenerationRef) {
        generation.pointee.repliesLeft -= 1
        freeIfUnused(generation)
    }

    func isTooLongToSpread(_ line: LineRef, sizeBytes: Int) -> Bool {
        guard let hot = (poolViews + line.pointee.shard.pointee.poolIndex).pointee.hot else { return false }
        return sizeBytes > hot.pointee.replyBytesMax
    }

    /// The rest of the value is swallowed.
    mutating func refuseLongValueOfKey(_ line: LineRef) {
        let ticket = line.pointee.inFlight.first.ticket
        line.pointee.inFlight.buryFirst()
        let generation = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Generation.self)
        generation.pointee.key?.pointee.isUncopyable = true
        makingFailed(ticket)
    }

    /// The types of DUMP from here on are hashes whose fields end by themselves, each server by its own clock.
    private static var endingFieldsTypeMin: UInt8 { 22 }

    private mutating func valueHasCome(_ generation: GenerationRef, _ reply: ByteView) {
        guard generation.pointee.state == .making, let key = generation.pointee.key else { return }
        if ReplyMerge.isError(reply) { return refuseValues(generation, at: generation.pointee.home, reply) }
        guard reply[0] == UInt8(ascii: "$"), reply[1] != UInt8(ascii: "-") else {
            return end(generation, .keyIsMissing)
        }
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        let type = reply.buffer.drop { $0 != 10 }.dropFirst().first ?? .max
        guard reply.count <= hot.pointee.replyBytesMax, type < Self.endingFieldsTypeMin else {
            key.pointee.isUncopyable = true
            return end(generation, .hasChanged)
        }
        let chunk = buffers.chunks.take(atLeast: reply.count)
        memcpy(chunk.data, reply.start, reply.count)
        chunk.pointee.fillBytes = reply.count
        generation.pointee.value = chunk
    }

    /// How long the key lives on: copies are read no longer than that.
    private mutating func lifeHasCome(_ generation: GenerationRef, _ reply: ByteView) {
        guard generation.pointee.state == .making else { return }
        guard let leftMs = ReplyMerge.integer(reply), leftMs != -2, let value = generation.pointee.value else {
            return end(generation, .hasChanged)
        }
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        let lifeMs = leftMs < 0 ? hot.pointee.lifeMsMax : min(UInt64(leftMs), hot.pointee.lifeMsMax)
        generation.pointee.untilMs = generation.pointee.sentAtMs + lifeMs
        if let key = generation.pointee.key {
            noteLife(
                of: key, leftMs: leftMs, askedAtMs: generation.pointee.sentAtMs,
                poolIndex: generation.pointee.poolIndex)
        }
        guard leftMs < 0 || lifeMs >= Generation.lifeMsMin, generation.pointee.untilMs > nowMs else {
            return end(generation, .hasChanged)
        }
        spread(generation, value, hot)
    }

    // MARK: Spreading

    private mutating func spread(_ generation: GenerationRef, _ value: ChunkRef, _ hot: HotPoolRef) {
        let targets = targets(of: generation, sizeBytes: value.pointee.fillBytes, hot)
        let sizeBytes = targets.count * value.pointee.fillBytes
        guard targets.count > 1, hot.pointee.spreadBytes + sizeBytes <= hot.pointee.sizeBytesMax else {
            return end(generation, .hasChanged)
        }
        generation.pointee.state = .spreading
        generation.pointee.sizeBytes = sizeBytes
        hot.pointee.spreadBytes += sizeBytes
        let copies = UnsafeMutablePointer<SpreadCopy>.allocate(capacity: targets.count)
        for (index, shard) in targets.enumerated() { (copies + index).initialize(to: SpreadCopy(shard: shard)) }
        generation.pointee.copies = copies
        generation.pointee.copyCount = targets.count
        let timeoutMs = (poolViews + generation.pointee.poolIndex).pointee.timeouts.readMs
        let wayMs = Generation.spareMs + (timeoutMs > 0 ? timeoutMs : hot.pointee.lifeMsMax)
        let lifeMs = generation.pointee.untilMs - nowMs + wayMs
        for index in 0..<targets.count { restore(generation, index, value, lifeMs: lifeMs) }
        buffers.chunks.release(value)
        generation.pointee.value = nil
    }

    /// The key's own shard first, then others that are well, beginning at one that the key's hash says: hot keys of one
    /// shard do not all lean on the next one.
    private mutating func targets(of generation: GenerationRef, sizeBytes: Int, _ hot: HotPoolRef) -> [ShardRef] {
        let shards = (poolViews + generation.pointee.poolIndex).pointee.shards
        let home = generation.pointee.home.pointee.index
        let others = (0..<hot.pointee.shardCount).filter { $0 != home }
        let hash = generation.pointee.key.map { $0.pointee.hash } ?? 0
        let first = others.isEmpty ? 0 : Int(hash % UInt64(others.count))
        let ring = [home] + others[first...] + others[..<first]
        var targets: [ShardRef] = []
        for index in ring where targets.count < hot.pointee.spreadCount {
            let shard = shards + index
            if isWell(shard), admitsBehindOthers(shard.pointee.lines[0], sizeBytes: sizeBytes) { targets.append(shard) }
        }
        return targets
    }

    /// Nothing speaks against asking it.
    @inline(__always)
    func isWell(_ shard: ShardRef) -> Bool { !shard.pointee.isGuarded && shard.pointee.failingSinceMs == 0 }

    private mutating func restore(_ generation: GenerationRef, _ index: Int, _ value: ChunkRef, lifeMs: UInt64) {
        let line = generation.pointee.copies.unsafelyUnwrapped[index].shard.pointee.lines[0]
        let life = String(lifeMs)
        let before = line.pointee.out.sizeBytes
        let head = Array("*4\r\n$7\r\nRESTORE\r\n".utf8)
        let middle = Array("$\(life.utf8.count)\r\n\(life)\r\n".utf8)
        line.pointee.out.append(head, count: head.count, pool: &buffers)
        line.pointee.out.append(generation.pointee.name, count: generation.pointee.nameBytes, pool: &buffers)
        line.pointee.out.append(middle, count: middle.count, pool: &buffers)
        line.pointee.out.append(value.data, count: value.pointee.fillBytes, pool: &buffers)
        let sizeBytes = line.pointee.out.sizeBytes - before
        line.pointee.inFlight.append(
            InFlight(
                ticket: Self.ticket(generation, Step.restore + UInt32(index)),
                arrivedMs: UInt32(truncatingIfNeeded: nowMs), sizeBytes: UInt32(truncatingIfNeeded: sizeBytes)))
        generation.pointee.repliesLeft += 1
        line.pointee.shard.pointee.counters.add(.requests)
        line.pointee.shard.pointee.counters.add(.requestBytes, sizeBytes)
        markDirty(line)
    }

    private mutating func copyHasCome(_ generation: GenerationRef, _ index: Int, _ reply: ByteView) {
        let copy = generation.pointee.copies.unsafelyUnwrapped + index
        if ReplyMerge.isError(reply) { return refuseValues(generation, at: copy.pointee.shard, reply) }
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        copy.pointee.isThere = true
        hot.pointee.slots.changeSpreadCopies(by: 1)
        hot.pointee.spreadCopies += 1
        let areThere = (0..<generation.pointee.copyCount).allSatisfy {
            generation.pointee.copies.unsafelyUnwrapped[$0].isThere
        }
        guard generation.pointee.state == .spreading, areThere, let key = generation.pointee.key else { return }
        guard generation.pointee.version == hot.pointee.slots.version(key.pointee.slot) else {
            return end(generation, .hasChanged)
        }
        generation.pointee.state = .standing
        hot.pointee.counters.add(.generations)
    }

    // MARK: Refusals

    /// Words that say nothing about values as such.
    private static let passingErrors = [
        "OOM", "LOADING", "BUSY", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "MISCONF",
    ]

    private mutating func refuseValues(_ generation: GenerationRef, at shard: ShardRef, _ reply: ByteView) {
        end(generation, .hasChanged)
        let error = ReplyMerge.errorText(reply)
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        guard hot.pointee.spreads, !Self.passingErrors.contains(where: { error.hasPrefix($0) }) else {
            return
        }
        hot.pointee.spreads = false
        for key in hot.pointee.table.keys { dropCopies(of: key, hot) }
        log.error(
            """
            shard \(name(of: shard).text) takes no copies of hot keys: \(error); worker \(workerIndex) keeps those of \
            pool \(pools[generation.pointee.poolIndex].options.name) in memory from now on, as with hot_keys: cache
            """)
    }

    // MARK: The end

    /// Nobody reads it from now on.
    ///
    mutating func end(_ generation: GenerationRef, _ why: Generation.End) {
        guard generation.pointee.state != .ended else { return }
        generation.pointee.state = .ended
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        hot.pointee.spreadBytes -= generation.pointee.sizeBytes
        if let value = generation.pointee.value { buffers.chunks.release(value) }
        generation.pointee.value = nil
        if let key = generation.pointee.key {
            key.pointee.generation = nil
            let wasOfUse = why != .hasChanged || generation.pointee.servedCount >= Generation.servedCountMin
            key.pointee.restMs =
                wasOfUse ? Generation.restMsMin : min(2 * key.pointee.restMs, Generation.restMsMax)
            if why != .lifeIsOver { key.pointee.restsUntilMs = nowMs + key.pointee.restMs }
            generation.pointee.nextEnded = key.pointee.firstEnded
            key.pointee.firstEnded = generation
        }
        freeIfUnused(generation)
    }

    /// Nobody reads it any more, so its key need not wait for it.
    private func leaveKey(_ generation: GenerationRef) {
        guard let key = generation.pointee.key else { return }
        generation.pointee.key = nil
        if key.pointee.firstEnded == generation {
            key.pointee.firstEnded = generation.pointee.nextEnded
            return
        }
        var previous = key.pointee.firstEnded
        while let other = previous, other.pointee.nextEnded != generation { previous = other.pointee.nextEnded }
        previous.unsafelyUnwrapped.pointee.nextEnded = generation.pointee.nextEnded
    }

    /// The key is no longer hot.
    func forgetKey(of first: GenerationRef?) {
        var next = first
        while let generation = next {
            next = generation.pointee.nextEnded
            generation.pointee.key = nil
        }
    }

    /// Nothing of it is under way any more: the copies go, or end by their life where their server is not reached.
    mutating func freeIfUnused(_ generation: GenerationRef) {
        guard generation.pointee.state == .ended, generation.pointee.readCount == 0 else { return }
        leaveKey(generation)
        guard generation.pointee.repliesLeft == 0 else { return }
        let hot = (poolViews + generation.pointee.poolIndex).pointee.hot.unsafelyUnwrapped
        if let copies = generation.pointee.copies {
            for index in 0..<generation.pointee.copyCount {
                unlink(generation, copies[index])
                guard copies[index].isThere else { continue }
                hot.pointee.slots.changeSpreadCopies(by: -1)
                hot.pointee.spreadCopies -= 1
            }
            copies.deallocate()
        }
        generation.pointee.name.deallocate()
        generation.deallocate()
    }

    private mutating func unlink(_ generation: GenerationRef, _ copy: SpreadCopy) {
        let line = copy.shard.pointee.lines[0]
        guard isWell(copy.shard), line.isReady else { return }
        let request =
            Array("*2\r\n$6\r\nUNLINK\r\n".utf8)
            + UnsafeBufferPointer(start: generation.pointee.name, count: generation.pointee.nameBytes)
        tell(line, request)
        copy.shard.pointee.counters.add(.requests)
    }
}
