// Engine+Overload: which requests a shard gets while it has more than it can do.
// What is refused is refused at once, before a byte of it is queued, and its error says so; a check of a shard is never
// refused. With `when_full: shed_oldest` the oldest of those that wait make room for the newest, because their clients
// have most likely given up.
// Not here: the breaker's own judgement (Routing/Health), the limits of one client (Engine+Requests).

import Platform
import Routing
import Telemetry
import Upstream

extension Engine {
    /// The shard's breaker is not closed.
    @inline(never)
    func breakerAdmits(_ shard: ShardRef) -> Bool {
        // Spread evenly over the trickle's range, whatever the order of requests.
        shard.pointee.askedCount &+= 0x9E37_79B1
        return shard.pointee.breaker.admits(
            nowMs: nowMs, random: shard.pointee.askedCount >> 22, policy: policy(of: shard))
    }

    /// Makes room at the front of what was not written yet: an eighth of it at a time, so that a flood costs little.
    ///
    /// - Returns: whether a request of that size fits now.
    @inline(never)
    mutating func shedOldest(of line: LineRef, sizeBytes: Int) -> Bool {
        let shard = line.pointee.shard
        let pool = poolViews + shard.pointee.poolIndex
        let count = line.pointee.inFlight.count
        let unwritten = line.isReady ? line.unwrittenCount : count
        guard unwritten > 0, sizeBytes <= pool.pointee.queueSizeBytesMax else { return false }
        let isLong = line.pointee.inFlight.count >= line.pointee.inFlightMax
        let first = count - unwritten
        var end = first
        var freedBytes = 0
        let enoughBytes = max(sizeBytes, line.pointee.out.sizeBytes / 8)
        while end < count {
            let isEnough = isLong ? end - first >= max(1, unwritten / 8) : freedBytes >= enoughBytes
            // The places of a transaction's commands go with that of its end.
            if isEnough, end > first, line.pointee.inFlight.groupStart(of: end) == end { break }
            freedBytes += Int(line.pointee.inFlight[end].sizeBytes)
            end += 1
        }
        let shed = line.takeUnwritten(first..<end, pool: &buffers)
        shard.pointee.counters.add(.shed, shed.count)
        let error = ProxyError.shed(name(of: shard), key: isLong ? "server_in_flight_max" : "server_queue_limit")
        for entry in shed { answer(entry.ticket, error: error) }
        return line.pointee.out.sizeBytes + sizeBytes <= pool.pointee.queueSizeBytesMax
            && line.pointee.inFlight.count < line.pointee.inFlightMax
    }

    /// The limits of requests in flight where they follow the server's speed; once a second.
    mutating func followSpeed(of shard: ShardRef) {
        for index in 0..<shard.pointee.lineCount {
            let line = shard.pointee.lines[index]
            let load = line.pointee.load
            line.pointee.load = Line.Load(sinceMs: nowMs)
            guard var concurrency = line.pointee.concurrency, load.readCount > 0 else { continue }
            concurrency.record(
                meanInFlight: Double(load.inFlightSum) / Double(load.readCount), replyCount: load.replyCount,
                windowMs: nowMs - load.sinceMs)
            line.pointee.concurrency = concurrency
            line.pointee.inFlightMax = concurrency.limit
        }
    }
}
