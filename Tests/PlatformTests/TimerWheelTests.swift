import TestKit
import Testing

@testable import Platform

struct TimerWheelTests {
    /// Nodes that outlive the wheel.
    private final class Nodes {
        let nodes: TimerRef
        let count: Int

        init(_ count: Int) {
            self.count = count
            nodes = .allocate(capacity: count)
            for index in 0..<count {
                (nodes + index).initialize(
                    to: TimerNode(kind: UInt8(index % 256), owner: UnsafeMutableRawPointer(nodes)))
            }
        }

        deinit { nodes.deallocate() }

        subscript(index: Int) -> TimerRef { nodes + index }
    }

    /// When a deadline fires at the latest: its slot is 4 ms wide.
    private static func dueMs(_ deadlineMs: UInt64) -> UInt64 { (deadlineMs + 3) / 4 * 4 }

    @Test func aTimerFiresOnceAndNeverEarly() {
        for startMs in [UInt64(0), 1, 2, 3, 4, 1_000_003] {
            for delayMs in [UInt64(0), 1, 3, 4, 5, 2_043, 2_044, 2_047, 2_048, 2_049, 5_000] {
                var wheel = TimerWheel(nowMs: startMs)
                let nodes = Nodes(1)
                let deadlineMs = startMs + delayMs
                wheel.arm(nodes[0], deadlineMs: deadlineMs)
                #expect(nodes[0].pointee.isArmed && nodes[0].pointee.deadlineMs == deadlineMs)
                for nowMs in startMs..<deadlineMs { #expect(wheel.expired(nowMs: nowMs) == nil) }
                #expect(wheel.expired(nowMs: Self.dueMs(deadlineMs)) == nodes[0])
                #expect(!nodes[0].pointee.isArmed && wheel.armedCount == 0)
                #expect(wheel.expired(nowMs: deadlineMs + 10_000) == nil)
            }
        }
    }

    @Test func aDeadlineInThePastFiresAtOnce() {
        var wheel = TimerWheel(nowMs: 10_000)
        let nodes = Nodes(1)
        for nowMs in [UInt64(10_000), 10_001, 10_003] {
            #expect(wheel.expired(nowMs: nowMs) == nil)
            wheel.arm(nodes[0], deadlineMs: 5)
            #expect(wheel.waitMs(nowMs: nowMs) == 0)
            #expect(wheel.expired(nowMs: nowMs) == nodes[0])
        }
    }

    @Test func deadlinesAtTheEndOfTimeAreHeld() {
        var wheel = TimerWheel(nowMs: 77)
        let nodes = Nodes(2)
        wheel.arm(nodes[0], deadlineMs: .max)
        wheel.arm(nodes[1], deadlineMs: .max - 1)
        #expect(wheel.expired(nowMs: 1 << 50) == nil)
        #expect(wheel.armedCount == 2)
        wheel.cancel(nodes[0])
        wheel.cancel(nodes[1])
        #expect(wheel.waitMs(nowMs: 1 << 50) == nil)
    }

    @Test func cancelledTimersDoNotFireAndCancellingTwiceIsNothing() {
        var wheel = TimerWheel(nowMs: 0)
        let nodes = Nodes(3)
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            for index in 0..<3 { wheel.arm(nodes[index], deadlineMs: 40) }
            for index in order {
                wheel.cancel(nodes[index])
                wheel.cancel(nodes[index])
            }
            #expect(wheel.armedCount == 0)
        }
        #expect(wheel.expired(nowMs: 1_000) == nil)
    }

    @Test func armingAgainMovesTheDeadline() {
        var wheel = TimerWheel(nowMs: 0)
        let nodes = Nodes(1)
        wheel.arm(nodes[0], deadlineMs: 8)
        wheel.arm(nodes[0], deadlineMs: 80)
        #expect(wheel.armedCount == 1)
        #expect(wheel.expired(nowMs: 79) == nil)
        wheel.arm(nodes[0], deadlineMs: 12)
        #expect(wheel.expired(nowMs: 80) == nodes[0])
    }

    /// Goal: a timer further off than one turn of the wheel hides no other and keeps nobody from sleeping.
    @Test func aFarTimerInTheCurrentSlotHidesNoNearOne() {
        var wheel = TimerWheel(nowMs: 0)
        let nodes = Nodes(2)
        wheel.arm(nodes[0], deadlineMs: 2_048 * 10)
        #expect(wheel.waitMs(nowMs: 0) == 2_048)
        #expect(wheel.waitMs(nowMs: 3) == 2_045)
        wheel.arm(nodes[1], deadlineMs: 4)
        #expect(wheel.waitMs(nowMs: 2) == 2)
        #expect(wheel.expired(nowMs: 4) == nodes[1])
    }

    @Test func anEmptyWheelWaitsForEver() {
        var wheel = TimerWheel(nowMs: 0)
        #expect(wheel.waitMs(nowMs: 0) == nil)
        #expect(wheel.expired(nowMs: 1_000_000) == nil)
        #expect(wheel.waitMs(nowMs: 1_000_000) == nil)
    }

    /// Goal: the wheel does what a list of deadlines would do, 4 ms late at most, and says when to come back.
    @Test func theWheelAndAListAgree() {
        var random = SeededRandom.announced()
        for _ in 0..<20 {
            var nowMs = UInt64(random.below(1 << random.below(40)))
            var wheel = TimerWheel(nowMs: nowMs)
            let nodes = Nodes(40)
            var deadlines: [Int: UInt64] = [:]
            for _ in 0..<2_000 {
                for _ in 0..<random.below(6) {
                    let index = random.below(nodes.count)
                    if random.below(4) == 0 {
                        wheel.cancel(nodes[index])
                        deadlines[index] = nil
                        continue
                    }
                    let awayMs = UInt64(random.below(random.oneOf([2, 10, 100, 2_100, 20_000, 10_000_000])))
                    let deadlineMs = random.below(8) == 0 ? nowMs - min(nowMs, awayMs) : nowMs + awayMs
                    wheel.arm(nodes[index], deadlineMs: deadlineMs)
                    deadlines[index] = deadlineMs
                }
                #expect(wheel.armedCount == deadlines.count)
                let waitMs = wheel.waitMs(nowMs: nowMs)
                #expect((waitMs == nil) == deadlines.isEmpty)
                if let waitMs, let firstMs = deadlines.values.map(Self.dueMs).min() {
                    #expect(waitMs >= 0 && nowMs + UInt64(waitMs) <= max(nowMs, firstMs))
                }
                switch random.below(4) {
                case 0: nowMs += UInt64(waitMs ?? 1)
                case 1: nowMs += UInt64(random.below(5))
                case 2: nowMs += UInt64(random.below(300))
                default: nowMs += UInt64(random.below(30) == 0 ? random.below(1_000_000) : 0)
                }
                while let fired = wheel.expired(nowMs: nowMs) {
                    let index = fired - nodes[0]
                    #expect(!fired.pointee.isArmed)
                    guard let deadlineMs = deadlines.removeValue(forKey: index) else {
                        Issue.record("timer \(index) fired unarmed")
                        return
                    }
                    #expect(deadlineMs <= nowMs)
                }
                #expect(deadlines.values.allSatisfy { Self.dueMs($0) > nowMs })
                // Nothing is due: a loop that came back at once would spin.
                if !deadlines.isEmpty { #expect(wheel.waitMs(nowMs: nowMs) != 0) }
            }
        }
    }
}
