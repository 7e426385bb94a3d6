// Merges are used again without growing, and a large one gives its table back.

import Routing
import Testing

@testable import Session

struct MergeTests {
    @Test func aMergeIsUsedAgainAsIfItWereNew() {
        var pool = MergePool()
        let client = ClientRef.allocate(capacity: 1)
        defer { client.deallocate() }
        let merge = pool.take(client: client, rule: .sum, command: 3)
        for shard in 0..<20 { #expect(merge.appendPart(shardIndex: shard) == shard) }
        #expect(merge.pointee.partsLeft == 20 && merge.pointee.partCapacity >= 20)
        merge.reserveOwners(10_000)
        #expect(merge.pointee.ownerCapacity == 10_000)
        pool.giveBack(merge)
        let again = pool.take(client: client, rule: .keyOrder, command: 4)
        #expect(again == merge)
        #expect(again.pointee.partCount == 0 && again.pointee.partsLeft == 0 && again.pointee.keyCount == 0)
        #expect(again.pointee.rule == .keyOrder && again.pointee.command == 4)
        #expect(again.pointee.ownerCapacity < 10_000)
        #expect(again.appendPart(shardIndex: 7) == 0)
        #expect(again.pointee.parts[0].shardIndex == 7 && again.pointee.parts[0].chunk == nil)
        pool.giveBack(again)
    }
}
