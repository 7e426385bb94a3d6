// WrittenNumber: numbers as people type and read them: sizes with a unit, ranges, shares, digits in groups of three.
// As in Valkey's config, k, m and g are powers of 1000 and kb, mb and gb of 1024; case does not matter.
// Not here: which numbers an option allows.

enum WrittenNumber {
    /// `64`, `4kb`, `1m`; nil for anything else and for what does not fit.
    static func size(_ text: some StringProtocol) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let factor: Int
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": factor = 1
        case "k": factor = 1000
        case "kb": factor = 1 << 10
        case "m": factor = 1_000_000
        case "mb": factor = 1 << 20
        case "g": factor = 1_000_000_000
        case "gb": factor = 1 << 30
        default: return nil
        }
        let (size, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : size
    }

    /// `5` or `1-100`, both ends included; either end may be negative: `-5--1`.
    static func range(_ text: some StringProtocol) -> ClosedRange<Int>? {
        if let number = plainInteger(text) { return number...number }
        // A dash behind the first character parts the two; the first character may be a sign.
        guard let dash = text.dropFirst().firstIndex(of: "-"), let low = plainInteger(text[..<dash]),
            let high = plainInteger(text[text.index(after: dash)...]), low <= high
        else { return nil }
        return low...high
    }

    /// Digits with at most a minus before them; Swift's own reading takes a plus too.
    private static func plainInteger(_ text: some StringProtocol) -> Int? { text.first == "+" ? nil : Int(text) }

    /// A finite number, at least 0.
    static func amount(_ text: some StringProtocol) -> Double? {
        // The first check keeps out hexadecimal, signs, `nan` and `inf`, all of which Double takes.
        guard !text.isEmpty, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            let number = Double(text), number.isFinite
        else { return nil }
        return number
    }

    /// `90%` as 0.9; nil without the sign or above 100 %.
    static func share(_ text: some StringProtocol) -> Double? {
        guard text.last == "%", let percent = amount(text.dropLast()), percent <= 100 else { return nil }
        return percent / 100
    }

    /// `1,234,567`.
    static func grouped(_ number: Int) -> String {
        var digits = String(number.magnitude)
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
            place -= 3
        }
        return number < 0 ? "-" + digits : digits
    }

    /// `0.99`, `1`, `33.3`: at most `places` digits behind the point, no zeros at the end.
    static func short(_ number: Double, places: Int = 2) -> String {
        var factor = 1.0
        for _ in 0..<places { factor *= 10 }
        let scaled = (number * factor).rounded()
        guard scaled < 1e15 else { return "\(number)" }
        let text = "\(scaled / factor)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
