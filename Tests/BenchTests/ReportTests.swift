import Foundation
import Testing

@testable import keyway_bench

/// What holds of every report and every result.
struct ReportTests {
    @Test(arguments: Report.allCases)
    func noReportPrintsWhatIsNoNumber(report: Report) {
        for (name, result) in SampleResults.all {
            let text = report.text(of: result)
            #expect(!text.isEmpty && text.hasSuffix("\n"), "\(name)")
            let words = text.lowercased().split { !$0.isLetter }
            #expect(!words.contains("nan") && !words.contains("inf") && !words.contains("infinity"), "\(name)")
        }
    }

    @Test(arguments: Report.allCases)
    func theSameResultIsTheSameText(report: Report) {
        #expect(report.text(of: SampleResults.searched()) == report.text(of: SampleResults.searched()))
    }

    @Test func aReportReplacesWhatWasInTheFile() throws {
        let path = NSTemporaryDirectory() + "keyway-bench-report-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Report.probe(path)
        try String(repeating: "old", count: 100_000).write(toFile: path, atomically: false, encoding: .utf8)
        try Report.probe(path)
        #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("oldold"))
        let result = SampleResults.comparison(rounds: 1)
        try Report.csv.write(result, to: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == CSVReport.text(of: result))
    }

    @Test func aFileThatCannotBeWrittenIsSaid() {
        let path = "/nowhere/at all/report.json"
        for attempt in [
            { () throws in try Report.probe(path) }, { try Report.json.write(SampleResults.empty, to: path) },
        ] {
            let error = #expect(throws: ReportError.self) { try attempt() }
            #expect(error?.description.hasPrefix(path) == true && error?.description.contains("No such file") == true)
        }
        #expect(throws: ReportError.self) { try Report.json.write(SampleResults.empty, to: "/dev/full") }
    }

    @Test func placesReadLikeAddresses() {
        #expect(Target.Place.tcp(host: "::1", port: 6379).text == "[::1]:6379")
        #expect(Target.Place.tcp(host: "cache", port: 1).text == "cache:1")
        #expect(Target.Place.unix(path: "/run/x").text == "/run/x")
    }
}
