// JSONReport: the whole result for programs, every figure and every histogram, as one line of JSON with sorted keys.
// Not here: the schema (JSONDocument).

import Foundation
import Histogram

enum JSONReport {
    static let schemaVersion = 1

    static func text(of result: RunResult) -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(document(of: result)), as: UTF8.self) + "\n"
        } catch {
            preconditionFailure("JSONReport: \(error)")
        }
    }

    static func document(of result: RunResult) -> JSONDocument {
        let comparison = Comparison(result)
        return JSONDocument(
            program: "keyway-bench", schemaVersion: schemaVersion, version: result.version,
            startedAtS: finite(result.startedAtS) ?? 0, command: result.command, machine: result.machine,
            workload: result.workload, loadThreadCount: result.loadThreadCount, warnings: Warnings.of(result),
            targets: comparison.targets.map { target($0, in: comparison) }, phases: result.phases.map(phase),
            searches: result.searches.map { search in
                JSONDocument.Search(
                    targetIndex: search.targetIndex, goal: search.goal, highestRatePerS: finite(search.highestRatePerS),
                    steps: search.steps.map {
                        JSONDocument.SearchStep(
                            ratePerS: finite($0.ratePerS) ?? 0, holds: $0.holds, phase: phase($0.phase))
                    })
            })
    }

    private static func target(_ summary: TargetSummary, in comparison: Comparison) -> JSONDocument.Target {
        JSONDocument.Target(
            index: summary.index, label: summary.target.label, address: summary.target.place.text,
            pids: summary.target.pids, roundCount: summary.phases.count, requestCount: summary.requestCount,
            errorCount: summary.errorCount, missCount: summary.missCount, unansweredCount: summary.unansweredCount,
            unsentCount: summary.unsentCount, verifiedCount: summary.verifiedCount,
            ratePerS: spread(summary.over(.rate)), p50Ns: spread(summary.over(.p50)),
            p99Ns: spread(summary.over(.p99)), p999Ns: spread(summary.over(.p999)),
            cpuPerRequestNs: spread(summary.over(.cpu)),
            systemCpuPerRequestNs: spread(summary.over(\.systemCPUPerRequestNs)),
            loadCpuPerRequestNs: spread(summary.over(\.loadCPUPerRequestNs)),
            peakResidentBytes: summary.over(\.peakResidentBytes).map { Report.bytes($0.highest) },
            ratios: summary.index == 0 ? nil : ratios(of: summary.index, in: comparison),
            latency: latency(summary.latencies, withHistogram: true), operations: summary.operations.map(operation),
            errors: summary.errors.map(error), processes: summary.processes.map(process))
    }

    private static func ratios(of index: Int, in comparison: Comparison) -> JSONDocument.Ratios {
        JSONDocument.Ratios(
            rate: spread(comparison.ratio(.rate, of: index)), p50: spread(comparison.ratio(.p50, of: index)),
            p99: spread(comparison.ratio(.p99, of: index)), p999: spread(comparison.ratio(.p999, of: index)),
            cpuPerRequest: spread(comparison.ratio(.cpu, of: index)))
    }

    private static func phase(_ phase: PhaseResult) -> JSONDocument.Phase {
        JSONDocument.Phase(
            targetIndex: phase.targetIndex, roundIndex: phase.roundIndex,
            intendedRatePerS: finite(phase.intendedRatePerS), ratePerS: rounded(phase.ratePerS),
            durationS: Double(phase.durationNs) / 1e9, requestCount: phase.requestCount, errorCount: phase.errorCount,
            missCount: phase.missCount, unansweredCount: phase.unansweredCount, unsentCount: phase.unsentCount,
            verifiedCount: phase.verifiedCount, sentBytes: phase.sentBytes, receivedBytes: phase.receivedBytes,
            cpuPerRequestNs: phase.cpuPerRequestNs.map(rounded), loadCpuNs: phase.loadCPUNs,
            latenessP50Ns: phase.lateness.percentileNs(50), latenessP99Ns: phase.lateness.percentileNs(99),
            isCutShort: phase.isCutShort, complaints: phase.complaints,
            latency: latency(phase.latencies, withHistogram: true), operations: phase.operations.map(operation),
            errors: phase.errors.map(error), processes: phase.processes.map(process),
            timeline: phase.intervals.map(step))
    }

    private static func step(_ interval: Interval) -> JSONDocument.Step {
        JSONDocument.Step(
            startS: Double(interval.startNs) / 1e9, endS: Double(interval.endNs) / 1e9,
            requestCount: interval.requestCount, errorCount: interval.errorCount,
            p50Ns: interval.latencies.percentileNs(50).map { UInt64($0) },
            p99Ns: interval.latencies.percentileNs(99).map { UInt64($0) },
            highestNs: interval.latencies.maximumNs.map { UInt64($0) })
    }

    private static func latency(_ latencies: Latencies, withHistogram: Bool) -> JSONDocument.Latency {
        JSONDocument.Latency(
            count: latencies.totalCount, lowestNs: latencies.lowestNs.map { UInt64($0) },
            meanNs: latencies.meanNs.map(rounded), highestNs: latencies.maximumNs.map { UInt64($0) },
            percentiles: latencies.totalCount == 0
                ? []
                : Report.percentiles.map {
                    JSONDocument.Percentile(percentile: $0, ns: latencies.valueAtPercentile($0))
                },
            histogram: withHistogram ? latencies.recordedValues().map { [$0.value, $0.count] } : nil)
    }

    private static func operation(_ tally: OperationTally) -> JSONDocument.Operation {
        JSONDocument.Operation(
            name: tally.name, count: tally.count, missCount: tally.missCount, errorCount: tally.errorCount,
            latency: latency(tally.latencies, withHistogram: false))
    }

    private static func error(_ tally: ErrorTally) -> JSONDocument.ErrorKind {
        JSONDocument.ErrorKind(kind: tally.kind, count: tally.count, example: tally.example)
    }

    private static func process(_ use: ProcessUse) -> JSONDocument.Process {
        JSONDocument.Process(
            pid: use.pid, name: use.name, cpuNs: use.cpuNs, systemCpuNs: use.systemCPUNs,
            peakResidentBytes: use.peakResidentBytes, residentBytes: use.residentBytes)
    }

    private static func spread(_ spread: Spread?) -> JSONDocument.Spread? {
        spread.map {
            JSONDocument.Spread(median: rounded($0.median), lowest: rounded($0.lowest), highest: rounded($0.highest))
        }
    }

    /// JSON has no other numbers.
    private static func finite(_ number: Double?) -> Double? { number.flatMap { $0.isFinite ? rounded($0) : nil } }

    /// Four places are more than was measured.
    private static func rounded(_ number: Double) -> Double {
        abs(number) < 1e11 ? (number * 10_000).rounded() / 10_000 : number
    }
}
