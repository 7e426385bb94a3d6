// TraceCursor: where one thread is in a trace: its own entries in the file's order, once or round and round.
// Not here: how entries come to threads of their own (Trace.Entry.home).

struct TraceCursor {
    /// `Operation.note` of a transaction.
    static let transactionNote: UInt64 = 1

    private let trace: Trace
    private let isLooped: Bool
    /// Indices of this thread's entries.
    private let own: [Int]
    private var position = 0
    private var roundStartNs: UInt64 = 0

    init(_ trace: Trace, _ isLooped: Bool, _ threadIndex: Int, _ threadCount: Int) {
        self.trace = trace
        self.isLooped = isLooped
        own = trace.entries.indices.filter {
            // The hash's low bits alone would put clients with even port numbers together.
            RandomBits.scatter(UInt64(trace.entries[$0].home)) % UInt64(threadCount) == UInt64(threadIndex)
        }
    }

    mutating func next(_ out: inout ByteBuffer) -> Operation? {
        guard position < own.count else { return nil }
        let entry = trace.entries[own[position]]
        out.append(trace.bytes + entry.offset, count: entry.count)
        position += 1
        if position == own.count, isLooped {
            position = 0
            roundStartNs += trace.roundNs
        }
        return Operation(
            kind: entry.kind, repliesLeft: entry.replyCount, note: entry.isTransaction ? Self.transactionNote : 0)
    }

    var nextDueNs: UInt64? {
        guard trace.hasTimes, position < own.count else { return nil }
        return roundStartNs + trace.entries[own[position]].dueNs
    }
}
