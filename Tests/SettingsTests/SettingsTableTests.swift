import Settings
import Testing

@Test func everyKeyHasOneRowInItsScope() {
    for scope in SettingsRow.Scope.allCases {
        let keys = SettingsTable.keys(scope)
        #expect(Set(keys).count == keys.count)
        #expect(!keys.isEmpty)
    }
}

@Test func everySentenceIsOneSentence() {
    for row in SettingsTable.rows {
        #expect(row.sentence.hasSuffix("."), "\(row.key)")
        #expect(!row.sentence.dropLast().contains(". "), "\(row.key)")
        #expect(row.isRequired ? row.defaultText == nil : true, "\(row.key)")
    }
}

/// Goal: a default that a person copies into a file is accepted and means the same as leaving the key out.
@Test func everyDefaultWrittenOutChangesNothing() throws {
    for row in SettingsTable.rows {
        guard let value = row.defaultText else { continue }
        let line = "\(row.key): \(value)"
        let text =
            switch row.scope {
            case .process: process(line)
            case .pool: pool(line)
            case .embedded: "alpha:\n  listen: 127.0.0.1:22121\n  servers:\n    embedded: 2\n    \(line)\n"
            }
        var written = try Settings.parse(text: text, fileName: "k.yml")
        guard case .embedded(var embedded) = written.pools[0].servers else { continue }
        embedded.line = 3
        written.pools[0].servers = .embedded(embedded)
        #expect(written == (try Settings.parse(text: pool(), fileName: "k.yml")), "\(row.key)")
    }
}

/// Goal: both ends of every range are in, one step beyond is out.
@Test func everyRangeHoldsAtBothEnds() throws {
    for row in SettingsTable.rows {
        let range: ClosedRange<Int>
        switch row.kind {
        case .number(_, let bounds, _), .wordsOrNumber(_, _, let bounds), .size(let bounds): range = bounds
        case .boolean, .words, .text: continue
        }
        func findings(_ value: Int) -> [String] {
            let line = "\(row.key): \(value)"
            let isRangeError = { (text: String) in
                text.contains(" is below the minimum ") || text.contains(" is above the maximum ")
            }
            return switch row.scope {
            case .process: errors(process(line)).filter(isRangeError)
            case .pool: errors(pool(line)).filter(isRangeError)
            case .embedded:
                errors(
                    "a:\n  listen: h:1\n  servers:\n    \(row.key == "embedded" ? "" : "embedded: 1\n    ")\(line)\n"
                )
                .filter(isRangeError)
            }
        }
        #expect(findings(range.lowerBound).isEmpty, "\(row.key)")
        #expect(findings(range.upperBound).isEmpty, "\(row.key)")
        #expect(findings(range.upperBound + 1).count == 1, "\(row.key)")
        #expect(findings(range.lowerBound - 1).count == 1, "\(row.key)")
    }
}

@Test func aRowDescribesItself() throws {
    let timeout = try #require(SettingsTable.row(.pool, "timeout"))
    #expect(timeout.unit == "ms")
    #expect(timeout.range == "0...2147483647 (0 = wait for ever)")
    #expect(timeout.defaultWord == "5000")
    #expect(timeout.isReloadable)
    let memory = try #require(SettingsTable.row(.embedded, "memory"))
    #expect((memory.unit, memory.range, memory.defaultWord) == ("bytes", "1mb...1024gb", "256mb"))
    #expect(!memory.isReloadable)
    let pacing = try #require(SettingsTable.row(.process, "pacing"))
    #expect((pacing.unit, pacing.range) == ("microseconds", "auto, off, 1...1000"))
    #expect(try #require(SettingsTable.row(.pool, "listen")).defaultWord == "required")
    #expect(try #require(SettingsTable.row(.pool, "hash_tag")).defaultWord == "none")
    #expect(SettingsTable.row(.pool, "workers") == nil)
}
