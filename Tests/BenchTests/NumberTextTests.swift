import Testing

@testable import keyway_bench

struct NumberTextTests {
    @Test func digitsAreGrouped() {
        #expect(NumberText.count(0) == "0" && NumberText.count(999) == "999" && NumberText.count(1000) == "1,000")
        #expect(NumberText.count(.max) == "18,446,744,073,709,551,615")
        #expect(
            NumberText.decimal(-1234.567, places: 1) == "-1,234.6" && NumberText.decimal(999.96, places: 1) == "1,000.0"
        )
    }

    @Test func whatIsMissingIsADash() {
        for number in [nil, .nan, .infinity, -.infinity] as [Double?] {
            #expect(NumberText.decimal(number, places: 2) == "-" && NumberText.duration(ns: number) == "-")
            #expect(
                NumberText.ratio(number) == "-" && NumberText.percent(number) == "-" && NumberText.short(number) == "-")
        }
        #expect(NumberText.moment(secondsSince1970: .nan) == "-" && NumberText.moment(secondsSince1970: 1e300) == "-")
    }

    @Test func durationsHaveTheUnitThatFits() {
        let samples: [(Double, String)] = [
            (0, "0 ns"), (999, "999 ns"), (999.9, "1.00 us"), (85_240, "85.2 us"), (999_400, "999 us"),
            (999_600, "1.00 ms"), (1_254_000, "1.25 ms"), (3e9, "3.00 s"), (3.6e12, "3,600 s"),
        ]
        for (ns, text) in samples { #expect(NumberText.duration(ns: ns) == text) }
    }

    @Test func sharesAndPercentilesReadPlainly() {
        #expect(NumberText.percent(0) == "0.00 %" && NumberText.percent(0.00001) == "below 0.01 %")
        #expect(NumberText.percent(0.9966) == "99.7 %" && NumberText.percentile(99.999) == "99.999")
        #expect(NumberText.brief(12_500) == "12.5k" && NumberText.brief(0) == "0" && NumberText.brief(2e6) == "2M")
    }
}
