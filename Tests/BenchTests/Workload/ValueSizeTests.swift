import Testing

@testable import keyway_bench

struct ValueSizeTests {
    @Test func whatIsUnderstood() throws {
        #expect(try ValueSize.parse("64") == .fixed(64))
        #expect(try ValueSize.parse("4KB") == .fixed(4096))
        #expect(try ValueSize.parse("0") == .fixed(0))
        #expect(try ValueSize.parse("16-4kb") == .range(16...4096))
        #expect(
            try ValueSize.parse("64:9,1k:1")
                == .weighted([.init(sizeBytes: 64, weight: 9), .init(sizeBytes: 1000, weight: 1)]))
        #expect(try ValueSize.parse("zipf:16-4kb") == .zipf(16...4096, skew: 0.99))
        #expect(try ValueSize.parse("zipf:16-4kb:1.5") == .zipf(16...4096, skew: 1.5))
    }

    @Test(arguments: [
        ("", "no size"), ("x", "no size"), ("-5", "no size"), ("10-5", "begins at 10 and ends before it, at 5"),
        ("1-2-3", "use MIN-MAX"), ("513mb", "above the limit"), ("64:", "SIZE:WEIGHT"), ("64:0", "SIZE:WEIGHT"),
        ("64:9,", "SIZE:WEIGHT"), ("64:1:2", "SIZE:WEIGHT"), ("zipf:5", "use MIN-MAX"), ("zipf:1-5:9", "skew"),
        ("zipf:1-5:1:1", "zipf:MIN-MAX:SKEW"),
    ]) func whatIsNotUnderstoodIsExplained(text: String, words: String) {
        let said = failureText { _ = try ValueSize.parse(text) }
        #expect(said.contains(words) && said.contains("\"\(text)\""), "\(said)")
    }

    @Test func smallestAndSummary() throws {
        #expect(
            try ["64", "16-32", "64:9,8:1", "zipf:5-9"].map { try ValueSize.parse($0).smallestBytes } == [64, 16, 8, 5])
        #expect(try ValueSize.parse("64:9,1kb:1").summary == "values of 64 (90 %), 1,024 (10 %) bytes")
        #expect(try ValueSize.parse("16-4kb").summary == "values of 16 to 4,096 bytes")
        #expect(try ValueSize.parse("zipf:1-9").summary == "values of 1 to 9 bytes (zipf 0.99)")
    }
}
