// TableReport: the result as a person reads it in a terminal, in tables of at most 120 columns.
// One row a target, medians over its rounds; sections that have nothing to say are left out.
// Not here: the same for programs (JSONReport, CSVReport, PrometheusReport), plots (HTMLReport).

enum TableReport {
    private static let labelWidthMax = 30

    static func text(of result: RunResult) -> String {
        let comparison = Comparison(result)
        let measured = comparison.targets.filter { !$0.phases.isEmpty }
        let sections =
            [head(of: result), latencies(of: measured), resources(of: measured), processes(of: measured)]
            + [operations(of: measured), schedule(of: measured), ratios(of: comparison)]
            + result.searches.map { search(of: $0, in: result) } + [errors(of: measured), warnings(of: result)]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func label(_ summary: TargetSummary) -> String {
        TextTable.cut(TextTable.printable(summary.target.label), labelWidthMax)
    }

    private static func head(of result: RunResult) -> [String] {
        let rows = [
            ("workload", result.workload), ("machine", result.machine),
            ("command", result.command.joined(separator: " ")),
        ]
        let title = "keyway-bench \(result.version), \(NumberText.moment(secondsSince1970: result.startedAtS))"
        return [TextTable.printable(title)]
            + rows.filter { !$0.1.isEmpty }.flatMap { name, text in
                let gap = String(repeating: " ", count: 10 - name.count)
                return TextTable.wrapped(name + gap + TextTable.printable(text), indent: 10)
            }
    }

    private static func latencies(of targets: [TargetSummary]) -> [String] {
        guard !targets.isEmpty else { return [] }
        var table = TextTable([
            "LATENCY, us", "rounds", "requests/s", "p50", "p90", "p99", "p99.9", "p99.99", "max", "errors", "misses",
        ])
        table.cellWidthMax = labelWidthMax
        for target in targets {
            table.append(
                [label(target), String(target.phases.count), NumberText.decimal(target.over(.rate)?.median, places: 0)]
                    + [50, 90, 99, 99.9, 99.99].map { percentile in
                        microseconds(target.over { $0.latencies.percentileNs(percentile) }?.median)
                    }
                    + [
                        microseconds(target.latencies.maximumNs), NumberText.count(target.errorCount),
                        NumberText.count(target.missCount),
                    ])
        }
        let note = "Medians over the rounds; max is the highest, errors and misses are the sums."
        return table.lines + (targets.contains { $0.phases.count > 1 } ? [note] : [])
    }

    private static func resources(of targets: [TargetSummary]) -> [String] {
        guard !targets.isEmpty else { return [] }
        let hasProcesses = targets.contains { !$0.processes.isEmpty }
        let ofTarget = ["target CPU\nus/request", "\nuser", "\nsystem", "peak memory\nMiB"]
        var table = TextTable(
            ["\nRESOURCES", "sent\nMB/s", "received\nMB/s"] + (hasProcesses ? ofTarget : []) + ["load CPU\nus/request"])
        for target in targets {
            let total = target.over(\.cpuPerRequestNs)?.median
            let system = target.over(\.systemCPUPerRequestNs)?.median
            let cells = [
                cpu(total), cpu(total.flatMap { total in system.map { total - $0 } }), cpu(system),
                NumberText.mebibytes(target.over(\.peakResidentBytes)?.highest),
            ]
            table.append(
                [
                    label(target), megabytes(target.over(\.sentBytesPerS)?.median),
                    megabytes(target.over(\.receivedBytesPerS)?.median),
                ] + (hasProcesses ? cells : []) + [cpu(target.over(\.loadCPUPerRequestNs)?.median)])
        }
        return table.lines
    }

    /// Where a target has several.
    private static func processes(of targets: [TargetSummary]) -> [String] {
        let targets = targets.filter { $0.processes.count > 1 }
        guard !targets.isEmpty else { return [] }
        var table = TextTable(
            [
                "\nPROCESSES", "\nprocess", "\npid", "CPU\nus/request", "\nuser", "\nsystem", "peak memory\nMiB",
                "memory\nMiB",
            ], leftColumns: [0, 1])
        for target in targets {
            for process in target.processes {
                let perRequest: (UInt64) -> Double? = {
                    target.requestCount == 0 ? nil : Double($0) / Double(target.requestCount)
                }
                let total = perRequest(process.cpuNs)
                let system = perRequest(process.systemCPUNs)
                table.append([
                    label(target), process.name, String(process.pid), cpu(total),
                    cpu(total.flatMap { total in system.map { total - $0 } }), cpu(system),
                    NumberText.mebibytes(Double(process.peakResidentBytes)),
                    NumberText.mebibytes(Double(process.residentBytes)),
                ])
            }
        }
        return table.lines
    }

    private static func operations(of targets: [TargetSummary]) -> [String] {
        let targets = targets.filter { $0.operations.count > 1 }
        guard !targets.isEmpty else { return [] }
        var table = TextTable(
            [
                "OPERATIONS, us", "operation", "count", "p50", "p90", "p99", "p99.9", "p99.99", "max", "errors",
                "misses",
            ],
            leftColumns: [0, 1])
        for target in targets {
            for operation in target.operations {
                table.append(
                    [label(target), TextTable.cut(operation.name, 16), NumberText.count(operation.count)]
                        + [50, 90, 99, 99.9, 99.99].map { microseconds(operation.latencies.percentileNs($0)) }
                        + [
                            microseconds(operation.latencies.maximumNs), NumberText.count(operation.errorCount),
                            NumberText.count(operation.missCount),
                        ])
            }
        }
        return table.lines
    }

    /// Open loop, or work left over.
    private static func schedule(of targets: [TargetSummary]) -> [String] {
        let targets = targets.filter {
            $0.intendedRatePerS != nil || $0.unsentCount > 0 || $0.unansweredCount > 0 || $0.verifiedCount > 0
        }
        guard !targets.isEmpty else { return [] }
        var table = TextTable([
            "\nSCHEDULE", "\nintended/s", "\nanswered/s", "\nshare", "\nunsent", "\nunanswered", "\nverified",
            "sent late\np50, us", "\np99, us",
        ])
        for target in targets {
            let rate = target.over(.rate)?.median
            let share = rate.flatMap { rate in target.intendedRatePerS.map { rate / $0 } }
            table.append([
                label(target), NumberText.decimal(target.intendedRatePerS, places: 0),
                NumberText.decimal(rate, places: 0), NumberText.percent(share), NumberText.count(target.unsentCount),
                NumberText.count(target.unansweredCount), NumberText.count(target.verifiedCount),
                microseconds(target.over { $0.lateness.percentileNs(50) }?.median),
                microseconds(target.over { $0.lateness.percentileNs(99) }?.median),
            ])
        }
        return table.lines
    }

    private static func ratios(of comparison: Comparison) -> [String] {
        let others = comparison.targets.dropFirst().filter { target in
            Metric.allCases.contains { comparison.ratio($0, of: target.index) != nil }
        }
        guard !others.isEmpty, let base = comparison.targets.first else { return [] }
        var table = TextTable(["AGAINST \(label(base))", "requests/s", "p50", "p99", "p99.9", "CPU/request"])
        for target in others {
            table.append([label(target)] + Metric.allCases.map { ratio(comparison.ratio($0, of: target.index)) })
        }
        return table.lines + ["Medians of the ratios within a round, lowest to highest in brackets."]
    }

    private static func ratio(_ spread: Spread?) -> String {
        guard let spread else { return NumberText.missing }
        let median = NumberText.ratio(spread.median)
        if spread.lowest == spread.highest { return median }
        return "\(median) [\(NumberText.decimal(spread.lowest, places: 2)) "
            + "\(NumberText.decimal(spread.highest, places: 2))]"
    }

    private static func search(of search: SearchResult, in result: RunResult) -> [String] {
        let goal = TextTable.printable(search.goal)
        // Without a goal a rate is kept or not.
        let (yes, no) = goal.isEmpty ? ("kept", "not kept") : ("holds", "does not hold")
        var table = TextTable(
            ["RATE/S", "answered/s", "p50, us", "p99, us", "p99.9, us", "max, us", "errors", ""],
            leftColumns: [7])
        for step in search.steps.sorted(by: { $0.ratePerS < $1.ratePerS }) {
            table.append(
                [NumberText.decimal(step.ratePerS, places: 0), NumberText.decimal(step.phase.ratePerS, places: 0)]
                    + [50, 99, 99.9, 100].map { microseconds(step.phase.latencies.percentileNs($0)) }
                    + [NumberText.count(step.phase.errorCount), step.holds ? yes : no])
        }
        let title = "SEARCH \(result.label(of: search.targetIndex))"
        if goal.isEmpty { return [title + ": latency versus load"] + table.lines }
        let found = search.highestRatePerS.map { "holds up to \(NumberText.decimal($0, places: 0)) requests/s" }
        return ["\(title): \(goal) \(found ?? "holds at no rate tried")"] + table.lines
    }

    private static func errors(of targets: [TargetSummary]) -> [String] {
        let targets = targets.filter { !$0.errors.isEmpty }
        guard !targets.isEmpty else { return [] }
        var table = TextTable(["ERRORS", "kind", "count", "the first one"], leftColumns: [0, 1, 3])
        table.cellWidthMax = 60
        for target in targets {
            for error in target.errors {
                table.append([
                    label(target), TextTable.cut(error.kind, 16), NumberText.count(error.count), error.example,
                ])
            }
        }
        return table.lines
    }

    private static func warnings(of result: RunResult) -> [String] {
        let warnings = Warnings.of(result)
        return warnings.isEmpty ? [] : ["WARNINGS"] + warnings.flatMap { TextTable.wrapped("- \($0)", indent: 2) }
    }

    private static func microseconds(_ ns: Double?) -> String {
        guard let ns else { return NumberText.missing }
        return NumberText.decimal(ns / 1e3, places: ns < 99_950 ? 1 : 0)
    }

    private static func cpu(_ ns: Double?) -> String { NumberText.decimal(ns.map { $0 / 1e3 }, places: 2) }

    private static func megabytes(_ bytesPerS: Double?) -> String {
        NumberText.decimal(bytesPerS.map { $0 / 1e6 }, places: 1)
    }
}
