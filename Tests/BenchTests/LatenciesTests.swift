import Histogram
import Testing

@testable import keyway_bench

struct LatenciesTests {
    @Test func anHourIsTheHighestLatency() {
        var latencies = Latencies.latencies()
        let isRecorded = latencies.record(Latencies.highestNs)
        #expect(isRecorded)
        #expect(latencies.max >= Latencies.highestNs)
    }
}
