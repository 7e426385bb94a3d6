import TestKit
import Testing

@testable import Upstream

struct InFlightQueueTests {
    private func entry(_ number: Int) -> InFlight {
        InFlight(
            ticket: ReplyTicket(owner: nil, index: UInt32(number), kind: .reply, isWrite: true),
            arrivedMs: UInt32(number), sizeBytes: 1)
    }

    /// What the queue should be.
    private struct Model {
        var entries: [(number: UInt32, isBuried: Bool)] = []
    }

    @Test func nobodyOwnsATombstone() {
        #expect(ReplyTicket.nobody.kind == .tombstone && ReplyTicket.nobody.owner == nil && !ReplyTicket.nobody.isWrite)
    }

    @Test func repliesFindTheirRequestsInOrder() {
        var queue = InFlightQueue()
        defer { queue.deallocate() }
        for number in 0..<5_000 { queue.append(entry(number)) }
        #expect(queue.count == 5_000)
        for number in 0..<5_000 {
            #expect(queue.first.arrivedMs == number && queue[queue.count - 1].arrivedMs == 4_999)
            queue.removeFirst()
        }
        #expect(queue.isEmpty && queue.oldestLive == nil)
    }

    @Test func memoryIsGivenBackWhenTheQueueRunsDry() {
        var queue = InFlightQueue()
        defer { queue.deallocate() }
        for _ in 0..<3 {
            for number in 0..<3_000 { queue.append(entry(number)) }
            #expect(queue.mask == 4_095)
            queue.removeFirst(3_000)
            #expect(queue.mask == 15 && queue.isEmpty)
        }
        for number in 0..<1_000 { queue.append(entry(number)) }
        for _ in 0..<1_000 { queue.removeFirst() }
        #expect(queue.mask == 1_023, "what is used all the time is kept")
    }

    @Test func aTombstoneKeepsItsPlace() {
        var queue = InFlightQueue()
        defer { queue.deallocate() }
        for number in 0..<3 { queue.append(entry(number)) }
        queue.bury(at: 1)
        #expect(queue.first.ticket.kind == .reply && queue.oldestLive?.arrivedMs == 0)
        #expect(queue.tombstoneCount == 1 && queue.count == 3 && queue.firstLiveIndex == 0)
        queue.buryFirst()
        #expect(queue.tombstoneCount == 2 && queue.oldestLive?.arrivedMs == 2 && queue.firstLiveIndex == 2)
        queue.removeFirst()
        queue.buryFirst()
        #expect(queue.tombstoneCount == 1 && queue.oldestLive?.arrivedMs == 2)
        queue.removeFirst(2)
        #expect(queue.isEmpty && queue.tombstoneCount == 0)
    }

    @Test func theQueueAndAListAgree() {
        var random = SeededRandom.announced()
        for round in 0..<20 {
            var queue = InFlightQueue()
            defer { queue.deallocate() }
            var model = Model()
            var number = 0
            for _ in 0..<3_000 {
                switch random.below(10) {
                case 0..<(round % 2 == 0 ? 6 : 4):
                    for _ in 0...random.below(random.oneOf([1, 3, 40])) {
                        queue.append(entry(number))
                        model.entries.append((UInt32(number), false))
                        number += 1
                    }
                case 6:
                    let count = random.below(model.entries.count + 1)
                    queue.removeFirst(count)
                    model.entries.removeFirst(count)
                case 7:
                    guard let index = model.entries.indices.randomElement(using: &random) else { continue }
                    queue.bury(at: index)
                    model.entries[index].isBuried = true
                case 8:
                    let first = random.below(model.entries.count + 1)
                    let end = first + random.below(model.entries.count + 1 - first)
                    queue.removeSubrange(first..<end)
                    model.entries.removeSubrange(first..<end)
                default:
                    guard !model.entries.isEmpty else { continue }
                    #expect(queue.first.arrivedMs == model.entries[0].number)
                    queue.removeFirst()
                    model.entries.removeFirst()
                }
                #expect(queue.count == model.entries.count && queue.isEmpty == model.entries.isEmpty)
                #expect(queue.tombstoneCount == model.entries.count { $0.isBuried })
                #expect(queue.oldestLive?.arrivedMs == model.entries.first { !$0.isBuried }?.number)
                if let index = model.entries.indices.randomElement(using: &random) {
                    #expect(queue[index].arrivedMs == model.entries[index].number)
                    #expect((queue[index].ticket.kind == .tombstone) == model.entries[index].isBuried)
                }
            }
        }
    }

    @Test func whatIsNotThereCannotBeTaken() async {
        await #expect(processExitsWith: .failure) { _ = InFlightQueue()[0] }
        await #expect(processExitsWith: .failure) {
            var queue = InFlightQueue()
            queue.removeFirst(1)
        }
        await #expect(processExitsWith: .failure) {
            var queue = InFlightQueue()
            queue.bury(at: 0)
        }
        await #expect(processExitsWith: .failure) {
            var queue = InFlightQueue()
            queue.buryFirst()
        }
    }
}
