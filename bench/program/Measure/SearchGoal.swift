// SearchGoal: what must hold of the latencies, as a user writes it: `p99<1ms`, `p50<200us and max<=10ms`.
// A limit is compared at the histogram's own precision, three digits. Nothing measured never holds.
// Not here: at which rates it is tried (RateSearch), errors and rates missed (SearchRules).

import Histogram

struct SearchGoalError: Error, Equatable, CustomStringConvertible {
    let description: String
}

struct SearchGoal: Sendable, Equatable {
    enum Figure: Sendable, Equatable {
        case percentile(Double)
        case mean
        case max
    }
    struct Condition: Sendable, Equatable {
        let figure: Figure
        let limitNs: UInt64
        /// `<=` and not `<`.
        let includesLimit: Bool
        /// As it was written, without spaces.
        let text: String
    }

    let conditions: [Condition]

    /// `p99<1ms and max<10ms`.
    var text: String { conditions.map(\.text).joined(separator: " and ") }

    init(_ text: String) throws(SearchGoalError) {
        var conditions: [Condition] = []
        for part in Self.parts(of: text) { conditions.append(try Condition(part, in: text)) }
        self.conditions = conditions
    }

    func holds(_ latencies: Latencies) -> Bool {
        latencies.totalCount > 0 && conditions.allSatisfy { $0.holds(latencies) }
    }

    private static func parts(of text: String) -> [String] {
        var parts = [""]
        for word in text.replacing(",", with: " and ").replacing("&&", with: " and ").split(separator: " ") {
            if word.lowercased() == "and" { parts.append("") } else { parts[parts.count - 1] += word.lowercased() }
        }
        return parts
    }
}

extension SearchGoal.Condition {
    private static let units: [(name: String, ns: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9),
    ]
    private static let example =
        "write p50, p99, p99.9, max or mean, then < or <=, then a time: 'p99<1ms and max<=10ms'"

    /// - Parameter goal: the whole text, for the message.
    fileprivate init(_ part: String, in goal: String) throws(SearchGoalError) {
        func refusal(_ reason: String) -> SearchGoalError {
            SearchGoalError(description: "goal '\(goal)': \(reason); \(Self.example)")
        }
        guard !part.isEmpty else { throw refusal("a condition is empty") }
        guard let sign = part.firstIndex(where: { $0 == "<" || $0 == "≤" }) else {
            throw refusal("'\(part)' has no <")
        }
        var rest = part[part.index(after: sign)...]
        let includesLimit = part[sign] == "≤" || rest.hasPrefix("=")
        if rest.hasPrefix("=") { rest = rest.dropFirst() }

        let name = part[..<sign]
        guard let figure = SearchGoal.Figure(name) else {
            let hint = name.hasPrefix("p") ? ", a percentile is above 0 and at most 100 (p99.9, not p999)" : ""
            throw refusal("'\(name)' is not known\(hint)")
        }
        let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits) else { throw refusal("'\(rest)' is not a time") }
        let unitName = rest[digits.endIndex...]
        guard let unit = Self.units.first(where: { $0.name == unitName }) else {
            let problem = unitName.isEmpty ? "'\(rest)' has no unit" : "the unit '\(unitName)' is not known"
            throw refusal("\(problem) (ns, us, ms, s)")
        }
        let limitNs = (number * unit.ns).rounded()
        guard limitNs >= 100, limitNs <= Double(Latencies.highestNs) else {
            throw refusal("the limit \(rest) is outside of what is measured, 100ns to 3600s")
        }
        self.init(
            figure: figure, limitNs: UInt64(limitNs), includesLimit: includesLimit,
            text: "\(name)\(includesLimit ? "<=" : "<")\(rest)")
    }

    func holds(_ latencies: Latencies) -> Bool {
        let valueNs: UInt64 =
            switch figure {
            case .percentile(let percentile): latencies.valueAtPercentile(percentile)
            case .mean: UInt64(latencies.mean.rounded())
            case .max: latencies.maxRecorded
            }
        let value = latencies.lowestEquivalentForValue(valueNs)
        let limit = latencies.lowestEquivalentForValue(limitNs)
        return includesLimit ? value <= limit : value < limit
    }
}

extension SearchGoal.Figure {
    fileprivate init?(_ name: Substring) {
        switch name {
        case "max": self = .max
        case "mean", "avg": self = .mean
        default:
            let digits = name.dropFirst()
            guard name.hasPrefix("p"), digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
                let percentile = Double(digits), percentile > 0, percentile <= 100
            else { return nil }
            self = .percentile(percentile)
        }
    }
}
