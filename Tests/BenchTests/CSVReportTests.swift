import Testing

@testable import keyway_bench

struct CSVReportTests {
    /// RFC 4180, and nothing more forgiving.
    private func parse(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field = String.UnicodeScalarView()
        var isQuoted = false
        var scalars = text.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            switch (scalar, isQuoted) {
            case ("\"", true) where scalars.first == "\"":
                field.append("\"")
                scalars.removeFirst()
            case ("\"", _): isQuoted.toggle()
            case (",", false), ("\n", false):
                row.append(String(field))
                field = String.UnicodeScalarView()
                if scalar == "\n" {
                    rows.append(row)
                    row = []
                }
            default: field.append(scalar)
            }
        }
        #expect(!isQuoted && row.isEmpty && field.isEmpty)
        return rows
    }

    @Test func everyRowHasEveryColumn() {
        for (name, result) in SampleResults.all {
            let rows = parse(CSVReport.text(of: result))
            #expect(rows[0] == CSVReport.columns, "\(name)")
            #expect(rows.allSatisfy { $0.count == CSVReport.columns.count }, "\(name)")
            let measuredCount = Set(result.phases.map(\.targetIndex)).filter { $0 < result.targets.count }.count
            let stepCount = result.searches.reduce(0) { $0 + $1.steps.count }
            #expect(rows.count == 1 + result.phases.count + stepCount + measuredCount, "\(name)")
        }
    }

    @Test func hostileLabelsComeBackWhole() {
        let result = SampleResults.all.first { $0.name == "hostile" }!.result
        let rows = parse(CSVReport.text(of: result))
        #expect(rows[1][0] == result.targets[0].label)
        #expect(rows.last?[0] == result.targets[1].label && rows.last?[1] == "all")
    }

    @Test func columnNamesAreUniqueAndPlain() {
        #expect(Set(CSVReport.columns).count == CSVReport.columns.count)
        #expect(CSVReport.columns.contains("p99.9_us"))
        #expect(CSVReport.quoted("a,\"b\"\r\n") == "\"a,\"\"b\"\"\r\n\"" && CSVReport.quoted("plain") == "plain")
    }
}
