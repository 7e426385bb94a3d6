// Warnings: what a reader must know before believing the numbers. One sentence each: what was seen, the number and its
// limit, what to do.
// Not here: the numbers themselves.

import Histogram

enum Warnings {
    private static let roundCountMin = 3
    private static let windowMinS = 5.0
    /// Of the load's threads.
    private static let loadShareMax = 0.9
    private static let achievedShareMin = 0.99
    /// Highest over lowest rate of a target's rounds.
    private static let rateSpreadMax = 1.1
    /// Requests that a percentile of 99.99 needs above it to mean something: ten.
    private static let requestCountMin: UInt64 = 100_000

    static func of(_ result: RunResult) -> [String] {
        let comparison = Comparison(result)
        var warnings: [String] = []
        let stepCount = result.searches.reduce(0) { $0 + $1.steps.count }
        if result.phases.isEmpty && stepCount == 0 { return ["nothing was measured"] }
        if result.phases.contains(where: \.isCutShort) {
            warnings.append("the run was cut short: these are the results up to then")
        }
        for summary in comparison.targets { warnings += self.of(summary, result) }
        warnings += of(result.searches, result)
        warnings += length(of: comparison.targets)
        return warnings
    }

    /// About one target alone.
    private static func of(_ summary: TargetSummary, _ result: RunResult) -> [String] {
        let label = TextTable.printable(summary.target.label)
        guard !summary.phases.isEmpty else {
            return result.phases.isEmpty ? [] : ["\(label): not measured"]
        }
        var warnings = failures(of: summary, label)
        if let share = summary.phases.compactMap({ loadShare($0, result.loadThreadCount) }).max(), share > loadShareMax
        {
            warnings.append(
                "\(label): the load itself may have been the limit, its threads were \(NumberText.percent(share)) busy "
                    + "(limit 90 %); use more --threads, or fewer other programs on this machine")
        }
        if let intended = summary.intendedRatePerS, let rate = summary.over(.rate)?.median,
            rate < intended * achievedShareMin
        {
            warnings.append(
                "\(label): \(NumberText.decimal(rate, places: 0)) requests/s of the intended "
                    + "\(NumberText.decimal(intended, places: 0)) were answered "
                    + "(\(NumberText.percent(rate / intended))); its latencies include the wait in the queue")
        }
        if let rate = summary.over(.rate), rate.lowest > 0, rate.highest > rate.lowest * rateSpreadMax {
            warnings.append(
                "\(label): its rounds differ by \(NumberText.percent(rate.highest / rate.lowest - 1)) in rate "
                    + "(limit 10 %); the machine was not quiet, or a round is too short")
        }
        var complaints: [String] = []
        for complaint in summary.phases.flatMap(\.complaints) where !complaints.contains(complaint) {
            complaints.append(complaint)
        }
        return warnings + complaints.map { "\(label): \(TextTable.printable($0))" }
    }

    /// What went wrong with requests.
    private static func failures(of summary: TargetSummary, _ label: String) -> [String] {
        var warnings: [String] = []
        let judged = summary.errors.filter { ["wrong", "stale", "missing"].contains($0.kind) }
        if !judged.isEmpty {
            let counts = judged.map { "\(NumberText.count($0.count)) \($0.kind)" }.joined(separator: ", ")
            warnings.append("\(label): --verify found replies that are not right: \(counts)")
        }
        if summary.requestCount == 0 {
            warnings.append("\(label): no request was answered")
        } else if summary.errorCount > 0 {
            let share = Double(summary.errorCount) / Double(summary.requestCount)
            warnings.append(
                "\(label): \(NumberText.count(summary.errorCount)) \(summary.errorCount == 1 ? "error" : "errors") on "
                    + "\(NumberText.count(summary.requestCount)) requests (\(NumberText.percent(share))); "
                    + "error replies are in the rates and latencies, what was lost or never answered is not"
            )
        }
        if summary.unsentCount > 0 {
            warnings.append(
                "\(label): \(NumberText.count(summary.unsentCount)) requests were due and never sent, for want of a "
                    + "free place; they are in no latency: use more --clients or a lower rate")
        }
        if summary.phases.contains(where: { $0.latencies.maxRecorded >= Latencies.highestNs }) {
            warnings.append("\(label): latencies above an hour are counted as one hour")
        }
        return warnings
    }

    /// Of what the load's threads could have used, how much they did.
    private static func loadShare(_ phase: PhaseResult, _ threadCount: Int) -> Double? {
        guard phase.durationNs > 0, threadCount > 0 else { return nil }
        return Double(phase.loadCPUNs) / (Double(phase.durationNs) * Double(threadCount))
    }

    private static func of(_ searches: [SearchResult], _ result: RunResult) -> [String] {
        var warnings: [String] = []
        for search in searches {
            let label = result.label(of: search.targetIndex)
            if search.highestRatePerS == nil && !search.goal.isEmpty {
                warnings.append(
                    "\(label): \(TextTable.printable(search.goal)) held at none of the "
                        + "\(NumberText.plural(search.steps.count, "rate")) tried")
            }
            let shares = search.steps.compactMap { loadShare($0.phase, result.loadThreadCount) }
            if let share = shares.max(), share > loadShareMax {
                warnings.append(
                    "\(label): at the highest rates of the search the load's own threads were "
                        + "\(NumberText.percent(share)) busy (limit 90 %), so the limit that was found may be theirs; "
                        + "use more --threads")
            }
        }
        return warnings
    }

    /// About how much was measured, once for all targets.
    private static func length(of targets: [TargetSummary]) -> [String] {
        let measured = targets.filter { !$0.phases.isEmpty }
        guard !measured.isEmpty else { return [] }
        var warnings: [String] = []
        let roundCount = measured.map(\.phases.count).min() ?? 0
        if roundCount < roundCountMin {
            warnings.append(
                "\(NumberText.plural(roundCount, "round")) a target: a median needs at least \(roundCountMin), "
                    + "use --rounds"
            )
        }
        let shortest = measured.flatMap(\.phases).map { Double($0.durationNs) / 1e9 }.min() ?? 0
        if shortest < windowMinS {
            warnings.append(
                "the shortest window is \(NumberText.decimal(shortest, places: 1)) s: below \(Int(windowMinS)) s the "
                    + "start of a run and chance weigh much")
        }
        let fewest = measured.map(\.latencies.totalCount).min() ?? 0
        if fewest > 0 && fewest < requestCountMin {
            warnings.append(
                "only \(NumberText.count(fewest)) \(fewest == 1 ? "request" : "requests") a target: p99.99 needs "
                    + "\(NumberText.count(requestCountMin)) "
                    + "to rest on ten"
            )
        }
        return warnings
    }
}

extension RunResult {
    /// For people; a target that is not there has its index.
    func label(of targetIndex: Int) -> String {
        targets.indices.contains(targetIndex)
            ? TextTable.printable(targets[targetIndex].label) : "target \(targetIndex)"
    }
}
