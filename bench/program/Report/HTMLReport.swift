// HTMLReport: the result as one page that needs nothing else: no script, no font, no picture from anywhere.
// Most important first: the figures of each target, what to beware of, the comparison, then plots and tables.
// Not here: plots (ResultPlots), looks (PageStyle), escaping (Markup).

enum HTMLReport {
    static func text(of result: RunResult) -> String {
        let comparison = Comparison(result)
        let measured = comparison.targets.filter { !$0.phases.isEmpty }
        let title = "keyway-bench: \(result.targets.map(\.label).joined(separator: " and "))"
        let sections =
            [
                header(of: result), cards(of: comparison), warnings(of: result),
                comparison.targets.count > 1
                    ? section(
                        "Comparison",
                        hint:
                            "Bars are medians over the rounds, thin lines reach from the lowest to the highest round.",
                        ResultPlots.bars(comparison)) : "",
                section("Latency versus load", hint: searchText(of: result), ResultPlots.loadCurve(result)),
                section(
                    "Latency by percentile", hint: "All rounds together. Each step to the right is ten times rarer.",
                    ResultPlots.latencyByPercentile(measured)),
                section(
                    "Latency over time", hint: "Rounds stand one after another; a dashed line is where one begins.",
                    ResultPlots.latencyOverTime(measured)),
                section(
                    "Rate over time", hint: "Requests answered, errors among them.",
                    ResultPlots.rateOverTime(measured)),
            ] + ResultTables.sections(of: measured).map { section($0.title, hint: $0.hint, $0.content) }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <title>\(Markup.escaped(title))</title>
            <style>
            \(PageStyle.css)
            </style></head>
            <body><main>
            \(sections.joined())\(footer(of: result))</main></body></html>

            """
    }

    private static func header(of result: RunResult) -> String {
        let names = result.targets.map { Markup.escaped($0.label) }.joined(
            separator: " <span class=\"sub\">and</span> ")
        let facts = [
            ("Workload", Markup.escaped(result.workload)), ("Machine", Markup.escaped(result.machine)),
            (
                "Targets",
                Markup.escaped(result.targets.map { "\($0.label) at \($0.place.text)" }.joined(separator: ", "))
            ),
            ("Command", "<code>\(Markup.escaped(result.command.joined(separator: " ")))</code>"),
        ]
        let list = facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>\n" }.joined()
        let moment = NumberText.moment(secondsSince1970: result.startedAtS)
        return "<header><h1>\(names.isEmpty ? "No target" : names)</h1>\n"
            + "<p class=\"sub\">Measured by keyway-bench \(Markup.escaped(result.version)) on \(moment)</p>\n"
            + "<dl class=\"facts\">\(list)</dl></header>\n"
    }

    private static func cards(of comparison: Comparison) -> String {
        let cards = comparison.targets.filter { !$0.phases.isEmpty }.map { card(of: $0, in: comparison) }
        return cards.isEmpty ? "" : "<section class=\"bare\"><div class=\"cards\">\n\(cards.joined())</div></section>\n"
    }

    private static func card(of target: TargetSummary, in comparison: Comparison) -> String {
        func ratio(_ metric: Metric) -> String {
            guard let spread = comparison.ratio(metric, of: target.index) else { return "" }
            return "<span class=\"ratio\">\(NumberText.ratio(spread.median, times: "×"))</span>"
        }
        var rows = [
            ("Median", ResultPlots.duration(target.over(.p50)?.median), ratio(.p50)),
            ("p99", ResultPlots.duration(target.over(.p99)?.median), ratio(.p99)),
            ("p99.9", ResultPlots.duration(target.over(.p999)?.median), ratio(.p999)),
            ("Highest", ResultPlots.duration(target.latencies.maximumNs), ""),
        ]
        if let cpu = target.over(.cpu) {
            rows.append(("CPU per request", ResultPlots.duration(cpu.median), ratio(.cpu)))
        }
        if let peak = target.over(\.peakResidentBytes) {
            rows.append(("Peak memory", NumberText.mebibytes(peak.highest) + " MiB", ""))
        }
        rows.append(("Errors", NumberText.count(target.errorCount), ""))
        let list = rows.map { "<dt>\($0.0)</dt><dd>\(Markup.escaped($0.1))\($0.2)</dd>\n" }.joined()
        let rate = NumberText.decimal(target.over(.rate)?.median, places: 0)
        return "<div class=\"card\"><h3>\(PlotStyle(target: target.index).swatch) "
            + "<span>\(Markup.escaped(target.target.label))</span></h3>\n"
            + "<div class=\"big\">\(rate) <small>requests/s \(ratio(.rate))</small></div>\n<dl>\(list)</dl></div>\n"
    }

    private static func warnings(of result: RunResult) -> String {
        let warnings = Warnings.of(result)
        guard !warnings.isEmpty else { return "" }
        let list = warnings.map { "<li>\(Markup.escaped($0))</li>\n" }.joined()
        return "<section class=\"warnings\"><h2>Before you believe the numbers</h2><ul>\n\(list)</ul></section>\n"
    }

    private static func searchText(of result: RunResult) -> String {
        result.searches.filter { !$0.goal.isEmpty }.map { search in
            let label = result.label(of: search.targetIndex)
            guard let rate = search.highestRatePerS else { return "\(label): \(search.goal) holds at no rate tried." }
            return "\(label): \(search.goal) holds up to \(NumberText.decimal(rate, places: 0)) requests per second."
        }.joined(separator: " ")
    }

    private static func section(_ title: String, hint: String, _ content: String) -> String {
        guard !content.isEmpty else { return "" }
        let hint = hint.isEmpty ? "" : "<p class=\"hint\">\(Markup.escaped(hint))</p>\n"
        return "<section><h2>\(Markup.escaped(title))</h2>\n\(hint)\(content)</section>\n"
    }

    private static func footer(of result: RunResult) -> String {
        let counts = Comparison(result).targets.map(\.phases.count)
        let rounds = NumberText.plural(counts.max() ?? 0, "round")
        return
            "<footer>Latencies are counted from the moment a request was due (open loop) or written (closed loop) to "
            + "its last reply. \(rounds) a target.</footer>\n"
    }
}
