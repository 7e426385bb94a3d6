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
        if forward(client, request, over: line, isWrite: isWrite(row), isScript: false, chunk: nil) {
            pools[shard.pointee.poolIndex].counters.add(.gutterRequests)
            if isWrite(row) { limitLife(of: key, on: line, shard) }
        }
        return true
    }

    /// What was just written there does not live long.
    mutating func limitLife(of key: ByteView, on line: LineRef, _ shard: ShardRef) {
        guard case .gutter(_, let ttlMs) = pools[shard.pointee.poolIndex].options.failureMode else { return }
        tell(line, RequestBuilder.bytes([Array("PEXPIRE".utf8), Array(key.buffer), Array(String(ttlMs).utf8)]))
    }
}
