import Testing

@testable import keyway_bench

struct WrittenNumberTests {
    @Test(arguments: [
        ("64", 64), ("4k", 4000), ("4kb", 4096), ("4KB", 4096), ("1m", 1_000_000), ("1mb", 1_048_576), ("0", 0),
        ("7b", 7),
        ("2g", 2_000_000_000), ("2gb", 2 << 30),
    ]) func sizesWithUnits(text: String, bytes: Int) {
        #expect(WrittenNumber.size(text) == bytes)
    }

    @Test(arguments: ["", "k", "-1", "+1", "1.5k", "4 kb", "4kib", "9999999999g", "99999999999999999999", "٣"])
    func whatIsNoSize(text: String) {
        #expect(WrittenNumber.size(text) == nil)
    }

    @Test func rangesWithSigns() {
        #expect(WrittenNumber.range("5") == 5...5)
        #expect(WrittenNumber.range("1-100") == 1...100)
        #expect(WrittenNumber.range("-5-5") == -5...5)
        #expect(WrittenNumber.range("-5--1") == -5 ... -1)
        for bad in ["", "-", "1-", "-1-", "5-1", "a-b", "1-2-3", "+1-2", "1--"] {
            #expect(WrittenNumber.range(bad) == nil, "\(bad)")
        }
    }

    @Test func amountsAndShares() {
        #expect(WrittenNumber.amount("0.99") == 0.99)
        for bad in ["", "nan", "inf", "-1", "+1", "0x10", "1e3", ".", "1.2.3"] {
            #expect(WrittenNumber.amount(bad) == nil, "\(bad)")
        }
        #expect(WrittenNumber.share("90%") == 0.9)
        for bad in ["90", "101%", "%", "-1%"] { #expect(WrittenNumber.share(bad) == nil, "\(bad)") }
    }

    @Test func numbersForPeople() {
        #expect(
            [0, 999, 1000, 123_456, 1_234_567, -1000].map(WrittenNumber.grouped)
                == ["0", "999", "1,000", "123,456", "1,234,567", "-1,000"])
        #expect([0.99, 90, 33.333, 66.666].map { WrittenNumber.short($0) } == ["0.99", "90", "33.33", "66.67"])
    }
}
