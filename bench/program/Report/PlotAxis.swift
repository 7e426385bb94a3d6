// PlotAxis: where a value stands between the two ends of an axis, and which values are written beside it.
// Values outside are put at the nearer end; what is not finite is the caller's to leave out.
// Not here: drawing (Plot).

import Foundation

struct PlotAxis: Sendable {
    enum Scale: Sendable {
        case linear
        case logarithmic
        /// A percentile, by the power of ten of what is above it: 90, 99 and 99.9 are equally far apart.
        case percentile
    }
    struct Tick: Sendable {
        let value: Double
        let label: String
    }

    let title: String
    let scale: Scale
    let low: Double
    let high: Double
    let ticks: [Tick]

    /// To at least `highest`, from 0 or from a round number below `lowest`.
    static func linear(_ title: String, lowest: Double = 0, highest: Double, label: (Double) -> String) -> PlotAxis {
        let highest = highest.isFinite && highest > 0 ? highest : 1
        let lowest = lowest.isFinite ? min(max(0, lowest), highest * 0.99) : 0
        let step = niceStep((highest - lowest) / 4)
        let first = Int((lowest / step + 1e-9).rounded(.down))
        let last = max(first + 1, Int((highest / step - 1e-9).rounded(.up)))
        let ticks = (first...last).map { Tick(value: Double($0) * step, label: label(Double($0) * step)) }
        return PlotAxis(title: title, scale: .linear, low: ticks[0].value, high: Double(last) * step, ticks: ticks)
    }

    /// From 0 to `highest` exactly: for time, where nothing is to the right of the end.
    static func time(_ title: String, highest: Double) -> PlotAxis {
        let highest = highest.isFinite && highest > 0 ? highest : 1
        let step = niceStep(highest / 6)
        let ticks = (0...Int(highest / step + 1e-9)).map {
            Tick(value: Double($0) * step, label: NumberText.significant(Double($0) * step))
        }
        return PlotAxis(title: title, scale: .linear, low: 0, high: highest, ticks: ticks)
    }

    /// Around the values, out to the next 1, 2 or 5 of a power of ten.
    static func logarithmic(_ title: String, _ values: [Double], label: (Double) -> String) -> PlotAxis {
        let values = values.filter { $0.isFinite && $0 > 0 }
        let lowest = values.min() ?? 1
        let highest = max(values.max() ?? 10, lowest)
        let all = (-12...18).flatMap { power in [1, 2, 5].map { $0 * pow(10, Double(power)) } }
        let low = all.dropLast().last { $0 <= lowest * (1 + 1e-9) } ?? all[0]
        let high = all.first { $0 >= highest * (1 - 1e-9) && $0 > low } ?? all[all.count - 1]
        let between = all.filter { $0 >= low && $0 <= high }
        // With many powers of ten only those are named.
        let named = between.count > 9 ? all.indices.filter { $0 % 3 == 0 }.map { all[$0] } : between
        return PlotAxis(
            title: title, scale: .logarithmic, low: low, high: high,
            ticks: named.filter { $0 >= low && $0 <= high }.map { Tick(value: $0, label: label($0)) })
    }

    /// From the lowest to the percentile that `count` values can tell.
    static func percentile(_ title: String, count: UInt64) -> PlotAxis {
        let nines = min(7, max(2, Int(log10(Double(max(count, 1))).rounded(.up))))
        let all: [Double] = [0, 50] + (1...nines).map { 100 - 100 * pow(10, -Double($0)) }
        return PlotAxis(
            title: title, scale: .percentile, low: 0, high: all[all.count - 1],
            ticks: all.map { Tick(value: $0, label: NumberText.percentile($0) + " %") })
    }

    /// 0 at the low end, 1 at the high end.
    func fraction(_ value: Double) -> Double {
        precondition(!value.isNaN, "PlotAxis: no number")
        let place = position(value)
        let span = position(high) - position(low)
        return span > 0 ? min(1, max(0, (place - position(low)) / span)) : 0
    }

    private func position(_ value: Double) -> Double {
        switch scale {
        case .linear: value
        case .logarithmic: log10(max(value, low))
        case .percentile: -log10(max(1e-9, 1 - min(value, 100) / 100))
        }
    }

    /// The next 1, 2, 2.5 or 5 of a power of ten.
    private static func niceStep(_ rough: Double) -> Double {
        let power = pow(10, log10(rough).rounded(.down))
        for step in [1, 2, 2.5, 5] where rough <= step * power * (1 + 1e-9) { return step * power }
        return 10 * power
    }
}
