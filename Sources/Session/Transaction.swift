// Transaction: the commands between a client's MULTI and its EXEC. They wait here and not at a server: at EXEC the
// whole of it goes out in one piece, MULTI first and EXEC last, on the line that the client shares with others. No
// connection is kept for it, nothing of it can be half sent to a new connection, and it stands in its place among the
// client's other requests.
//
//     MULTI ──► queueing ──► EXEC: one block a part ──► over        DISCARD, or the client's end ──► over
//                   └──► aborted (a command could not be queued) ──► EXEC answers EXECABORT
//
// A transaction has one part: all its keys are on one shard. A pool with `transactions: per_shard` lets it have
// several; each is atomic by itself and the whole is not.
// Not here: which commands may be queued (Engine+Transactions).

import Platform

typealias TransactionRef = UnsafeMutablePointer<Transaction>

/// What one shard will execute. Owns the references in its queue.
struct TransactionPart: BitwiseCopyable {
    /// -1 while no command has named a key.
    var shardIndex: Int
    var commands = SegmentQueue()
    var commandCount = 0
}

struct Transaction: BitwiseCopyable {
    var parts: UnsafeMutablePointer<TransactionPart>
    var partCount = 0
    private var partCapacity: Int
    /// For each command, the part that it is in.
    var owners: UnsafeMutablePointer<UInt16>
    private(set) var ownerCapacity: Int
    var commandCount = 0
    var sizeBytes = 0
    /// A command could not be queued: nothing will be executed.
    var isAborted = false
    /// What its commands write, as far as hot keys are concerned.
    var hotMark: HotMark = 0
    /// How often a slot had become hot when its first command was queued.
    var heatings: UInt32 = 0

    var nextFree: TransactionRef?

    private static let partCapacityFirst = 2
    private static let ownerCapacityFirst = 16
    /// Tables of at most this many commands are kept for the next transaction.
    static let ownerCapacityKept = 4_096

    init() {
        parts = .allocate(capacity: Self.partCapacityFirst)
        partCapacity = Self.partCapacityFirst
        owners = .allocate(capacity: Self.ownerCapacityFirst)
        ownerCapacity = Self.ownerCapacityFirst
    }

    /// The part of a shard, made if there is none.
    mutating func part(shardIndex: Int) -> Int {
        for index in 0..<partCount where parts[index].shardIndex == shardIndex { return index }
        if partCount == partCapacity {
            parts = Self.moved(parts, count: partCount, capacity: partCapacity * 2)
            partCapacity *= 2
        }
        (parts + partCount).initialize(to: TransactionPart(shardIndex: shardIndex))
        partCount += 1
        return partCount - 1
    }

    mutating func noteCommand(part: Int, sizeBytes: Int) {
        if commandCount == ownerCapacity {
            owners = Self.moved(owners, count: commandCount, capacity: ownerCapacity * 2)
            ownerCapacity *= 2
        }
        owners[commandCount] = UInt16(truncatingIfNeeded: part)
        commandCount += 1
        parts[part].commandCount += 1
        self.sizeBytes += sizeBytes
    }

    private static func moved<Element: BitwiseCopyable>(
        _ old: UnsafeMutablePointer<Element>, count: Int, capacity: Int
    ) -> UnsafeMutablePointer<Element> {
        let wider = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        wider.update(from: old, count: count)
        old.deallocate()
        return wider
    }

    /// Drops what was queued; the tables stay.
    mutating func removeAll(pool: inout BufferPool) {
        for index in 0..<partCount { parts[index].commands.removeAll(pool: &pool) }
        partCount = 0
        commandCount = 0
        sizeBytes = 0
        isAborted = false
    }

    func deallocateTables() {
        parts.deallocate()
        owners.deallocate()
    }
}

/// Transactions that are free, with their tables: a worker's steady stream of them allocates nothing.
struct TransactionPool: ~Copyable {
    private var free: TransactionRef?

    deinit {
        var next = free
        while let transaction = next {
            next = transaction.pointee.nextFree
            transaction.pointee.deallocateTables()
            transaction.deallocate()
        }
    }

    mutating func take() -> TransactionRef {
        guard let transaction = free else {
            let made = TransactionRef.allocate(capacity: 1)
            made.initialize(to: Transaction())
            return made
        }
        free = transaction.pointee.nextFree
        return transaction
    }

    mutating func giveBack(_ transaction: TransactionRef, buffers: inout BufferPool) {
        transaction.pointee.removeAll(pool: &buffers)
        if transaction.pointee.ownerCapacity > Transaction.ownerCapacityKept {
            transaction.pointee.deallocateTables()
            return transaction.deallocate()
        }
        transaction.pointee.nextFree = free
        free = transaction
    }
}
