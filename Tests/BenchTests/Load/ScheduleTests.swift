import TestKit
import Testing

@testable import keyway_bench

struct ScheduleTests {
    private func moments(_ count: Int, _ schedule: Schedule) -> [UInt64] {
        var schedule = schedule
        return (0..<count).map { _ in
            defer { schedule.advance() }
            return schedule.nextDueNs
        }
    }

    private func schedule(
        _ ratePerS: Double, _ arrivals: LoadOptions.Arrivals = .even, thread: Int = 0, of threads: Int = 1,
        seed: UInt64 = 1
    ) -> Schedule {
        Schedule(ratePerS: ratePerS, arrivals: arrivals, threadIndex: thread, threadCount: threads, seed: seed)
    }

    @Test func evenArrivalsAreEvenlySpaced() {
        #expect(moments(4, schedule(1000)) == [0, 1_000_000, 2_000_000, 3_000_000])
        #expect(moments(3, schedule(0.5)) == [0, 2_000_000_000, 4_000_000_000])
    }

    @Test func threadsTakeTurns() {
        let all = (0..<3).flatMap { moments(100, schedule(3000, thread: $0, of: 3)) }.sorted()
        for (index, moment) in all.enumerated() {
            let exactNs = Double(index) * 1e9 / 3000
            #expect(abs(Double(moment) - exactNs) <= 1, "operation \(index)")
        }
    }

    /// Goal: a rate that no nanosecond divides is kept over a long run.
    @Test func noRoundingAddsUp() {
        var schedule = schedule(333_333.3, thread: 1, of: 2)
        for _ in 0..<1_000_000 { schedule.advance() }
        let exactNs = (2 * 1_000_000.0 + 1) * 1e9 / 333_333.3
        #expect(abs(Double(schedule.nextDueNs) - exactNs) <= 2)
    }

    /// Goal: the mean of random gaps is the rate's, and they spread as exponential ones do.
    /// Method: 200,000 gaps of a fixed seed; their mean and variance within 2 % of theory.
    @Test(arguments: [1, 2, 7] as [UInt64])
    func poissonArrivalsHaveTheRate(_ seed: UInt64) {
        let all = moments(200_001, schedule(10_000, .poisson, seed: seed))
        let gaps = zip(all.dropFirst(), all).map { Double($0 - $1) }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        #expect(abs(mean / 100_000 - 1) < 0.02)
        #expect(abs(variance.squareRoot() / 100_000 - 1) < 0.02)
    }

    @Test func poissonDependsOnSeedAndThreadAlone() {
        let one = moments(50, schedule(1000, .poisson, thread: 1, of: 4, seed: 9))
        #expect(one == moments(50, schedule(1000, .poisson, thread: 1, of: 4, seed: 9)))
        #expect(one != moments(50, schedule(1000, .poisson, thread: 2, of: 4, seed: 9)))
        #expect(one != moments(50, schedule(1000, .poisson, thread: 1, of: 4, seed: 10)))
        #expect(one == one.sorted())
    }

    @Test func whatIsSkippedIsCounted() {
        var schedule = schedule(1000)
        #expect(schedule.countSkipped(to: 3_000_000) == 3)
        #expect(schedule.nextDueNs == 3_000_000)
        schedule.skip(to: 3_000_001)
        #expect(schedule.nextDueNs == 4_000_000)
        #expect(schedule.countSkipped(to: 1) == 0)
    }
}
