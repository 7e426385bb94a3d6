// CSVReport: one row a phase, one row `all` a target, one row a step of a search, for a spreadsheet. RFC 4180 with line
// feeds; the first row names the columns, the unit stands last. What was not measured is empty.
// Not here: histograms, operations and errors by kind (JSONReport).

import Foundation

enum CSVReport {
    static let columns =
        [
            "target", "kind", "round", "intended_rate_per_s", "rate_per_s", "duration_s", "request_count",
            "error_count",
            "miss_count", "unanswered_count", "unsent_count", "verified_count", "sent_bytes", "received_bytes",
            "lowest_us", "mean_us",
        ] + Report.percentiles.map { "p\(NumberText.percentile($0))_us" } + [
            "highest_us", "cpu_us_per_request", "system_cpu_us_per_request", "peak_resident_bytes",
            "load_cpu_us_per_request", "holds",
        ]

    static func text(of result: RunResult) -> String {
        let comparison = Comparison(result)
        var rows = [columns]
        for phase in result.phases {
            rows.append(
                row(label(phase.targetIndex, result), "phase", round: String(phase.roundIndex + 1), [phase], ""))
        }
        for search in result.searches {
            for (index, step) in search.steps.enumerated() {
                let label = label(search.targetIndex, result)
                rows.append(row(label, "step", round: String(index + 1), [step.phase], step.holds ? "yes" : "no"))
            }
        }
        for summary in comparison.targets where !summary.phases.isEmpty {
            rows.append(row(summary.target.label, "all", round: "", summary.phases, ""))
        }
        return rows.map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
    }

    private static func label(_ index: Int, _ result: RunResult) -> String {
        result.targets.indices.contains(index) ? result.targets[index].label : "target \(index)"
    }

    /// Sums of the counts, medians of the rates and latencies.
    private static func row(
        _ label: String, _ kind: String, round: String, _ phases: [PhaseResult], _ holds: String
    ) -> [String] {
        func median(_ figure: (PhaseResult) -> Double?) -> Double? { Spread(phases.map(figure))?.median }
        func microseconds(_ figure: (PhaseResult) -> Double?) -> String { decimal(median(figure).map { $0 / 1e3 }) }
        func sum(_ figure: (PhaseResult) -> UInt64) -> String { String(phases.reduce(0) { $0 &+ figure($1) }) }
        let peakBytes = Spread(phases.map(\.peakResidentBytes))?.highest
        return [
            label, kind, round, decimal(median(\.intendedRatePerS)), decimal(median(\.ratePerS)),
            decimal(Double(phases.reduce(0) { $0 &+ $1.durationNs }) / 1e9), sum(\.requestCount), sum(\.errorCount),
            sum(\.missCount), sum(\.unansweredCount), sum(\.unsentCount), sum(\.verifiedCount), sum(\.sentBytes),
            sum(\.receivedBytes), microseconds(\.latencies.lowestNs), microseconds(\.latencies.meanNs),
        ]
            + Report.percentiles.map { percentile in microseconds { $0.latencies.percentileNs(percentile) } }
            + [
                microseconds(\.latencies.maximumNs), microseconds(\.cpuPerRequestNs),
                microseconds(\.systemCPUPerRequestNs), peakBytes.map { String(Report.bytes($0)) } ?? "",
                microseconds(\.loadCPUPerRequestNs), holds,
            ]
    }

    private static func decimal(_ number: Double?) -> String {
        guard let number, number.isFinite else { return "" }
        return String(format: "%.3f", number)
    }

    static func quoted(_ field: String) -> String {
        let isPlain = field.utf8.allSatisfy { ![UInt8(ascii: ","), UInt8(ascii: "\""), 10, 13].contains($0) }
        return isPlain ? field : "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}
