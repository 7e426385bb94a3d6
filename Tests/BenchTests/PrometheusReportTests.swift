import Testing

@testable import keyway_bench

struct PrometheusReportTests {
    /// What a scraper insists on: every sample under its HELP and TYPE, each series once, values that are numbers.
    private func check(_ text: String, _ name: Comment) {
        var kinds: [String: String] = [:]
        var series: Set<String> = []
        var current = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let match = line.wholeMatch(of: /# HELP (keyway_bench_[a-z_]+) [A-Z].*\./) {
                current = String(match.1)
                #expect(kinds[current] == nil, name)
            } else if let match = line.wholeMatch(of: /# TYPE ([a-z_]+) (gauge|counter|summary)/) {
                #expect(match.1 == current, name)
                kinds[current] = String(match.2)
                #expect((match.2 == "counter") == current.hasSuffix("_total"), "\(current)")
            } else if let match = line.wholeMatch(
                of: /([a-z_]+?)(_sum|_count)?(\{(?:[a-z]+="(?:[^"\\]|\\["\\n])*",?)+\})? ([0-9.e+-]+)/)
            {
                let isPart = kinds[current] == "summary"
                #expect(match.1 == current || (!isPart && match.1 + (match.2 ?? "") == current), "\(line)")
                #expect(match.2 == nil || isPart || "\(match.1)\(match.2 ?? "")" == current, "\(line)")
                #expect(Double(match.4) != nil, "\(line)")
                #expect(series.insert("\(match.1)\(match.2 ?? "")\(match.3 ?? "")").inserted, "twice: \(line)")
            } else {
                Issue.record("\(name): \(line)")
            }
        }
        #expect(text.hasSuffix("\n"))
    }

    @Test func everyResultIsCleanExposition() {
        for (name, result) in SampleResults.all { check(PrometheusReport.text(of: result), "\(name)") }
    }

    @Test func unitsAreBaseUnits() {
        let text = PrometheusReport.text(of: SampleResults.comparison())
        for line in text.split(separator: "\n") where line.hasPrefix("# TYPE") {
            #expect(!line.contains("_ns ") && !line.contains("_us ") && !line.contains("_ms "), "\(line)")
        }
        #expect(text.contains("keyway_bench_errors_total{target=\"keyway\",kind=\"TIMEOUT\"} 17\n"))
        #expect(text.contains("keyway_bench_cpu_seconds_per_request{target=\"keyway\"} 1.02e-05\n"))
        #expect(text.contains("quantile=\"0.9999\""))
    }

    @Test func twoTargetsOfOneNameDoNotClash() {
        var result = SampleResults.comparison(rounds: 1)
        result.targets[1].label = result.targets[0].label
        check(PrometheusReport.text(of: result), "one name")
    }
}
