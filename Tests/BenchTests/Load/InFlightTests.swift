import TestKit
import Testing

@testable import keyway_bench

struct InFlightTests {
    /// Method: random appends and removals against an array, with a printed seed.
    @Test func operationsComeOutInTheirOrder() {
        var dice = SeededRandom.announced()
        for countMax in [1, 2, 3, 7, 64, 100] {
            var ring = InFlight(countMax: countMax)
            var model: [UInt64] = []
            for step in 0..<2000 {
                if !model.isEmpty, dice.below(2) == 0 || ring.isFull {
                    let oldest = ring.first.pointee
                    #expect(oldest.operation.note == model.first && oldest.startNs == model.first.map { $0 + 5 })
                    #expect(!oldest.hasFailed && !oldest.hasMissed)
                    ring.first.pointee.hasFailed = true
                    ring.removeFirst()
                    model.removeFirst()
                } else {
                    let note = UInt64(step)
                    ring.append(Operation(kind: 0, repliesLeft: 1, note: note), startNs: note + 5)
                    model.append(note)
                }
                let count = ring.count
                #expect(count == model.count)
            }
        }
    }

    @Test func thereIsRoomForAsManyAsAskedFor() {
        for countMax in 1...33 {
            var ring = InFlight(countMax: countMax)
            for _ in 0..<countMax {
                let isFull = ring.isFull
                #expect(!isFull)
                ring.append(Operation(kind: 0, repliesLeft: 1, note: 0), startNs: 0)
            }
        }
    }
}
