// ResultPlots: the figures of the page: which numbers go into which plot, and the same numbers in the table under it.
// A figure that has nothing to show is empty text.
// Not here: drawing (Plot, BarPlot), the page around the figures (HTMLReport).

import Foundation
import Histogram

enum ResultPlots {
    private static let percentileStep = 0.05

    static func duration(_ ns: Double?) -> String { NumberText.duration(ns: ns, micro: "µs") }

    /// A label for an axis: `200 µs`, without places that say nothing.
    private static func axisDuration(_ ns: Double) -> String {
        switch ns {
        case ..<1e3: NumberText.significant(ns) + " ns"
        case ..<1e6: NumberText.significant(ns / 1e3) + " µs"
        case ..<1e9: NumberText.significant(ns / 1e6) + " ms"
        default: NumberText.significant(ns / 1e9) + " s"
        }
    }

    static func latencyByPercentile(_ targets: [TargetSummary]) -> String {
        let targets = targets.filter { $0.latencies.totalCount > 0 }
        guard !targets.isEmpty else { return "" }
        let lines = targets.map { target in
            PlotSeries(
                name: target.target.label, style: PlotStyle(target: target.index),
                pieces: [percentileCurve(target.latencies)], markCountMax: 9)
        }
        let plot = Plot(
            title: "Latency by percentile",
            xAxis: .percentile("percentile of requests", count: targets.map(\.latencies.totalCount).max() ?? 1),
            yAxis: .logarithmic("latency", lines.flatMap { $0.pieces.joined().map(\.y) }, label: axisDuration),
            series: lines)
        let rows = Report.percentiles.map { percentile in
            [NumberText.percentile(percentile) + " %"]
                + targets.map { duration($0.latencies.percentileNs(percentile)) }
        }
        let highest = ["highest"] + targets.map { duration($0.latencies.maximumNs) }
        let mean = ["mean"] + targets.map { duration($0.latencies.meanNs) }
        return figure(
            plot, heads: ["Percentile"] + targets.map(\.target.label), rows: rows + [highest, mean],
            caption: "Latency at each percentile, all rounds together")
    }

    private static func percentileCurve(_ latencies: Latencies) -> [PlotPoint] {
        let end = log10(Double(latencies.totalCount))
        let places = Array(stride(from: 0, to: end, by: percentileStep)) + [end]
        return places.map { place in
            let percentile = 100 - 100 * pow(10, -place)
            let ns = max(Double(latencies.valueAtPercentile(percentile)), 1)
            return PlotPoint(x: percentile, y: ns, title: "\(NumberText.percentile(percentile)) %: \(duration(ns))")
        }
    }

    /// One plot a target, all with the same axes.
    static func latencyOverTime(_ targets: [TargetSummary]) -> String {
        let timelines = targets.map { (target: $0, timeline: Timeline($0.phases)) }
        let shown = timelines.filter { $0.timeline.rounds.joined().contains { $0.p50Ns != nil } }
        guard !shown.isEmpty else { return "" }
        let values = shown.flatMap { $0.timeline.rounds.joined().flatMap { [$0.p50Ns, $0.p99Ns, $0.highestNs] } }
        let yAxis = PlotAxis.logarithmic("latency", values.compactMap(\.self), label: axisDuration)
        let lengthS = shown.map(\.timeline.lengthS).max() ?? 1
        return shown.map { target, timeline in
            let figures: [(String, KeyPath<Timeline.Step, Double?>)] = [
                ("p50", \.p50Ns), ("p99", \.p99Ns), ("highest", \.highestNs),
            ]
            let lines = figures.enumerated().map { shape, figure in
                PlotSeries(
                    name: figure.0, style: PlotStyle(colour: target.index, shape: shape),
                    pieces: timeline.rounds.map { points($0, figure.1, name: figure.0) }, markCountMax: 8)
            }
            let plot = Plot(
                title: "Latency over time, \(target.target.label)",
                xAxis: .time("measured time, s", highest: lengthS), yAxis: yAxis, series: lines,
                guides: roundStarts(timeline))
            let rows = timeline.rounds.joined().map { step in
                [
                    "\(NumberText.decimal(step.startS, places: 1)) to \(NumberText.decimal(step.endS, places: 1)) s",
                    duration(step.p50Ns), duration(step.p99Ns), duration(step.highestNs),
                    NumberText.count(step.errorCount),
                ]
            }
            let heading = shown.count > 1 ? "<h3>\(Markup.escaped(target.target.label))</h3>\n" : ""
            return figure(
                plot, heads: ["Time", "p50", "p99", "highest", "errors"], rows: rows,
                caption: "Latency over time, \(target.target.label)", heading: heading)
        }.joined()
    }

    static func rateOverTime(_ targets: [TargetSummary]) -> String {
        let shown = targets.map { (target: $0, timeline: Timeline($0.phases)) }.filter { !$0.timeline.rounds.isEmpty }
        guard !shown.isEmpty else { return "" }
        let lines = shown.map { target, timeline in
            PlotSeries(
                name: target.target.label, style: PlotStyle(target: target.index),
                pieces: timeline.rounds.map { steps in
                    steps.map { step in
                        let title = "\(NumberText.decimal(step.ratePerS, places: 0)) requests/s"
                        return PlotPoint(x: step.middleS, y: step.ratePerS, title: title)
                    }
                }, markCountMax: 8)
        }
        let intended = shown.compactMap(\.target.intendedRatePerS).max()
        let highest = max(lines.flatMap { $0.pieces.joined().map(\.y) }.max() ?? 1, intended ?? 0)
        let longest = shown.max { $0.timeline.lengthS < $1.timeline.lengthS }
        let guides = intended.map { [PlotGuide(place: .y($0), label: "intended")] } ?? []
        let plot = Plot(
            title: "Rate over time", xAxis: .time("measured time, s", highest: longest?.timeline.lengthS ?? 1),
            yAxis: .linear("requests per second", highest: highest, label: NumberText.brief), series: lines,
            guides: guides + (longest.map { roundStarts($0.timeline) } ?? []))
        let rows = shown.flatMap { target, timeline in
            timeline.rounds.joined().map { step in
                [
                    target.target.label, String(step.roundIndex + 1),
                    "\(NumberText.decimal(step.startS, places: 1)) to \(NumberText.decimal(step.endS, places: 1)) s",
                    NumberText.decimal(step.ratePerS, places: 0), NumberText.count(step.errorCount),
                ]
            }
        }
        return figure(
            plot, heads: ["Target", "Round", "Time", "Requests/s", "Errors"], rows: rows, caption: "Rate over time")
    }

    private static func points(_ steps: [Timeline.Step], _ figure: KeyPath<Timeline.Step, Double?>, name: String)
        -> [PlotPoint]
    {
        steps.compactMap { step in
            step[keyPath: figure].map { ns in
                PlotPoint(x: step.middleS, y: max(ns, 1), title: "\(name) \(duration(ns))")
            }
        }
    }

    /// Where a round begins, but for the first.
    private static func roundStarts(_ timeline: Timeline) -> [PlotGuide] {
        timeline.rounds.dropFirst().compactMap(\.first).map { PlotGuide(place: .x($0.startS), label: "") }
    }

    static func loadCurve(_ result: RunResult) -> String {
        let searches = result.searches.filter { $0.steps.contains { $0.phase.latencies.totalCount > 0 } }
        guard !searches.isEmpty else { return "" }
        let lines = searches.flatMap { search in
            [(50.0, "p50", 0), (99.0, "p99", 1)].map { percentile, name, shape in
                PlotSeries(
                    name: "\(result.label(of: search.targetIndex)), \(name)",
                    style: PlotStyle(colour: search.targetIndex, shape: shape + search.targetIndex % 2 * 2),
                    pieces: [curve(search, percentile, name)], markCountMax: 40)
            }
        }
        let rates = lines.flatMap { $0.pieces.joined().map(\.x) }
        let limits = searches.first.map { limitGuides($0.goal) } ?? []
        let values = lines.flatMap { $0.pieces.joined().map(\.y) } + limits.map(\.ns)
        let found = searches.compactMap { search in
            search.highestRatePerS.map {
                PlotGuide(place: .x($0), label: searches.count == 1 ? "\(NumberText.brief($0)) holds" : "")
            }
        }
        let plot = Plot(
            title: "Latency versus load",
            // A search stays near its end; from 0 on its steps would be one blot.
            xAxis: .linear(
                "intended requests per second",
                lowest: (rates.min() ?? 0) > (rates.max() ?? 0) / 4 ? rates.min() ?? 0 : 0,
                highest: rates.max() ?? 1, label: NumberText.brief),
            yAxis: .logarithmic("latency", values, label: axisDuration), series: lines,
            guides: limits.map(\.guide) + found)
        let rows = searches.flatMap { search in
            search.steps.sorted { $0.ratePerS < $1.ratePerS }.map { step in
                [
                    result.label(of: search.targetIndex), NumberText.decimal(step.ratePerS, places: 0),
                    NumberText.decimal(step.phase.ratePerS, places: 0),
                ] + [50, 99, 99.9, 100].map { duration(step.phase.latencies.percentileNs($0)) }
                    + [NumberText.count(step.phase.errorCount), step.holds ? "yes" : "no"]
            }
        }
        return figure(
            plot, heads: ["Target", "Intended/s", "Answered/s", "p50", "p99", "p99.9", "highest", "Errors", "Holds"],
            rows: rows, caption: "Every rate that was tried; in the plot a hollow marker is a rate that does not hold")
    }

    private static func curve(_ search: SearchResult, _ percentile: Double, _ name: String) -> [PlotPoint] {
        search.steps.filter { $0.ratePerS.isFinite }.sorted { $0.ratePerS < $1.ratePerS }.compactMap { step in
            step.phase.latencies.percentileNs(percentile).map { ns in
                PlotPoint(
                    x: step.ratePerS, y: max(ns, 1), isHollow: !step.holds,
                    title: "\(NumberText.decimal(step.ratePerS, places: 0)) requests/s: \(name) \(duration(ns))")
            }
        }
    }

    private static func limitGuides(_ goal: String) -> [(ns: Double, guide: PlotGuide)] {
        guard !goal.isEmpty, let goal = try? SearchGoal(goal) else { return [] }
        return goal.conditions.map { condition in
            (Double(condition.limitNs), PlotGuide(place: .y(Double(condition.limitNs)), label: condition.text))
        }
    }

    /// Rate, median, p99 and CPU time side by side.
    static func bars(_ comparison: Comparison) -> String {
        let micro: @Sendable (Double) -> String = { duration($0) }
        let figures: [(String, Metric, @Sendable (Double) -> String)] = [
            ("Requests per second (more is better)", .rate, { NumberText.decimal($0, places: 0) }),
            ("Median latency (less is better)", .p50, micro), ("p99 latency (less is better)", .p99, micro),
            ("Target's CPU time per request (less is better)", .cpu, micro),
        ]
        let plots = figures.map { title, metric, label -> String in
            let bars = comparison.targets.compactMap { target in
                target.over(metric).map { spread in
                    BarPlot.Bar(
                        name: target.target.label, style: PlotStyle(target: target.index), spread: spread,
                        ratio: comparison.ratio(metric, of: target.index).map {
                            NumberText.ratio($0.median, times: "×")
                        } ?? "")
                }
            }
            guard !bars.isEmpty else { return "" }
            let plot = BarPlot(title: title, bars: bars, label: label)
            return "<figure><h3>\(Markup.escaped(title))</h3>\(plot.markup)</figure>\n"
        }
        guard plots.contains(where: { !$0.isEmpty }) else { return "" }
        return "<div class=\"bar-grid\">\(plots.joined())</div>\n" + comparisonTable(comparison)
    }

    private static func comparisonTable(_ comparison: Comparison) -> String {
        func range(_ spread: Spread?, _ label: (Double) -> String) -> String {
            guard let spread else { return NumberText.missing }
            if spread.lowest == spread.highest { return label(spread.median) }
            return "\(label(spread.median)) (\(label(spread.lowest)) to \(label(spread.highest)))"
        }
        let rows = comparison.targets.flatMap { target -> [[String]] in
            let values = Metric.allCases.map { metric in
                range(target.over(metric)) {
                    metric == .rate ? NumberText.decimal($0, places: 0) : duration($0)
                }
            }
            let ratios = Metric.allCases.map { metric in
                range(comparison.ratio(metric, of: target.index)) { NumberText.ratio($0, times: "×") }
            }
            let first = [[target.target.label] + values]
            return target.index == 0 ? first : first + [["ratio to the first"] + ratios]
        }
        let table = Markup.table(
            ["Target", "Requests/s", "p50", "p99", "p99.9", "CPU per request"], rows,
            caption: "Medians over the rounds, lowest and highest in brackets")
        return Markup.details("The numbers", table)
    }

    private static func figure(
        _ plot: Plot, heads: [String], rows: [[String]], caption: String, heading: String = ""
    ) -> String {
        let table = Markup.table(heads, rows, caption: caption)
        return "<figure>\(heading)\(plot.markup)</figure>\n" + Markup.details("The numbers", table)
    }
}
