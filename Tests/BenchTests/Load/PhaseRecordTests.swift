import Histogram
import Testing

@testable import keyway_bench

struct PhaseRecordTests {
    private func tally(_ count: Int, latencyNs: UInt64 = 1000, errors: Int = 0) -> Tally {
        var tally = Tally(names: ["get"])
        for _ in 0..<count { tally.record(kind: 0, latencyNs: latencyNs) }
        if errors > 0 { tally.add(error: "ERR", count: UInt64(errors)) { "x" } }
        return tally
    }

    private func result(_ record: PhaseRecord, durationNs: UInt64) -> PhaseResult {
        var result = PhaseResult(targetIndex: 0, roundIndex: 0, intendedRatePerS: nil)
        record.finish(&result, durationNs: durationNs, isVerified: false)
        return result
    }

    @Test func stepsOfTheThreadsMeet() {
        var options = LoadOptions()
        options.intervalNs = 100
        var record = PhaseRecord(names: ["get"], options: options)
        record.add(tally(0, errors: 1), stepIndex: nil)
        for (index, count) in [(0, 1), (1, 2), (0, 10), (2, 3), (1, 20)] { record.add(tally(count), stepIndex: index) }
        let result = result(record, durationNs: 250)
        #expect(result.requestCount == 36 && result.errorCount == 1)
        #expect(result.intervals.map(\.requestCount) == [11, 22, 3])
        #expect(result.intervals.map(\.endNs) == [100, 200, 250])
        #expect(result.intervals.allSatisfy { $0.latencies.totalCount == $0.requestCount })
    }

    @Test func answersAfterTheEndAreTheLastSteps() {
        var options = LoadOptions()
        options.intervalNs = 100
        var record = PhaseRecord(names: ["get"], options: options)
        for index in 0..<4 { record.add(tally(1, errors: 1), stepIndex: index) }
        let result = result(record, durationNs: 200)
        #expect(result.intervals.map(\.requestCount) == [1, 3] && result.intervals.map(\.errorCount) == [1, 3])
    }

    /// Goal: an hour's timeline is as long as a minute's, and nothing is lost when steps are put together.
    @Test(arguments: [1, 2, 5, 24])
    func neighboursArePutTogether(_ stepCountMax: Int) {
        var options = LoadOptions()
        options.intervalNs = 10
        options.stepCountMax = stepCountMax
        var record = PhaseRecord(names: ["get"], options: options)
        for index in 0..<100 { record.add(tally(index), stepIndex: index) }
        let result = result(record, durationNs: 1000)
        #expect(result.intervals.count <= stepCountMax)
        #expect(result.intervals.reduce(0) { $0 + $1.requestCount } == 4950)
        #expect(result.intervals.first?.startNs == 0 && result.intervals.last?.endNs == 1000)
        #expect(zip(result.intervals, result.intervals.dropFirst()).allSatisfy { $0.endNs == $1.startNs })
        #expect(record.latest?.requestCount == 99 && record.latest?.startNs == 990)
    }

    @Test func deliveriesAreNoRequestsAndMissingOnesAreErrors() {
        var options = LoadOptions()
        options.pubSub = .init()
        var record = PhaseRecord(names: PublishSource.operationNames, options: options)
        var tally = Tally(names: PublishSource.operationNames)
        tally.record(kind: 0, latencyNs: 1000)
        for _ in 0..<8 { tally.record(kind: 1, latencyNs: 2000) }
        tally.expectedDeliveryCount = 10
        record.add(tally, stepIndex: 0)
        let result = result(record, durationNs: 1_000_000_000)
        #expect(result.requestCount == 1 && result.operations.map(\.count) == [1, 8])
        #expect(result.errors.map(\.kind) == ["missing"] && result.errorCount == 2)
        #expect(result.intervals.map(\.requestCount) == [1])
    }

    @Test func errorsOfTheFillAreSaidButNotCounted() {
        var record = PhaseRecord(names: ["get"], options: LoadOptions())
        record.addFill(tally(0, errors: 3))
        let result = result(record, durationNs: 1)
        #expect(result.errorCount == 0 && result.complaints == ["3 errors while --fill wrote the keys, ERR: x"])
    }
}
