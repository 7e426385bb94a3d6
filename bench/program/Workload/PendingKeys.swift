// PendingKeys: the keys that verified operations on their way are about: blocks of equal size, one an operation.
// An operation's note is its block's index. Blocks are used again; memory grows to the most that were on their way.
// Not here: what follows from them (OperationSource).

struct PendingKeys: ~Copyable {
    struct Entry: BitwiseCopyable {
        var key = 0
        /// The key's floor when the operation was put out.
        var floor: UInt64 = 0
        /// Of a write; 0 for a read.
        var sequence: UInt64 = 0
        var isAlone = false
    }

    private let entriesPerBlock: Int
    private var blockCapacity = 64
    private var entries: UnsafeMutablePointer<Entry>
    /// Blocks that are not in use, the one to be taken next last.
    private var free: UnsafeMutablePointer<UInt32>
    private var freeCount = 0

    init(entriesPerBlock: Int) {
        self.entriesPerBlock = Swift.max(entriesPerBlock, 1)
        entries = .allocate(capacity: blockCapacity * self.entriesPerBlock)
        entries.initialize(repeating: Entry(), count: blockCapacity * self.entriesPerBlock)
        free = .allocate(capacity: blockCapacity)
        makeFree(0..<blockCapacity)
    }

    deinit {
        entries.deallocate()
        free.deallocate()
    }

    /// Blocks in use.
    var count: Int { blockCapacity - freeCount }

    @inline(__always)
    mutating func take() -> UInt64 {
        if freeCount == 0 { grow() }
        freeCount &-= 1
        return UInt64(free[freeCount])
    }

    @inline(__always)
    mutating func giveBack(_ block: UInt64) {
        precondition(freeCount < blockCapacity)
        free[freeCount] = UInt32(truncatingIfNeeded: block)
        freeCount &+= 1
    }

    @inline(__always)
    func entry(_ block: UInt64, _ index: Int) -> UnsafeMutablePointer<Entry> {
        entries + (Int(truncatingIfNeeded: block) &* entriesPerBlock &+ index)
    }

    @inline(never)
    private mutating func grow() {
        let grown = UnsafeMutablePointer<Entry>.allocate(capacity: 2 * blockCapacity * entriesPerBlock)
        grown.update(from: entries, count: blockCapacity * entriesPerBlock)
        (grown + blockCapacity * entriesPerBlock).initialize(repeating: Entry(), count: blockCapacity * entriesPerBlock)
        entries.deallocate()
        entries = grown
        free.deallocate()
        free = .allocate(capacity: 2 * blockCapacity)
        makeFree(blockCapacity..<(2 * blockCapacity))
        blockCapacity *= 2
    }

    private mutating func makeFree(_ blocks: Range<Int>) {
        for block in blocks.reversed() {
            free[freeCount] = UInt32(block)
            freeCount += 1
        }
    }
}
