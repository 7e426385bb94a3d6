import Testing

@testable import keyway_bench

struct DurationTextTests {
    @Test(
        arguments: [
            ("10", 10_000_000_000), ("1.5s", 1_500_000_000), ("500ms", 500_000_000), ("2m", 120_000_000_000),
            ("1H", 3_600_000_000_000), ("0", 0), ("0.25", 250_000_000),
        ] as [(String, UInt64)])
    func times(_ text: String, _ ns: UInt64) {
        #expect(DurationText.ns(text) == ns)
    }

    @Test(arguments: ["", "-1", "s", "1d", "1 s", "1e3", "nan", "inf", "1.2.3", "1000h", "٣"])
    func noTimes(_ text: String) {
        #expect(DurationText.ns(text) == nil)
    }
}
