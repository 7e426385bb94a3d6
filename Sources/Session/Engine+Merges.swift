// Engine+Merges: the parts of a request that went to several shards come in, and the last one makes the reply.
// An error of a part is the error of the whole, with the shard named: a reply that looks whole and is not would be
// worse.
// Not here: the arithmetic (Routing/Merge), sending the parts (Engine+Routing).

import Glibc
import Platform
import Routing
import Upstream
import Wire

extension Engine {
    /// One part's reply, whole; takes over the caller's reference on the chunk.
    mutating func accept(_ merge: MergeRef, part: Int, taking chunk: ChunkRef, offset: Int, sizeBytes: Int) {
        merge.pointee.parts[part].chunk = chunk
        merge.pointee.parts[part].offset = offset
        merge.pointee.parts[part].sizeBytes = sizeBytes
        merge.pointee.heldBytes += sizeBytes
        if !merge.pointee.client.pointee.flags.contains(.closed) { merge.pointee.client.pointee.heldBytes += sizeBytes }
        merge.pointee.partsLeft -= 1
        let isDone = merge.pointee.rule == .fastest ? isDecided(merge, part: part) : merge.pointee.partsLeft == 0
        if isDone { finish(merge) }
    }

    /// The reply of the part at the front of the line has outgrown the budget: it becomes an error, its rest is
    /// dropped.
    mutating func refuseLongPart(_ line: LineRef) {
        let ticket = line.pointee.inFlight.first.ticket
        line.pointee.inFlight.buryFirst()
        let merge = ticket.owner.unsafelyUnwrapped.assumingMemoryBound(to: Merge.self)
        answer(
            ticket,
            error: ProxyError.replyTooLong(wireName(of: merge), limitBytes: options.outputSizeBytesMax))
    }

    /// All parts have come.
    mutating func finish(_ merge: MergeRef) {
        let client = merge.pointee.client
        noteAnswer(for: client)
        if client.pointee.flags.contains(.closed) {
            markDirty(client)
        } else {
            client.pointee.heldBytes -= merge.pointee.heldBytes
            answer(merge)
            noteIfSlow(merge)
        }
        for index in 0..<merge.pointee.partCount {
            if let chunk = merge.pointee.parts[index].chunk { buffers.chunks.release(chunk) }
        }
        merges.giveBack(merge)
    }

    private mutating func answer(_ merge: MergeRef) {
        let client = merge.pointee.client
        let sequence = merge.pointee.sequence
        switch merge.pointee.rule {
        case .info: return answerInfo(merge)
        case .oneSucceeded: return answerOneSucceeded(merge)
        case .gathered: return answerGathered(merge)
        case .fastest: return answerFastest(merge)
        default: break
        }
        if let error = firstError(of: merge) { return answer(client, sequence, error: error) }
        switch merge.pointee.rule {
        case .sum: answerSum(merge)
        case .allSucceeded: pass(merge, part: 0)
        case .keyOrder: answerInKeyOrder(merge)
        case .concatenate:
            if hidesCopies(client) { hideCopies(in: merge) }
            answerConcatenated(merge)
        case .logicalAnd, .minimum:
            let parts = (0..<merge.pointee.partCount).map { merge.pointee.parts[$0].reply }
            let bytes =
                merge.pointee.rule == .minimum ? ReplyMerge.minimum(parts) : ReplyMerge.logicalAnd(parts)
            guard let bytes else { return answerBadPart(merge, 0) }
            answer(client, sequence, bytes: bytes)
        case .info, .oneSucceeded, .gathered, .fastest:
            preconditionFailure("Engine: \(merge.pointee.rule) was answered above")
        }
    }

    func wireName(of merge: MergeRef) -> String {
        commandTable.wireName(of: CommandID(rawValue: merge.pointee.command)!)
    }

    func shardName(_ merge: MergeRef, _ part: Int) -> ShardName {
        let pool = poolViews + merge.pointee.client.pointee.poolIndex
        return name(of: pool.pointee.shards + merge.pointee.parts[part].shardIndex)
    }

    /// Nil when no part is an error. All alike: passed on as it is, for it would have been one server's answer too.
    func firstError(of merge: MergeRef) -> String? {
        var first = -1
        var failed = 0
        var isSame = true
        for index in 0..<merge.pointee.partCount where ReplyMerge.isError(merge.pointee.parts[index].reply) {
            failed += 1
            if first < 0 { first = index }
            let mine = ReplyMerge.errorText(merge.pointee.parts[index].reply)
            if mine != ReplyMerge.errorText(merge.pointee.parts[first].reply) { isSame = false }
        }
        guard first >= 0 else { return nil }
        let error = ReplyMerge.errorText(merge.pointee.parts[first].reply)
        if failed == merge.pointee.partCount, isSame { return error }
        return ProxyError.partFailed(
            wireName(of: merge), shardName(merge, first), failed: failed, of: merge.pointee.partCount, error: error)
    }

    mutating func answerBadPart(_ merge: MergeRef, _ part: Int) {
        answer(
            merge.pointee.client, merge.pointee.sequence,
            error: ProxyError.badPart(wireName(of: merge), shardName(merge, part)))
    }

    /// A part's reply stands for all.
    mutating func pass(_ merge: MergeRef, part: Int) {
        let source = merge.pointee.parts[part]
        source.chunk.unsafelyUnwrapped.retain()
        fill(
            merge.pointee.client, merge.pointee.sequence, taking: source.chunk.unsafelyUnwrapped,
            offset: source.offset, sizeBytes: source.sizeBytes)
    }

    private mutating func answerOneSucceeded(_ merge: MergeRef) {
        for index in 0..<merge.pointee.partCount where !ReplyMerge.isError(merge.pointee.parts[index].reply) {
            return pass(merge, part: index)
        }
        pass(merge, part: 0)
    }

    private mutating func answerSum(_ merge: MergeRef) {
        var sum = 0
        for index in 0..<merge.pointee.partCount {
            guard let value = ReplyMerge.integer(merge.pointee.parts[index].reply) else {
                return answerBadPart(merge, index)
            }
            let (added, overflows) = sum.addingReportingOverflow(value)
            guard !overflows else { return answerBadPart(merge, index) }
            sum = added
        }
        if merge.pointee.command == CommandID.dbsize.rawValue { sum = visibleKeyCount(sum, merge.pointee.client) }
        guard sum >= 0, sum < 10_000_000_000 else {
            return answer(merge.pointee.client, merge.pointee.sequence, bytes: Array(":\(sum)\r\n".utf8))
        }
        let chunk = buffers.chunks.take(atLeast: ReplyMerge.headerSizeBytesMax)
        chunk.pointee.fillBytes = ReplyMerge.writeHeader(UInt8(ascii: ":"), sum, into: chunk.data)
        fill(
            merge.pointee.client, merge.pointee.sequence, taking: chunk, offset: 0,
            sizeBytes: chunk.pointee.fillBytes)
    }

    /// Each key's value is the next one of the part that its key went to: parts kept the order of their keys.
    private mutating func answerInKeyOrder(_ merge: MergeRef) {
        let keyCount = merge.pointee.keyCount
        var wholeBytes = ReplyMerge.headerSizeBytesMax
        for index in 0..<merge.pointee.partCount {
            guard let header = ReplyMerge.arrayHeader(merge.pointee.parts[index].reply) else {
                return answerBadPart(merge, index)
            }
            merge.pointee.parts[index].offset += header.sizeBytes
            merge.pointee.parts[index].sizeBytes -= header.sizeBytes
            wholeBytes += merge.pointee.parts[index].sizeBytes
        }
        let chunk = buffers.chunks.take(atLeast: wholeBytes)
        var filled = ReplyMerge.writeArrayHeader(keyCount, into: chunk.data)
        for position in 0..<keyCount {
            let part = merge.pointee.parts + Int(merge.pointee.owners[position])
            guard let sizeBytes = ReplyMerge.elementSizeBytes(part.pointee.reply, at: 0) else {
                buffers.chunks.release(chunk)
                return answerBadPart(merge, Int(merge.pointee.owners[position]))
            }
            memcpy(chunk.data + filled, part.pointee.reply.start, sizeBytes)
            if ReplyMerge.isNull(part.pointee.reply) { noteMiss(merge, part.pointee.shardIndex) }
            filled &+= sizeBytes
            part.pointee.offset &+= sizeBytes
            part.pointee.sizeBytes &-= sizeBytes
        }
        for index in 0..<merge.pointee.partCount where merge.pointee.parts[index].sizeBytes != 0 {
            buffers.chunks.release(chunk)
            return answerBadPart(merge, index)
        }
        chunk.pointee.fillBytes = filled
        fill(merge.pointee.client, merge.pointee.sequence, taking: chunk, offset: 0, sizeBytes: filled)
    }

    private mutating func answerConcatenated(_ merge: MergeRef) {
        var count = 0
        var wholeBytes = ReplyMerge.headerSizeBytesMax
        for index in 0..<merge.pointee.partCount {
            guard let header = ReplyMerge.arrayHeader(merge.pointee.parts[index].reply) else {
                return answerBadPart(merge, index)
            }
            count += header.count
            wholeBytes += merge.pointee.parts[index].sizeBytes
        }
        guard wholeBytes <= options.outputSizeBytesMax, count < 10_000_000_000 else {
            return answer(
                merge.pointee.client, merge.pointee.sequence,
                error: ProxyError.replyTooLong(wireName(of: merge), limitBytes: options.outputSizeBytesMax))
        }
        let chunk = buffers.chunks.take(atLeast: wholeBytes)
        var filled = ReplyMerge.writeArrayHeader(count, into: chunk.data)
        for index in 0..<merge.pointee.partCount {
            let reply = merge.pointee.parts[index].reply
            let headerBytes = ReplyMerge.arrayHeader(reply)!.sizeBytes
            memcpy(chunk.data + filled, reply.start + headerBytes, reply.count - headerBytes)
            filled += reply.count - headerBytes
        }
        chunk.pointee.fillBytes = filled
        fill(merge.pointee.client, merge.pointee.sequence, taking: chunk, offset: 0, sizeBytes: filled)
    }
}
