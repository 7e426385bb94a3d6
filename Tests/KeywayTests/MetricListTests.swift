import Telemetry
import Testing

@testable import keyway

@Test func everyMetricIsDescribedOnce() {
    let lines = MetricList.text().split(separator: "\n")
    for row in WorkerMetric.rows + PoolMetric.rows + ServerMetric.rows {
        #expect(lines.filter { $0.hasPrefix("  \(row.name) ") && $0.contains(row.sentence) }.count == 1, "\(row.name)")
    }
    #expect(lines.contains("  server_ejected_at    When the server last left the ring, since 1970 (time, us)"))
}
