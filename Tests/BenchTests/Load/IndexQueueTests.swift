import TestKit
import Testing

@testable import keyway_bench

struct IndexQueueTests {
    @Test func firstComeFirstServed() {
        var dice = SeededRandom.announced()
        for capacity in [1, 2, 5, 16] {
            var queue = IndexQueue(capacity: capacity)
            var model: [Int] = []
            for index in 0..<500 {
                if model.count < capacity, dice.below(2) == 0 {
                    queue.append(index)
                    model.append(index)
                } else {
                    let first = queue.popFirst()
                    #expect(first == model.first)
                    model = Array(model.dropFirst())
                }
                let count = queue.count
                #expect(count == model.count)
            }
        }
    }

    @Test func aThreadWithoutConnectionsHasAnEmptyQueue() {
        var queue = IndexQueue(capacity: 0)
        let first = queue.popFirst()
        #expect(first == nil)
    }
}
