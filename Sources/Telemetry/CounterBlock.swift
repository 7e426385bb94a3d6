// CounterBlock: the cells of one metric set, as a handle to memory that Counters owns.
// One thread writes a block, any thread reads it: a load and a store, both relaxed, no locked instruction.
// The handle copies as one word and keeps nothing alive: it must not outlive its Counters.
// Not here: what a cell means (Metric), sums over workers (Counters).

public import Synchronization

/// Cells of metric set `M` that belong to one worker.
///
/// Two threads that write one block lose counts, nothing worse: give each block to one worker.
public struct CounterBlock<M: MetricSet>: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let cells: UnsafeMutablePointer<Atomic<UInt64>>

    init(cells: UnsafeMutablePointer<Atomic<UInt64>>) {
        self.cells = cells
    }

    /// Adds `count`, which may be negative for a gauge. Only the block's own thread calls it.
    @inlinable
    public func add(_ metric: M, _ count: Int = 1) {
        let cell = cells + metric.rawValue
        let value = cell.pointee.load(ordering: .relaxed)
        cell.pointee.store(value &+ UInt64(bitPattern: Int64(count)), ordering: .relaxed)
    }

    /// Replaces the value, for gauges and timestamps. Only the block's own thread calls it.
    @inlinable
    public func set(_ metric: M, _ value: Int) {
        cells[metric.rawValue].store(UInt64(bitPattern: Int64(value)), ordering: .relaxed)
    }

    /// The value as of now or a moment ago, from any thread.
    @inlinable
    public func read(_ metric: M) -> Int {
        Int(Int64(bitPattern: cells[metric.rawValue].load(ordering: .relaxed)))
    }
}
