// AtomicCells: numbers in a row that all workers of a process read and write without waiting; all 0 at first.
// Not here: what they mean (HotSlots, KeyLives), counters (Telemetry).

import Synchronization

/// Owns the cells alone. Every one is atomic, so sharing their address is safe.
final class AtomicCells<Value: AtomicRepresentable & FixedWidthInteger>: @unchecked Sendable {
    let start: UnsafeMutablePointer<Atomic<Value>>
    private let count: Int

    init(count: Int) {
        self.count = count
        start = .allocate(capacity: count)
        for index in 0..<count { (start + index).initialize(to: Atomic(0)) }
    }

    deinit {
        start.deinitialize(count: count)
        start.deallocate()
    }
}
