// NumberText: numbers as people read them: grouped digits, a fixed number of places, a unit that fits.
// What is missing or no number is a dash; `nan` and `inf` are never printed.
// Not here: numbers for programs (JSONReport, CSVReport, PrometheusReport).

import Foundation

enum NumberText {
    static let missing = "-"
    /// From here on digits say nothing to people.
    private static let plainMax = 1e15

    static func count(_ number: UInt64) -> String { grouped(String(number)) }

    /// `12,345.68`.
    static func decimal(_ number: Double?, places: Int) -> String {
        guard let number, number.isFinite else { return missing }
        guard abs(number) < plainMax else { return String(format: "%.3g", number) }
        let text = String(format: "%.\(places)f", number)
        let point = text.firstIndex(of: ".") ?? text.endIndex
        return grouped(String(text[..<point])) + text[point...]
    }

    /// Whole from 100 on, two places below 10.
    static func short(_ number: Double?) -> String {
        guard let number else { return missing }
        return decimal(number, places: abs(number) >= 99.95 ? 0 : abs(number) >= 9.995 ? 1 : 2)
    }

    /// `85.2 us`, `1.25 ms`, `3.00 s`.
    static func duration(ns: Double?, micro: String = "us") -> String {
        guard let ns, ns.isFinite else { return missing }
        let (size, unit): (Double, String) =
            switch abs(ns) {
            case ..<999.5: (1, "ns")
            case ..<999_500: (1e3, micro)
            case ..<999_500_000: (1e6, "ms")
            default: (1e9, "s")
            }
        return size == 1 ? "\(decimal(ns, places: 0)) ns" : "\(short(ns / size)) \(unit)"
    }

    /// `950`, `12.5k`, `1.25M`; for axes.
    static func brief(_ number: Double) -> String {
        guard number.isFinite else { return missing }
        let (size, unit): (Double, String) =
            switch abs(number) {
            case ..<1e3: (1, "")
            case ..<1e6: (1e3, "k")
            case ..<1e9: (1e6, "M")
            default: (1e9, "G")
            }
        return significant(number / size) + unit
    }

    /// `0.25`, `2.5`, `100`: without zeros at the end.
    static func significant(_ number: Double) -> String {
        guard number.isFinite else { return missing }
        return String(format: abs(number) < plainMax ? "%.4g" : "%.3g", number)
    }

    static func mebibytes(_ bytes: Double?) -> String { decimal(bytes.map { $0 / 1_048_576 }, places: 1) }

    /// `x0.83`.
    static func ratio(_ number: Double?, times: String = "x") -> String {
        guard let number, number.isFinite else { return missing }
        return times + decimal(number, places: 2)
    }

    static func percent(_ share: Double?) -> String {
        guard let share, share.isFinite else { return missing }
        let percent = share * 100
        if percent > 0 && percent < 0.01 { return "below 0.01 %" }
        return "\(decimal(percent, places: percent < 1 ? 2 : 1)) %"
    }

    /// `99`, `99.9`, `99.99`.
    static func percentile(_ percentile: Double) -> String { String(format: "%.8g", percentile) }

    /// `2025-01-31 12:00:00 UTC`.
    static func moment(secondsSince1970: Double) -> String {
        // Beyond this a calendar has no four-digit year.
        guard secondsSince1970.isFinite, (0..<253_402_300_800).contains(secondsSince1970) else { return missing }
        let text = Date(timeIntervalSince1970: secondsSince1970).formatted(.iso8601)
        return text.replacing("T", with: " ").replacing("Z", with: " UTC")
    }

    static func plural(_ count: Int, _ noun: String) -> String {
        "\(grouped(String(count))) \(noun)\(count == 1 ? "" : "s")"
    }

    private static func grouped(_ digits: String) -> String {
        let sign = digits.hasPrefix("-") ? "-" : ""
        let digits = Array(digits.dropFirst(sign.count))
        var text = sign
        for index in digits.indices {
            if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digits[index])
        }
        return text
    }
}
