import Testing

@testable import keyway_bench

struct ProgressLineTests {
    @Test func theLineSaysHowItGoes() {
        var options = LoadOptions()
        options.intervalNs = 500_000_000
        var record = PhaseRecord(names: ["get"], options: options)
        var tally = Tally(names: ["get"])
        for _ in 0..<1000 { tally.record(kind: 0, latencyNs: 1_250_000) }
        tally.add(error: "ERR", count: 3) { "x" }
        record.add(tally, stepIndex: 4)
        let state = ProgressLine.state(record, elapsedNs: 2_500_000_000, window: .duration(ns: 10_000_000_000))
        #expect(state == "2.5 s  7.5 s left  2000 requests/s  p99 1.250 ms  3 errors")
        #expect(ProgressLine.line("a", 1, of: 3, "x") == "a round 2/3  x")
        #expect(ProgressLine.line("a", 0, of: 1, "x") == "a  x")
        #expect(ProgressLine.state(record, elapsedNs: 0, window: .requests(4000)).contains("25 % done"))
    }

    @Test func nothingMeasuredYetIsNoCrash() {
        let record = PhaseRecord(names: ["get"], options: LoadOptions())
        #expect(ProgressLine.state(record, elapsedNs: 5, window: .duration(ns: 1)) == "0.0 s  0.0 s left")
    }
}
