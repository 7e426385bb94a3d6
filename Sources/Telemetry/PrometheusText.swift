// PrometheusText: the text format of Prometheus, one family after the other, each with its HELP and TYPE.
// It knows how lines are written and escaped, and that a family comes in one piece.
// Not here: which families there are (PrometheusPage).

package struct PrometheusText {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    package typealias Labels = [(name: String, value: String)]

    package private(set) var text = ""

    package init() {}

    /// What follows belongs to it.
    package mutating func family(_ name: String, _ kind: Kind, _ sentence: String) {
        text += "# HELP \(name) \(Self.escaped(sentence)).\n# TYPE \(name) \(kind.rawValue)\n"
    }

    package mutating func sample(_ name: String, _ labels: Labels = [], _ value: Int) {
        line(name, labels, String(value))
    }

    package mutating func sample(_ name: String, _ labels: Labels = [], _ value: Double) {
        line(name, labels, "\(value)")
    }

    /// A bucket for each doubling from 16 us to 16 s: finer ones serve nobody and cost every scraper.
    package mutating func histogram(_ name: String, _ labels: Labels, _ values: HistogramValues) {
        for exponent in 4...24 {
            let limitUs = 1 << exponent
            line(
                name + "_bucket", labels + [("le", "\(Double(limitUs) / 1_000_000)")],
                String(values.count(belowUs: limitUs)))
        }
        line(name + "_bucket", labels + [("le", "+Inf")], String(values.count))
        line(name + "_sum", labels, "\(Double(values.sumUs) / 1_000_000)")
        line(name + "_count", labels, String(values.count))
    }

    private mutating func line(_ name: String, _ labels: Labels, _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (index, label) in labels.enumerated() {
                if index > 0 { text += "," }
                text += "\(label.name)=\"\(Self.escaped(label.value))\""
            }
            text += "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x5C || $0 == 0x0A }) else { return value }
        return value.reduce(into: "") { text, letter in
            switch letter {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.append(letter)
            }
        }
    }
}
