import TestKit
import Testing

@testable import Upstream

struct InFlightQueueTests {
    private func entry(_ number: Int) -> InFlight {
        InFlight(
            ticket: ReplyTicket(owner: nil, index: UInt32(number), kind: .reply, isWrite: true),
            arrivedMs: UInt32(number), sizeBytes: 1)
    }

    /// What the queue should be: numbers, nil for a tombstone, and how many of the front were buried as the oldest.
    private struct Model {
        var entries: [(number: UInt32, isBuried: Bool)] = []
        var firstLive = 0

        mutating func drop(_ count: Int) {
            entries.removeFirst(count)
            firstLive = max(0, firstLive - count)
        }
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
        queue.buryOldestLive()
        #expect(queue.first.ticket.kind == .tombstone && queue.oldestLive?.arrivedMs == 1)
        #expect(queue.tombstoneCount == 1 && queue.liveCount == 2 && queue.count == 3)
        queue.buryFirst()
        #expect(queue.tombstoneCount == 1)
        queue.removeFirst()
        queue.buryFirst()
        #expect(queue.tombstoneCount == 1 && queue.oldestLive?.arrivedMs == 2)
        queue.removeFirst(2)
        #expect(queue.isEmpty && queue.tombstoneCount == 0 && queue.liveCount == 0)
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
                    model.drop(count)
                case 7:
                    guard model.firstLive < model.entries.count else { continue }
                    queue.buryOldestLive()
                    model.entries[model.firstLive].isBuried = true
                    model.firstLive += 1
                case 8:
                    guard !model.entries.isEmpty else { continue }
                    queue.buryFirst()
                    model.entries[0].isBuried = true
                    model.firstLive = max(1, model.firstLive)
                default:
                    guard !model.entries.isEmpty else { continue }
                    #expect(queue.first.arrivedMs == model.entries[0].number)
                    queue.removeFirst()
                    model.drop(1)
                }
                #expect(queue.count == model.entries.count && queue.isEmpty == model.entries.isEmpty)
                #expect(queue.tombstoneCount == model.firstLive)
                #expect(queue.liveCount == model.entries.count - model.firstLive)
                let oldest = model.firstLive < model.entries.count ? model.entries[model.firstLive].number : nil
                #expect(queue.oldestLive?.arrivedMs == oldest)
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
            queue.buryOldestLive()
        }
        await #expect(processExitsWith: .failure) {
            var queue = InFlightQueue()
            queue.buryFirst()
        }
    }
}
