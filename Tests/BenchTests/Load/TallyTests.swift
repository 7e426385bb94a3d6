import Histogram
import Testing

@testable import keyway_bench

struct TallyTests {
    @Test func countsOfTwoThreadsAddUp() {
        var sum = Tally(names: ["get", "set"])
        for number in 1...2 {
            var tally = Tally(names: ["get", "set"])
            for _ in 0..<number { tally.record(kind: 1, latencyNs: 1000) }
            tally.recordMiss(kind: 0)
            tally.recordError(kind: 1)
            tally.add(error: "ERR") { "first of \(number)" }
            tally.recordLateness(ns: 7000)
            tally.sentBytes = 10
            tally.lastAnswerNs = UInt64(number)
            sum.add(tally)
        }
        #expect(sum.operations.map(\.count) == [0, 3])
        #expect(sum.operations[1].latencies.totalCount == 3)
        #expect(sum.operations.map(\.missCount) == [2, 0] && sum.operations.map(\.errorCount) == [0, 2])
        #expect(sum.errors.map(\.count) == [2] && sum.errors[0].example == "first of 1")
        #expect((sum.sentBytes, sum.lastAnswerNs, sum.lateness.totalCount) == (20, 2, 2))
    }

    @Test func resetLeavesNothing() {
        var tally = Tally(names: ["get"])
        tally.record(kind: 0, latencyNs: 5)
        tally.recordLateness(ns: 5)
        tally.add(error: "lost", count: 4) { "x" }
        (tally.unansweredCount, tally.unsentCount, tally.expectedDeliveryCount, tally.lastAnswerNs) = (1, 2, 3, 4)
        tally.reset()
        #expect(tally.operations[0].count == 0 && tally.operations[0].latencies.totalCount == 0)
        #expect(tally.errors.isEmpty && tally.lateness.totalCount == 0)
        #expect(
            (tally.unansweredCount, tally.unsentCount, tally.expectedDeliveryCount, tally.lastAnswerNs) == (0, 0, 0, 0))
    }

    @Test func aLatencyAboveTheHighestIsCountedThere() {
        var tally = Tally(names: ["get"])
        tally.record(kind: 0, latencyNs: .max)
        #expect(tally.operations[0].latencies.totalCount == 1)
        #expect(tally.operations[0].latencies.maxRecorded == Latencies.highestNs)
    }

    /// Goal: a peer cannot fill our memory with kinds of errors, nor write on the user's terminal.
    @Test func aPeersWordsAreBounded() {
        var tally = Tally(names: ["get"])
        for number in 0..<1000 { tally.add(error: "K\(number)") { String(repeating: "x", count: 10_000) } }
        #expect(tally.errors.count <= 61)
        #expect(tally.errors.reduce(0) { $0 + $1.count } == 1000)
        #expect(tally.errors.allSatisfy { $0.example.count <= 300 })
        var other = Tally(names: ["get"])
        other.add(error: "ERR") { "\u{1b}[2Ja\nb" }
        #expect(other.errors[0].example == " [2Ja b")
    }
}
