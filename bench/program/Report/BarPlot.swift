// BarPlot: one figure of every target as a bar from 0, with its value, its ratio to the first one's, and a thin line
// from the lowest to the highest round.
// Not here: which figure (PlotsOfResult).

struct BarPlot: Sendable {
    struct Bar: Sendable {
        let name: String
        let style: PlotStyle
        let spread: Spread
        /// `×0.83`; empty for the first.
        let ratio: String
    }

    private static let width = 400.0
    private static let rowHeight = 46.0
    /// Room for the letters of a name at the left and of a value at the right.
    private static let nameLengthMax = 34

    let title: String
    let bars: [Bar]
    let label: (@Sendable (Double) -> String)

    var markup: String {
        let highest = bars.map(\.spread.highest).max() ?? 0
        let height = Double(bars.count) * Self.rowHeight + 4
        let summary = bars.map { "\($0.name): \(label($0.spread.median))" }.joined(separator: ", ")
        var text =
            "<svg class=\"bars\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
            + "viewBox=\"0 0 \(Markup.number(Self.width)) \(Markup.number(height))\" "
            + "aria-label=\"\(Markup.escaped("\(title): \(summary)"))\">\n"
        for (index, bar) in bars.enumerated() {
            text += draw(bar, top: Double(index) * Self.rowHeight, highest: highest)
        }
        return text + "</svg>\n"
    }

    private func draw(_ bar: Bar, top: Double, highest: Double) -> String {
        func width(_ value: Double) -> Double { highest > 0 ? max(0, value / highest) * (Self.width - 8) : 0 }
        let number = Markup.number
        let y = top + 22
        let ratio = bar.ratio.isEmpty ? "" : "  \(bar.ratio)"
        var text =
            "<text class=\"name\" x=\"0\" y=\"\(number(top + 15))\">"
            + "\(Markup.escaped(TextTable.cut(bar.name, Self.nameLengthMax)))</text>"
            + "<text class=\"value\" x=\"\(number(Self.width))\" y=\"\(number(top + 15))\" text-anchor=\"end\">"
            + "\(Markup.escaped(label(bar.spread.median) + ratio))</text>\n"
            + "<rect class=\"track\" x=\"0\" y=\"\(number(y))\" width=\"\(number(Self.width))\" "
            + "height=\"12\" rx=\"3\"/><rect class=\"bar c\(bar.style.colour)\" x=\"0\" y=\"\(number(y))\" "
            + "width=\"\(number(width(bar.spread.median)))\" height=\"12\" rx=\"3\"/>\n"
        if bar.spread.lowest < bar.spread.highest {
            let low = width(bar.spread.lowest)
            let high = width(bar.spread.highest)
            text +=
                "<path class=\"whisker\" d=\"M\(number(low)) \(number(y + 2))v8M\(number(high)) \(number(y + 2))v8"
                + "M\(number(low)) \(number(y + 6))H\(number(high))\"/>\n"
        }
        return text
    }
}
