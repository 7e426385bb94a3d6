// Engine+Gutter: in a pool with `on_failure: gutter` another pool serves the keys of a shard that is down.
// What is written there lives for `gutter_ttl` only, so that little of it is left when it comes to be used again, and
// the shard itself returns with what it had. Each shard has one stand-in, so that all its keys find each other.
// Commands of one key and those that split have it; all others get the shard's own error.
// Not here: when a shard is down (Engine+Health).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// - Returns: nil where the shard is up, or its pool has no stand-in.
    mutating func standIn(for shard: ShardRef, _ client: ClientRef) -> LineRef? {
        guard shard.pointee.isDown,
            case .gutter(let name, _) = pools[shard.pointee.poolIndex].options.failureMode,
            let poolIndex = pools.firstIndex(where: { $0.options.name == name })
        else { return nil }
        let target = pools[poolIndex].shards + shard.pointee.index % pools[poolIndex].shardCount
        let base = dialectIndex(dialect(of: client), poolIndex: poolIndex) * target.pointee.lineCount
        return target.pointee.lines[base + client.pointee.id % target.pointee.lineCount]
    }

    /// A command of one key whose shard is not well.
    ///
    /// - Returns: false when the shard itself must take it, or refuse it.
    @inline(never)
    mutating func forwardToStandIn(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ key: ByteView,
        _ shard: ShardRef
    ) -> Bool {
        guard client.pointee.state == nil, let line = standIn(for: shard, client) else { return false }
        let sequence = client.pushSlot(pool: &slots)
        guard admits(line, sizeBytes: request.sizeBytes) else {
            answer(client, sequence, error: refusal(line, sizeBytes: request.sizeBytes))
            return true
        }
        expectAnswer(for: client)
        line.submit(
            request.start, count: request.sizeBytes,
            ticket: ReplyTicket(
                owner: client, index: sequence, kind: .reply, isWrite: isWrite(row),
                traits: ReplyTicket.Traits(isWrite: isWrite(row), isScript: false)),
            nowMs: nowMs, pool: &buffers)
        line.pointee.shard.pointee.counters.add(.requests)
        line.pointee.shard.pointee.counters.add(.requestBytes, request.sizeBytes)
        pools[shard.pointee.poolIndex].counters.add(.gutterRequests)
        if isWrite(row) { limitLife(of: key, on: line, shard) }
        markDirty(line)
        return true
    }

    /// What was just written there does not live long.
    mutating func limitLife(of key: ByteView, on line: LineRef, _ shard: ShardRef) {
        guard case .gutter(_, let ttlMs) = pools[shard.pointee.poolIndex].options.failureMode else { return }
        let bytes = GatherRequest(
            shardIndex: 0, words: [Array("PEXPIRE".utf8), Array(key.buffer), Array(String(ttlMs).utf8)]
        ).bytes
        line.submit(
            bytes, count: bytes.count,
            ticket: ReplyTicket(owner: nil, index: 0, kind: .unheard, isWrite: false), nowMs: nowMs, pool: &buffers)
    }
}
