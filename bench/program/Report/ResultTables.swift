// ResultTables: the tables of the page that stand for themselves: rounds, operations, processes, errors.
// Not here: tables under plots (ResultPlots), tables for a terminal (TableReport).

enum ResultTables {
    struct Section: Sendable {
        let title: String
        let hint: String
        let content: String
    }

    static func sections(of targets: [TargetSummary]) -> [Section] {
        [rounds(of: targets), operations(of: targets), processes(of: targets), errors(of: targets)]
            .filter { !$0.content.isEmpty }
    }

    private static func rounds(of targets: [TargetSummary]) -> Section {
        let isOpen = targets.contains { $0.intendedRatePerS != nil }
        let rows = targets.flatMap { target in
            target.phases.map { round($0, of: target, isOpen: isOpen) }
        }
        let heads =
            ["Target", "Round"] + (isOpen ? ["Intended/s"] : []) + ["Requests/s", "p50", "p99", "p99.9", "highest"]
            + ["Errors", "Misses", "Unanswered", "Unsent", "Sent MB/s", "Received MB/s", "CPU per request"]
            + ["Load CPU"]
        return Section(title: "Rounds", hint: "", content: table(heads, rows, caption: "Every round by itself"))
    }

    private static func round(_ phase: PhaseResult, of target: TargetSummary, isOpen: Bool) -> [String] {
        var cells = [target.target.label, String(phase.roundIndex + 1)]
        if isOpen { cells.append(NumberText.decimal(phase.intendedRatePerS, places: 0)) }
        cells.append(NumberText.decimal(phase.ratePerS, places: 0))
        for percentile in [50, 99, 99.9, 100] {
            cells.append(ResultPlots.duration(phase.latencies.percentileNs(percentile)))
        }
        for count in [phase.errorCount, phase.missCount, phase.unansweredCount, phase.unsentCount] {
            cells.append(NumberText.count(count))
        }
        cells += [megabytes(phase.sentBytesPerS), megabytes(phase.receivedBytesPerS)]
        cells += [phase.cpuPerRequestNs, phase.loadCPUPerRequestNs].map { ResultPlots.duration($0) }
        return cells
    }

    private static func operations(of targets: [TargetSummary]) -> Section {
        let rows = targets.filter { $0.operations.count > 1 }.flatMap { target in
            target.operations.map { operation in
                [target.target.label, operation.name, NumberText.count(operation.count)]
                    + [50, 99, 99.9, 100].map { ResultPlots.duration(operation.latencies.percentileNs($0)) }
                    + [NumberText.count(operation.errorCount), NumberText.count(operation.missCount)]
            }
        }
        let heads = ["Target", "Operation", "Count", "p50", "p99", "p99.9", "highest", "Errors", "Misses"]
        return Section(
            title: "Operations", hint: "",
            content: table(heads, rows, textColumns: [0, 1], caption: "By kind of request, all rounds together"))
    }

    private static func processes(of targets: [TargetSummary]) -> Section {
        let rows = targets.flatMap { target in
            target.processes.map { process in
                let perRequest: (UInt64) -> String = { ns in
                    target.requestCount == 0
                        ? NumberText.missing : ResultPlots.duration(Double(ns) / Double(target.requestCount))
                }
                return [
                    target.target.label, process.name, String(process.pid), perRequest(process.cpuNs),
                    perRequest(process.cpuNs - min(process.cpuNs, process.systemCPUNs)),
                    perRequest(process.systemCPUNs),
                    NumberText.mebibytes(Double(process.peakResidentBytes)),
                    NumberText.mebibytes(Double(process.residentBytes)),
                ]
            }
        }
        let heads = ["Target", "Process", "pid", "CPU per request", "user", "system", "Peak memory MiB", "Memory MiB"]
        return Section(
            title: "Processes", hint: "",
            content: table(
                heads, rows, textColumns: [0, 1], caption: "The targets' own processes, all rounds together"))
    }

    private static func errors(of targets: [TargetSummary]) -> Section {
        let rows = targets.flatMap { target in
            target.errors.map { [target.target.label, $0.kind, NumberText.count($0.count), $0.example] }
        }
        return Section(
            title: "Errors", hint: "",
            content: table(
                ["Target", "Kind", "Count", "The first one's words"], rows, textColumns: [0, 1, 3], caption: "By kind"))
    }

    private static func table(
        _ heads: [String], _ rows: [[String]], textColumns: Set<Int> = [0], caption: String
    ) -> String {
        rows.isEmpty ? "" : Markup.table(heads, rows, textColumns: textColumns, caption: caption)
    }

    private static func megabytes(_ bytesPerS: Double?) -> String {
        NumberText.decimal(bytesPerS.map { $0 / 1e6 }, places: 1)
    }
}
