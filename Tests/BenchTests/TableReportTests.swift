import Testing

@testable import keyway_bench

struct TableReportTests {
    @Test func aCurveWithoutAGoalSaysWhichRatesWereKept() {
        var result = SampleResults.empty
        let steps = [true, false].map { SearchStep(ratePerS: 100, phase: SampleResults.phase(seconds: 5), holds: $0) }
        result.targets = [Target(label: "x", place: .unix(path: "/x"))]
        result.searches = [SearchResult(targetIndex: 0, goal: "", highestRatePerS: nil, steps: steps)]
        let text = TableReport.text(of: result)
        #expect(text.contains(" kept\n") && text.contains(" not kept\n") && !text.contains("hold"))
    }

    @Test func aComparisonFitsTheTerminal() {
        for result in [SampleResults.comparison(), SampleResults.searched()] {
            for line in TableReport.text(of: result).split(separator: "\n") {
                #expect(line.count <= 120, "\(line)")
            }
        }
    }

    @Test func aPersonFindsWhatTheyLookFor() {
        let text = TableReport.text(of: SampleResults.comparison())
        for words in [
            "keyway-bench 0.4.0, 2026-01-01 12:00:00 UTC", "LATENCY, us", "RESOURCES", "PROCESSES", "OPERATIONS, us",
            "AGAINST valkey, direct", "ERRORS", "TIMEOUT server did not answer within 400 ms", "WARNINGS",
        ] {
            #expect(text.contains(words), "\(words) in\n\(text)")
        }
        #expect(!text.contains("SCHEDULE") && !text.contains("SEARCH"))
    }

    @Test func aSearchSaysWhatItFound() {
        let text = TableReport.text(of: SampleResults.searched())
        #expect(text.contains("SEARCH keyway: p99<1ms holds up to "))
        #expect(text.contains("does not hold"))
    }

    @Test func nothingThatATerminalObeysGetsThrough() {
        let hostile = SampleResults.all.first { $0.name == "hostile" }!.result
        let scalars = TableReport.text(of: hostile).unicodeScalars
        let bad = scalars.filter {
            $0 != "\n" && ($0.value < 32 || (0x7f...0x9f).contains($0.value) || $0 == "\u{202e}")
        }
        #expect(bad.isEmpty, "\(bad.map(\.value))")
    }

    @Test func longTextIsBrokenAtSpaces() {
        #expect(TextTable.wrapped("- one two three", widthMax: 9, indent: 2) == ["- one two", "  three"])
        #expect(TextTable.wrapped("", widthMax: 9, indent: 2) == [""])
        #expect(TextTable.wrapped("aVeryLongWord b", widthMax: 5, indent: 1) == ["aVeryLongWord", " b"])
    }

    @Test func columnsStandUnderEachOther() {
        var table = TextTable(["name", "two\nlines"])
        table.append(["a", "1"])
        table.append(["long", "12,345"])
        #expect(table.lines == ["         two", "name   lines", "a          1", "long  12,345"])
    }
}
