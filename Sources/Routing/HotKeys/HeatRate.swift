// HeatRate: requests a second, reads and writes apart.
// Not here: sums that decay (Heat in SlotHeats).

package struct HeatRate: Sendable, Equatable {
    package var readsPerSecond: Double
    package var writesPerSecond: Double

    package init(readsPerSecond: Double = 0, writesPerSecond: Double = 0) {
        self.readsPerSecond = readsPerSecond
        self.writesPerSecond = writesPerSecond
    }

    package var requestsPerSecond: Double { readsPerSecond + writesPerSecond }

    mutating func add(_ other: HeatRate) {
        readsPerSecond += other.readsPerSecond
        writesPerSecond += other.writesPerSecond
    }
}
