// Engine+Statistics: what is counted where no single line of the data path knows it: keys that were not there, and the
// words of errors.
// Not here: times (ReplyTimes, AnswerTimes), what a number means (Telemetry/Metric).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension CommandID {
    /// Asks for one value by its name.
    @inline(__always)
    var isLookup: Bool {
        switch self {
        case .get, .getex, .getdel, .hget: true
        default: false
        }
    }
}

extension Engine {
    // MARK: Misses

    /// A null, or an array that may hold some; most replies are neither.
    @inline(__always)
    func mayTellOfMisses(_ reply: ByteView) -> Bool { ReplyMerge.isNull(reply) || reply[0] == UInt8(ascii: "*") }

    @inline(never)
    func noteMisses(_ line: LineRef, _ client: ClientRef, _ sequence: UInt32, _ reply: ByteView) {
        guard !client.pointee.flags.contains(.closed), !line.isInsideReply,
            let command = CommandID(rawValue: client.slot(sequence).pointee.command)
        else { return }
        let counters = line.pointee.shard.pointee.counters
        if command.isLookup {
            counters.add(.misses)
        } else if command == .mget {
            counters.add(.misses, Self.nullCount(reply))
        }
    }

    /// Elements of an array that are null; 0 for any other reply.
    private static func nullCount(_ reply: ByteView) -> Int {
        guard let header = ReplyMerge.arrayHeader(reply) else { return 0 }
        var count = 0
        var position = header.sizeBytes
        for _ in 0..<header.count {
            guard let sizeBytes = ReplyMerge.elementSizeBytes(reply, at: position) else { return count }
            if ReplyMerge.isNull(ByteView(start: reply.start + position, count: sizeBytes)) { count += 1 }
            position += sizeBytes
        }
        return count
    }

    /// One of the keys of an MGET that went to several shards.
    @inline(never)
    func noteMiss(_ merge: MergeRef, _ shardIndex: Int) {
        let pool = poolViews + merge.pointee.client.pointee.poolIndex
        pool.pointee.shards[shardIndex].counters.add(.misses)
    }

    // MARK: Errors

    func noteError(madeFor client: ClientRef, _ error: [UInt8]) {
        let counters = pools[client.pointee.poolIndex].counters
        counters.add(.errorsMade)
        counters.add(Self.metric(ofError: error))
    }

    private static func metric(ofError error: [UInt8]) -> PoolMetric {
        switch String(decoding: error.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self) {
        case "TIMEOUT": .errorsTimeout
        case "CONNLOST": .errorsConnlost
        case "SHARDDOWN": .errorsSharddown
        case "OVERLOADED": .errorsOverloaded
        case "CROSSSLOT": .errorsCrossslot
        case "NOTSUPPORTED": .errorsNotsupported
        case "TOOLONG": .errorsToolong
        default: .errorsOther
        }
    }
}
