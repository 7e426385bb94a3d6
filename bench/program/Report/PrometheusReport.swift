// PrometheusReport: the result in Prometheus's text format 0.0.4, for a textfile collector or a push gateway. Base
// units only, seconds and bytes; latencies are summaries over all rounds. Each metric has one row in the table below.
// Not here: rounds and timelines one by one (JSONReport).

import Histogram

enum PrometheusReport {
    private static let prefix = "keyway_bench_"
    private static let quantiles = [0.5, 0.9, 0.99, 0.999, 0.9999]

    private struct Sample {
        var suffix = ""
        var labels: [(name: String, value: String)]
        let value: String
    }

    static func text(of result: RunResult) -> String {
        let targets = Comparison(result).targets.filter { !$0.phases.isEmpty }
        let about = [("version", result.version), ("workload", result.workload), ("machine", result.machine)]
        var text = metric("info", "gauge", "What ran, always 1.", [Sample(labels: about, value: "1")])
        text += metric(
            "start_time_seconds", "gauge", "When the run began, in seconds since 1970.",
            [Sample(labels: [], value: number(result.startedAtS))])
        text += counts(of: targets)
        text += latencies(of: targets)
        text += processes(of: targets)
        text += metric(
            "search_highest_requests_per_second", "gauge", "Highest rate at which the goal of the search held.",
            result.searches.compactMap { search in
                search.highestRatePerS.map {
                    let labels = [("target", result.label(of: search.targetIndex)), ("goal", search.goal)]
                    return Sample(labels: labels, value: number($0))
                }
            })
        return text
    }

    private static func counts(of targets: [TargetSummary]) -> String {
        typealias Row = (name: String, kind: String, help: String, value: (TargetSummary) -> String?)
        let rows: [Row] = [
            ("rounds", "gauge", "Rounds that the figures rest on.", { String($0.phases.count) }),
            ("measured_seconds", "gauge", "Length of the measured windows.", { number(Double($0.durationNs) / 1e9) }),
            (
                "requests_per_second", "gauge", "Requests answered, median over rounds.",
                { number($0.over(.rate)?.median) }
            ),
            (
                "intended_requests_per_second", "gauge", "Requests asked for.",
                { $0.intendedRatePerS.map { number($0) } }
            ),
            ("requests_total", "counter", "Requests answered.", { String($0.requestCount) }),
            ("misses_total", "counter", "Replies without a value where one was asked for.", { String($0.missCount) }),
            ("unanswered_total", "counter", "Requests without an answer at the end.", { String($0.unansweredCount) }),
            ("unsent_total", "counter", "Requests that were due and never sent.", { String($0.unsentCount) }),
            ("verified_total", "counter", "Replies that were checked.", { String($0.verifiedCount) }),
            ("sent_bytes_total", "counter", "Bytes sent.", { sum($0, \.sentBytes) }),
            ("received_bytes_total", "counter", "Bytes received.", { sum($0, \.receivedBytes) }),
            ("load_cpu_seconds_total", "counter", "CPU time of the load itself.", { seconds($0, \.loadCPUNs) }),
            (
                "cpu_seconds_per_request", "gauge", "CPU time of the target's processes, median over rounds.",
                { $0.over(.cpu).map { number($0.median / 1e9) } }
            ),
        ]
        let errors = targets.flatMap { target in
            target.errors.map {
                Sample(labels: [("target", target.target.label), ("kind", $0.kind)], value: String($0.count))
            }
        }
        return rows.map { row in
            metric(
                row.name, row.kind, row.help,
                targets.compactMap { target in
                    row.value(target).map { Sample(labels: [("target", target.target.label)], value: $0) }
                })
        }.joined() + metric("errors_total", "counter", "Errors by kind.", errors)
    }

    private static func latencies(of targets: [TargetSummary]) -> String {
        let all = targets.flatMap { summary($0.latencies, [("target", $0.target.label)]) }
        let operations = targets.flatMap { target in
            target.operations.flatMap {
                summary($0.latencies, [("target", target.target.label), ("operation", $0.name)])
            }
        }
        return metric("request_duration_seconds", "summary", "Latency of all requests.", all)
            + metric("operation_duration_seconds", "summary", "Latency by operation.", operations)
    }

    private static func summary(_ latencies: Latencies, _ labels: [(name: String, value: String)]) -> [Sample] {
        let count = latencies.totalCount
        let steps: [Sample] = quantiles.compactMap { quantile in
            latencies.percentileNs(quantile * 100).map {
                Sample(labels: labels + [("quantile", "\(quantile)")], value: number($0 / 1e9))
            }
        }
        return steps + [
            Sample(suffix: "_sum", labels: labels, value: number(latencies.mean * Double(count) / 1e9)),
            Sample(suffix: "_count", labels: labels, value: String(count)),
        ]
    }

    private static func processes(of targets: [TargetSummary]) -> String {
        let processes = targets.flatMap { target in
            target.processes.map { process in
                (
                    use: process,
                    labels: [
                        ("target", target.target.label), ("process", process.name), ("pid", String(process.pid)),
                    ]
                )
            }
        }
        let cpu = processes.flatMap { use, labels in
            [
                Sample(
                    labels: labels + [("mode", "user")],
                    value: number(Double(use.cpuNs - min(use.cpuNs, use.systemCPUNs)) / 1e9)),
                Sample(labels: labels + [("mode", "system")], value: number(Double(use.systemCPUNs) / 1e9)),
            ]
        }
        return metric("target_cpu_seconds_total", "counter", "CPU time of the target's processes.", cpu)
            + metric(
                "target_peak_resident_bytes", "gauge", "Highest resident memory since the process started.",
                processes.map { Sample(labels: $0.labels, value: String($0.use.peakResidentBytes)) })
            + metric(
                "target_resident_bytes", "gauge", "Resident memory at the end.",
                processes.map { Sample(labels: $0.labels, value: String($0.use.residentBytes)) })
    }

    /// Nothing where there is no sample.
    private static func metric(_ name: String, _ kind: String, _ help: String, _ samples: [Sample]) -> String {
        guard !samples.isEmpty else { return "" }
        var text = "# HELP \(prefix)\(name) \(help)\n# TYPE \(prefix)\(name) \(kind)\n"
        var seen: Set<String> = []
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
            let series = "\(prefix)\(name)\(sample.suffix)\(labels.isEmpty ? "" : "{\(labels)}")"
            // Two targets may have one label; a series may be there only once.
            if seen.insert(series).inserted { text += "\(series) \(sample.value)\n" }
        }
        return text
    }

    private static func sum(_ summary: TargetSummary, _ figure: (PhaseResult) -> UInt64) -> String {
        String(summary.phases.reduce(0) { $0 &+ figure($1) })
    }

    private static func seconds(_ summary: TargetSummary, _ figure: (PhaseResult) -> UInt64) -> String {
        number(Double(summary.phases.reduce(0) { $0 &+ figure($1) }) / 1e9)
    }

    private static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "0" }
        return "\(value)"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
