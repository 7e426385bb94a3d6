// DurationText: `10`, `1.5s`, `500ms`, `2m`, `1h`: a time as a user writes it; seconds where nothing is said.

enum DurationText {
    private static let units: [(name: String, ns: Double)] = [("ms", 1e6), ("h", 3.6e12), ("m", 6e10), ("s", 1e9)]

    /// - Returns: nil when it is no time, negative, or above ten days.
    static func ns(_ text: String) -> UInt64? {
        let lowered = text.lowercased()
        let unit = units.first { lowered.hasSuffix($0.name) }
        let digits = lowered.dropLast(unit?.name.count ?? 0)
        guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let number = Double(digits) else {
            return nil
        }
        let ns = number * (unit?.ns ?? 1e9)
        return ns >= 0 && ns <= 864e12 ? UInt64(ns) : nil
    }
}
