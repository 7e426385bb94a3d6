// Plot: lines over two axes as SVG. A line is told from another by dash and marker, not only by colour; the numbers
// stand in a table beside it. Each plot is drawn twice, for a wide page and for a phone, and the style sheet shows one.
// Not here: which numbers (PlotsOfResult), colours (PageStyle), bars (BarPlot).

struct PlotSize: Sendable {
    /// Class in the style sheet.
    let name: String
    let width: Double
    let height: Double

    static let wide = PlotSize(name: "wide", width: 920, height: 360)
    static let narrow = PlotSize(name: "narrow", width: 360, height: 300)
    static let all = [wide, narrow]
}

/// How a line is told from the others; also a class in the style sheet.
struct PlotStyle: Sendable {
    static let colourCount = 6
    private static let dashes = ["", "7 4", "2 3", "10 3 2 3"]

    /// Index of a colour of the style sheet.
    let colour: Int
    /// Index of a dash and a marker.
    let shape: Int

    init(colour: Int, shape: Int) {
        self.colour = colour % Self.colourCount
        self.shape = shape % Self.dashes.count
    }

    /// One a target, told apart by shape when colours come around again.
    init(target: Int) { self.init(colour: target, shape: target + target / Self.colourCount) }

    var dash: String { Self.dashes[shape].isEmpty ? "" : " stroke-dasharray=\"\(Self.dashes[shape])\"" }

    func marker(_ x: Double, _ y: Double, isHollow: Bool = false, title: String = "") -> String {
        let kind = "class=\"mark c\(colour)\(isHollow ? " hollow" : "")\""
        let title = title.isEmpty ? "" : "<title>\(Markup.escaped(title))</title>"
        func path(_ points: [(Double, Double)]) -> String {
            let text = points.map { "\(Markup.number(x + $0.0)),\(Markup.number(y + $0.1))" }.joined(separator: " ")
            return "<polygon \(kind) points=\"\(text)\">\(title)</polygon>"
        }
        switch shape {
        case 0:
            return "<circle \(kind) cx=\"\(Markup.number(x))\" cy=\"\(Markup.number(y))\" r=\"3.6\">\(title)</circle>"
        case 1: return path([(-3.4, -3.4), (3.4, -3.4), (3.4, 3.4), (-3.4, 3.4)])
        case 2: return path([(0, -4.4), (4.2, 3.4), (-4.2, 3.4)])
        default: return path([(0, -4.8), (4.8, 0), (0, 4.8), (-4.8, 0)])
        }
    }

    /// For the legend.
    var swatch: String {
        "<svg class=\"swatch\" viewBox=\"0 0 34 12\" width=\"34\" height=\"12\" aria-hidden=\"true\">"
            + "<line class=\"line c\(colour)\" x1=\"1\" y1=\"6\" x2=\"33\" y2=\"6\"\(dash)/>\(marker(17, 6))</svg>"
    }
}

struct PlotPoint: Sendable {
    let x: Double
    let y: Double
    var isHollow = false
    /// What the pointer shows; empty: nothing.
    var title = ""
}

struct PlotSeries: Sendable {
    let name: String
    let style: PlotStyle
    /// Not joined to each other.
    let pieces: [[PlotPoint]]
    /// Every point of one piece is marked up to so many; else some are, evenly.
    var markCountMax = 12
}

/// A thin line across the plot, with words.
struct PlotGuide: Sendable {
    enum Place: Sendable {
        case x(Double)
        case y(Double)
    }
    let place: Place
    let label: String
}

struct Plot: Sendable {
    private static let left = 56.0
    private static let right = 18.0
    private static let top = 32.0
    private static let bottom = 50.0
    /// Of a letter of an axis, about.
    private static let letterWidth = 6.4

    let title: String
    let xAxis: PlotAxis
    let yAxis: PlotAxis
    let series: [PlotSeries]
    var guides: [PlotGuide] = []

    /// All sizes and the legend.
    var markup: String {
        let names = series.map { "<li>\($0.style.swatch) \(Markup.escaped($0.name))</li>" }.joined()
        return "<ul class=\"legend\">\(names)</ul>\n" + PlotSize.all.map { svg($0) }.joined()
    }

    func svg(_ size: PlotSize) -> String {
        let label = Markup.escaped("\(title). \(yAxis.title) over \(xAxis.title). The table has the numbers.")
        var text =
            "<svg class=\"plot \(size.name)\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
            + "viewBox=\"0 0 \(Markup.number(size.width)) \(Markup.number(size.height))\" aria-label=\"\(label)\">\n"
        text += yTicks(size) + xTicks(size) + axisTitles(size)
        for guide in guides { text += draw(guide, size) }
        for line in series { text += draw(line, size) }
        return text + "</svg>\n"
    }

    private func x(_ value: Double, _ size: PlotSize) -> Double {
        Self.left + xAxis.fraction(value) * (size.width - Self.left - Self.right)
    }

    private func y(_ value: Double, _ size: PlotSize) -> Double {
        size.height - Self.bottom - yAxis.fraction(value) * (size.height - Self.top - Self.bottom)
    }

    private func yTicks(_ size: PlotSize) -> String {
        yAxis.ticks.map { tick in
            let y = y(tick.value, size)
            return Self.line("grid", Self.left, y, size.width - Self.right, y)
                + Self.text(tick.label, Self.left - 8, y + 4, "end")
        }.joined()
    }

    /// A label that would touch the one before it is left out, its tick stays. The last one always fits.
    private func xTicks(_ size: PlotSize) -> String {
        var text = ""
        var freeFrom = -Double.infinity
        let places = xAxis.ticks.map { x($0.value, size) }
        for (index, tick) in xAxis.ticks.enumerated() {
            let half = Double(tick.label.count) * Self.letterWidth / 2
            let bottom = size.height - Self.bottom
            text += Self.line("tick", places[index], bottom, places[index], bottom + 5)
            let lastLabel = xAxis.ticks[xAxis.ticks.count - 1].label
            let lastStart = places[places.count - 1] - Double(lastLabel.count) * Self.letterWidth / 2
            let isLast = index == xAxis.ticks.count - 1
            guard places[index] - half >= freeFrom, isLast || places[index] + half + 6 <= lastStart else { continue }
            freeFrom = places[index] + half + 6
            let isAtEdge = places[index] + half > size.width
            text += Self.text(
                tick.label, isAtEdge ? size.width - 1 : places[index], bottom + 19, isAtEdge ? "end" : "middle")
        }
        return text
            + Self.line(
                "axis", Self.left, size.height - Self.bottom, size.width - Self.right, size.height - Self.bottom)
    }

    private func axisTitles(_ size: PlotSize) -> String {
        let across = Self.left + (size.width - Self.left - Self.right) / 2
        return Self.text(xAxis.title, across, size.height - 8, "middle", kind: "title")
            + Self.text(yAxis.title, 2, 15, "start", kind: "title")
    }

    private func draw(_ guide: PlotGuide, _ size: PlotSize) -> String {
        switch guide.place {
        case .x(let value):
            let x = x(value, size)
            let isRight = x > size.width / 2
            return Self.line("guide", x, Self.top, x, size.height - Self.bottom)
                + Self.text(guide.label, x + (isRight ? -6 : 6), Self.top + 10, isRight ? "end" : "start", kind: "note")
        case .y(let value):
            let y = y(value, size)
            return Self.line("guide", Self.left, y, size.width - Self.right, y)
                + Self.text(guide.label, Self.left + 6, y - 5, "start", kind: "note")
        }
    }

    private func draw(_ line: PlotSeries, _ size: PlotSize) -> String {
        var text = "<g class=\"c\(line.style.colour)\">\n"
        for piece in line.pieces where !piece.isEmpty {
            let points = piece.map { "\(Markup.number(x($0.x, size))),\(Markup.number(y($0.y, size)))" }
            if points.count > 1 {
                text += "<polyline class=\"line\"\(line.style.dash) points=\"\(points.joined(separator: " "))\"/>\n"
            }
            let stride = max(1, (piece.count + line.markCountMax - 1) / line.markCountMax)
            for (index, point) in piece.enumerated() where index % stride == 0 || index == piece.count - 1 {
                text += line.style.marker(
                    x(point.x, size), y(point.y, size), isHollow: point.isHollow, title: point.title)
            }
        }
        return text + "</g>\n"
    }

    private static func line(_ kind: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line class=\"\(kind)\" x1=\"\(Markup.number(x1))\" y1=\"\(Markup.number(y1))\" "
            + "x2=\"\(Markup.number(x2))\" y2=\"\(Markup.number(y2))\"/>\n"
    }

    private static func text(_ text: String, _ x: Double, _ y: Double, _ anchor: String, kind: String = "label")
        -> String
    {
        text.isEmpty
            ? ""
            : "<text class=\"\(kind)\" x=\"\(Markup.number(x))\" y=\"\(Markup.number(y))\" text-anchor=\"\(anchor)\">"
                + "\(Markup.escaped(text))</text>\n"
    }
}
