import Testing

@testable import Telemetry

private func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { text, letter in text += letter.isUppercase ? "_" + letter.lowercased() : String(letter) }
}

private func check<M: MetricTable>(_ set: M.Type, scope: Metric.Scope) {
    #expect(set.rows.count == set.allCases.count)
    for (index, metric) in set.allCases.enumerated() {
        #expect(metric.rawValue == index)
        #expect(metric.row.name == snakeCase("\(metric)"), "row \(index) is not the row of its case")
        #expect(metric.row.scope == scope)
        #expect(metric.row.sentence.count > 10 && !metric.row.sentence.hasSuffix("."))
    }
}

@Test func everyMetricHasTheRowOfItsOwnCase() {
    check(WorkerMetric.self, scope: .worker)
    check(PoolMetric.self, scope: .pool)
    check(ServerMetric.self, scope: .server)
}

@Test func noTwoMetricsShareAName() {
    let names = (WorkerMetric.rows + PoolMetric.rows + ServerMetric.rows).map(\.name)
    #expect(Set(names).count == names.count)
}

@Test func namesThatEndInAUnitHaveIt() {
    for row in WorkerMetric.rows + PoolMetric.rows + ServerMetric.rows {
        #expect((row.unit == .bytes) == (row.name.hasSuffix("_bytes") || row.name.hasPrefix("bytes_")), "\(row.name)")
        #expect((row.unit == .microseconds) == (row.name.hasSuffix("_us") || row.name.hasSuffix("_at")), "\(row.name)")
    }
}

@Test func twemproxysMetricsComeFirstAndInItsOrder() {
    #expect(
        PoolMetric.rows.prefix(PoolMetric.twemproxyCount).map(\.name) == [
            "client_eof", "client_err", "client_connections", "server_ejects", "forward_error", "fragments",
        ])
    #expect(
        ServerMetric.rows.prefix(ServerMetric.twemproxyCount).map(\.name) == [
            "server_eof", "server_err", "server_timedout", "server_connections", "server_ejected_at", "requests",
            "request_bytes", "responses", "response_bytes", "in_queue", "in_queue_bytes", "out_queue",
            "out_queue_bytes",
        ])
}
