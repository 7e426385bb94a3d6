// Rings of slots grow, keep their order, and go back to the pool when a client has nothing under way.

import Platform
import Testing

@testable import Session

struct ReplySlotTests {
    private func withClient(_ body: (ClientRef, inout SlotPool) throws -> Void) rethrows {
        var pool = SlotPool()
        let client = ClientRef.allocate(capacity: 1)
        client.initialize(to: Client(descriptor: 3, poolIndex: 0, id: 1, database: 0, nowS: 0))
        try body(client, &pool)
        client.deallocate()
    }

    @Test func sequencesFollowEachOtherWhileTheRingGrows() {
        withClient { client, pool in
            for expected in UInt32(0)..<100 {
                #expect(client.pushSlot(pool: &pool) == expected)
                client.slot(expected).pointee.offset = expected
            }
            for sequence in UInt32(0)..<100 { #expect(client.slot(sequence).pointee.offset == sequence) }
            #expect(client.pointee.slotMask == 127)
        }
    }

    @Test func aRingThatWrapsAroundKeepsItsOrderWhenItGrows() {
        withClient { client, pool in
            for _ in 0..<6 { _ = client.pushSlot(pool: &pool) }
            client.pointee.head = 5
            for sequence in UInt32(6)..<20 {
                #expect(client.pushSlot(pool: &pool) == sequence)
                client.slot(sequence).pointee.offset = sequence
            }
            for sequence in UInt32(6)..<20 { #expect(client.slot(sequence).pointee.offset == sequence) }
        }
    }

    @Test func anEmptyRingGoesBackAndIsUsedAgain() {
        withClient { client, pool in
            _ = client.pushSlot(pool: &pool)
            let ring = client.pointee.slots
            client.giveBackEmptySlots(pool: &pool)
            #expect(client.pointee.slots == ring, "something is under way")
            client.pointee.head = client.pointee.tail
            client.giveBackEmptySlots(pool: &pool)
            #expect(client.pointee.slots == nil)
            #expect(client.pushSlot(pool: &pool) == 0)
            #expect(client.pointee.slots == ring)
            #expect(client.slot(0).pointee.state == .waiting)
            #expect(client.slot(0).pointee.chunk == nil)
        }
    }

    @Test func skipMarksOneSlotAndOffMarksAll() {
        withClient { client, pool in
            client.pointee.flags.insert(.replySkip)
            let marks = (0..<3).map { _ in client.slot(client.pushSlot(pool: &pool)).pointee.marks == .suppressed }
            #expect(marks == [true, false, false])
            client.pointee.flags.insert(.replyOff)
            #expect((0..<3).allSatisfy { _ in client.slot(client.pushSlot(pool: &pool)).pointee.marks == .suppressed })
        }
    }
}
