// HistogramBlock: the cells of one histogram of times, and those of a pool's commands, as handles to memory that
// Counters owns. As with CounterBlock, one thread writes, any thread reads, and no instruction is locked.
// A run of equal times is one record, so that a tick's requests cost a few additions together.
// Not here: which bucket a time belongs to (LatencyScale), sums over workers (Counters).

public import Synchronization

/// The sum in microseconds, then the buckets.
public struct HistogramBlock: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let cells: UnsafeMutablePointer<Atomic<UInt64>>

    /// Whole cache lines.
    static let cellCount = (1 + LatencyScale.bucketCount + 7) / 8 * 8

    @inlinable
    init(cells: UnsafeMutablePointer<Atomic<UInt64>>) { self.cells = cells }

    /// Counts `count` times of the same length. Only the block's own thread calls it.
    @inlinable
    public func record(us: UInt32, count: Int = 1) {
        let times = UInt64(truncatingIfNeeded: count)
        Self.add(times &* UInt64(us), to: cells)
        Self.add(times, to: cells + (1 &+ LatencyScale.bucket(ofUs: us)))
    }

    @inlinable
    static func add(_ count: UInt64, to cell: UnsafeMutablePointer<Atomic<UInt64>>) {
        cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    var isEmpty: Bool {
        (1...LatencyScale.bucketCount).allSatisfy { cells[$0].load(ordering: .relaxed) == 0 }
    }

    /// As of now or a moment ago, from any thread.
    func add(to values: inout HistogramValues) {
        values.sumUs &+= cells[0].load(ordering: .relaxed)
        for bucket in 0..<LatencyScale.bucketCount {
            values.buckets[bucket] &+= cells[1 + bucket].load(ordering: .relaxed)
        }
    }
}

/// One histogram for each command, of one pool in one worker.
public struct CommandTimes: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let cells: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline let commandCount: Int
    @usableFromInline static let stride = HistogramBlock.cellCount

    /// Not one of the commands: it is not recorded.
    public static var noCommand: UInt16 { .max }

    init(cells: UnsafeMutablePointer<Atomic<UInt64>>, commandCount: Int) {
        self.cells = cells
        self.commandCount = commandCount
    }

    @inlinable
    public func record(command: UInt16, us: UInt32, count: Int) {
        guard Int(command) < commandCount else { return }
        block(of: Int(command)).record(us: us, count: count)
    }

    @inlinable
    func block(of command: Int) -> HistogramBlock { HistogramBlock(cells: cells + command &* Self.stride) }
}
