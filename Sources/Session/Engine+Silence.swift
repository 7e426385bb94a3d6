// Engine+Silence: connections whose other end is gone without a word, or is no longer where the host's name leads.
// The kernel tells neither. So a connection that owes replies and brings nothing for long is given up, one that is idle
// is asked now and then, and one to an address that the name has left carries no new request. A connection on which a
// client waits for as long as it likes (BLPOP) can be judged by its kernel only: Socket.keepWatch.
// Not here: servers that answer badly (Engine+Health), late requests (Engine+Deadlines), the look-ups (HostWatch).

import Glibc
import Logging
import Platform
import Upstream
import Wire

extension Engine {
    /// Nobody waits any more for what the connection owes, and nothing at all came for longer than any server is late.
    func isSilent(_ line: LineRef) -> Bool {
        guard line.isReady, !line.pointee.inFlight.isEmpty, !line.pointee.inFlight.first.ticket.isAwaited else {
            return false
        }
        let timeouts = poolViews[line.pointee.shard.pointee.poolIndex].timeouts
        let silentMs = max(4 * max(timeouts.readMs, timeouts.writeMs), 10_000)
        return ageMs(since: line.pointee.inFlight.first.arrivedMs) > silentMs
            && nowMs - line.pointee.receivedAtMs > silentMs
    }

    /// About once a second. The check asks a shard's first line; the others are asked here when nobody else does.
    mutating func breakSilence() {
        for pool in pools {
            let intervalMs = UInt64(pool.options.backend.checkIntervalMs)
            for index in 0..<pool.shardCount {
                let shard = pool.shards + index
                for lineIndex in 0..<shard.pointee.allLineCount {
                    let line = shard.pointee.lines[lineIndex]
                    if isSilent(line) { lost(line, failure: ETIMEDOUT) }
                    // Lines of other dialects are closed when they are idle.
                    guard intervalMs > 0, (1..<shard.pointee.lineCount).contains(lineIndex), line.isReady,
                        line.pointee.inFlight.isEmpty, nowMs - line.pointee.receivedAtMs >= intervalMs
                    else { continue }
                    tell(line, RequestBuilder.bytes(["PING"]))
                }
            }
        }
    }

    /// A look-up of the shard's host name has given these addresses.
    ///
    /// - Parameter isKnown: whether the connection's other end is among them.
    mutating func hostWasFound(_ shard: ShardRef, isKnown: (LineRef) -> Bool) {
        for index in 0..<shard.pointee.allLineCount where !isKnown(shard.pointee.lines[index]) {
            leave(shard.pointee.lines[index])
        }
        var next = shard.pointee.spare
        while let line = next {
            next = line.pointee.nextSpare
            if !isKnown(line) { retire(line) }
        }
        if let hot = (poolViews + shard.pointee.poolIndex).pointee.hot,
            let cover = (hot.pointee.covers + shard.pointee.index).pointee.line, !isKnown(cover)
        {
            lost(cover, failure: Self.hostHasMoved)
        }
        if let ears = subscriptions.ears[shard.pointee.poolIndex] {
            let ear = ears[shard.pointee.index].line
            if !isKnown(ear) { lost(ear, failure: Self.hostHasMoved) }
        }
    }

    /// New requests go over a new connection; what the old one has is answered there.
    private mutating func leave(_ line: LineRef) {
        guard line.isReady else { return }
        line.pointee.isOutdated = true
        if line.pointee.inFlight.isEmpty {
            closeUnused(line)
            open(line)
        } else {
            retire(line, executedCount: 0)
        }
    }
}
