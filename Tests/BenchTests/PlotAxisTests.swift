import TestKit
import Testing

@testable import keyway_bench

struct PlotAxisTests {
    @Test func linearAxesEndAtARoundNumber() {
        let axis = PlotAxis.linear("", highest: 184_000, label: NumberText.brief)
        #expect(axis.ticks.map(\.label) == ["0", "50k", "100k", "150k", "200k"])
        let search = PlotAxis.linear("", lowest: 82_500, highest: 140_625, label: NumberText.brief)
        #expect(search.ticks.map(\.label) == ["80k", "100k", "120k", "140k", "160k"])
        #expect(axis.fraction(0) == 0 && axis.fraction(100_000) == 0.5 && axis.fraction(1e9) == 1)
    }

    @Test func decadesAreEquallyFarApart() {
        let axis = PlotAxis.logarithmic("", [110, 90_000], label: NumberText.brief)
        #expect(axis.low == 100 && axis.high == 100_000)
        #expect(abs(axis.fraction(1_000) - 1.0 / 3) < 1e-9 && axis.fraction(0) == 0)
        let percentiles = PlotAxis.percentile("", count: 5_000)
        #expect(percentiles.ticks.map(\.label) == ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"])
        #expect(abs(percentiles.fraction(90) - 0.25) < 1e-9 && percentiles.fraction(100) == 1)
    }

    @Test func axesOfAnythingHaveTicksInside() {
        var random = SeededRandom.announced()
        let odd: [Double] = [0, -1, .nan, .infinity, 1e-300, 1e300, 1]
        let values = odd + (0..<200).map { _ in Double.random(in: 1e-3...1e13, using: &random) }
        for value in values {
            let axes = [
                PlotAxis.linear("", highest: value, label: NumberText.brief), .time("", highest: value),
                .linear("", lowest: value, highest: value, label: NumberText.brief), .time("", highest: value),
                .logarithmic("", [value], label: NumberText.brief), .logarithmic("", [], label: NumberText.brief),
            ]
            for axis in axes {
                #expect(!axis.ticks.isEmpty && axis.ticks.count < 20, "\(value)")
                #expect(
                    axis.low < axis.high && axis.ticks.allSatisfy { $0.value <= axis.high * (1 + 1e-9) }, "\(value)")
            }
        }
    }
}
