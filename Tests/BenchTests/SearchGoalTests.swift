import Testing

@testable import keyway_bench

struct SearchGoalTests {
    @Test func conditionsAreReadAsTheyAreWritten() throws {
        let goal = try SearchGoal("p99.9 <= 500us AND max<10ms, mean<2s&&p50<900ns")
        #expect(goal.conditions.map(\.figure) == [.percentile(99.9), .max, .mean, .percentile(50)])
        #expect(goal.conditions.map(\.limitNs) == [500_000, 10_000_000, 2_000_000_000, 900])
        #expect(goal.conditions.map(\.includesLimit) == [true, false, false, false])
        #expect(goal.text == "p99.9<=500us and max<10ms and mean<2s and p50<900ns")
        #expect(try SearchGoal(goal.text) == goal)
        #expect(try SearchGoal("p99≤1.5µs").conditions[0].limitNs == 1500)
    }

    @Test(arguments: [
        "", " ", "p99", "p99>1ms", "p99<", "p99<1", "p99<ms", "p99<1 hour", "p<1ms", "p0<1ms", "p999<1ms", "p-1<1ms",
        "pnan<1ms", "p99<nanms", "p99<infs", "p99<-1ms", "p99<1e9s", "p99<1.2.3ms", "max<0ms", "max<50ns", "max<3601s",
        "p99<1ms and", "and", "p99<1ms p50<2ms", "median<1ms", "p99<<1ms", "p99=1ms", "p1e1<1ms", "p٩<1ms", "p99<٣ms",
    ])
    func whatIsNoGoalIsRefusedWithAnExample(text: String) {
        let error = #expect(throws: SearchGoalError.self) { try SearchGoal(text) }
        #expect(error?.description.contains("goal '\(text)'") == true)
        #expect(error?.description.contains("'p99<1ms and max<=10ms'") == true)
    }

    @Test func theLimitItselfIsOutsideOrInside() throws {
        let latencies = SampleResults.latencies(ns: Array(repeating: 1_000_000, count: 100))
        #expect(!(try SearchGoal("p99<1ms").holds(latencies)))
        #expect(try SearchGoal("p99<=1ms").holds(latencies))
        #expect(try SearchGoal("max<=1ms and mean<=1ms").holds(latencies))
        #expect(try SearchGoal("p99<1.01ms").holds(latencies))
        #expect(!(try SearchGoal("p99<=1ms and max<1ms").holds(latencies)))
    }

    @Test func eachFigureLooksAtItsOwn() throws {
        let latencies = SampleResults.latencies(ns: Array(repeating: 1_000, count: 99) + [1_000_000])
        #expect(try SearchGoal("p99<2us").holds(latencies))
        #expect(!(try SearchGoal("p99.5<2us").holds(latencies)))
        #expect(!(try SearchGoal("max<2us").holds(latencies)))
        #expect(!(try SearchGoal("p100<2us").holds(latencies)))
        #expect(!(try SearchGoal("mean<2us").holds(latencies)))
        #expect(try SearchGoal("mean<12us").holds(latencies))
    }

    @Test func nothingMeasuredNeverHolds() throws {
        #expect(!(try SearchGoal("max<3600s").holds(.latencies())))
    }
}
