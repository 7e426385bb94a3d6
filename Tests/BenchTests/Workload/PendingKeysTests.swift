import Testing

@testable import keyway_bench

struct PendingKeysTests {
    @Test func blocksInUseAreNeverGivenOutTwiceAndKeepTheirEntries() {
        var pending = PendingKeys(entriesPerBlock: 3)
        var random = RandomBits(seed: 4, stream: 0)
        var held: [(block: UInt64, mark: Int)] = []
        for mark in 0..<20_000 {
            if random.next(below: 100) < 51 {
                let block = pending.take()
                for index in 0..<3 { pending.entry(block, index).pointee.key = mark * 3 + index }
                held.append((block, mark))
            } else if !held.isEmpty {
                let (block, mark) = held.remove(at: Int(random.next(below: UInt64(held.count))))
                for index in 0..<3 { #expect(pending.entry(block, index).pointee.key == mark * 3 + index) }
                pending.giveBack(block)
            }
            #expect(pending.count == held.count)
        }
        #expect(Set(held.map(\.block)).count == held.count)
    }
}
