// ReportOptions: the options that say what is looked for and where results go.

import ArgumentParser

struct ReportOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Find the highest rate at which this holds: 'p99<1ms and max<20ms'.", valueName: "goal"))
    var search: String?

    @Option(
        help: ArgumentHelp("Measure latency at so many rates up to the highest.", valueName: "n"))
    var curve: Int?

    @Option(help: ArgumentHelp("Results as JSON; - is standard output.", valueName: "file"), completion: .file())
    var json: String?

    @Option(help: ArgumentHelp("Results as CSV; - is standard output.", valueName: "file"), completion: .file())
    var csv: String?

    @Option(
        help: ArgumentHelp("Results for Prometheus' text files; - is standard output.", valueName: "file"),
        completion: .file())
    var prometheus: String?

    @Option(
        help: ArgumentHelp("Results with plots, one page that needs nothing else.", valueName: "file"),
        completion: .file())
    var html: String?

    @Flag(help: "Show the progress line even where standard error is no terminal.")
    var progress = false

    @Flag(name: [.customShort("q"), .long], help: "No progress line.")
    var quiet = false

    func outputs() throws(UsageError) -> [Plan.Output] {
        let wanted: [(Report, String?)] = [(.json, json), (.csv, csv), (.prometheus, prometheus), (.html, html)]
        var outputs = wanted.compactMap { report, path in path.map { Plan.Output(report: report, path: $0) } }
        guard outputs.filter({ $0.path == "-" }).count <= 1 else {
            throw UsageError("only one report can go to standard output (-); give the others a file")
        }
        guard html != "-" else { throw UsageError("--html -: a page goes into a file; give it a name") }
        // The table makes room for a report that others read.
        if !outputs.contains(where: { $0.path == "-" }) {
            outputs.insert(Plan.Output(report: .table, path: "-"), at: 0)
        }
        for output in outputs {
            do throws(ReportError) { try Report.probe(output.path) } catch { throw UsageError(error.description) }
        }
        return outputs
    }

    func goal() throws(UsageError) -> SearchGoal? {
        guard let search else { return nil }
        do throws(SearchGoalError) { return try SearchGoal(search) } catch {
            throw UsageError("--search: \(error.description)")
        }
    }

    func check(hasRate: Bool, hasCount: Bool, replaysOnce: Bool, isPubSub: Bool) throws(UsageError) {
        if quiet && progress { throw UsageError("--quiet and --progress contradict each other") }
        guard search != nil || curve != nil else { return }
        let option = search != nil ? "--search" : "--curve"
        if hasRate { throw UsageError("\(option) chooses the rates itself; leave --rate out") }
        if hasCount { throw UsageError("\(option) measures each rate for a --duration; leave -n out") }
        if replaysOnce { throw UsageError("\(option) needs a load that does not end; add --replay-loop") }
        if isPubSub { throw UsageError("\(option) does not go with --pubsub") }
        if let curve, !(1...200).contains(curve) { throw UsageError("--curve \(curve) is outside of 1 to 200") }
    }
}
