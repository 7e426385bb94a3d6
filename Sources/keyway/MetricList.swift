// MetricList: `-D`, every number that Keyway counts with its sentence, from the metric tables.
// The statistics port serves those of twemproxy, which come first in each table; INFO shows all.

import Telemetry

enum MetricList {
    static func text() -> String {
        let sections = [
            ("process:", WorkerMetric.rows), ("pool stats:", PoolMetric.rows), ("server stats:", ServerMetric.rows),
        ]
        let width = sections.flatMap(\.1).map(\.name.count).max() ?? 0
        return sections.map { title, rows in
            let lines = rows.map { row in
                let name = row.name + String(repeating: " ", count: width - row.name.count)
                return "  \(name)  \(row.sentence) (\(word(row.kind))\(unit(row.unit)))"
            }
            return ([title] + lines).joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private static func word(_ kind: Metric.Kind) -> String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .timestamp: "time"
        case .state: "state"
        }
    }

    private static func unit(_ unit: Metric.Unit) -> String {
        switch unit {
        case .count: ""
        case .bytes: ", bytes"
        case .microseconds: ", us"
        }
    }
}
