// ReplyBuilder: writes the replies that Keyway makes itself, in either protocol version, exactly as Valkey does.
// Cold path: it gathers an array of bytes. A text can never break the framing: CR and LF in it become blanks.
// Not here: replies of backends, which are forwarded as they are.

/// What the client asked for with HELLO; a new connection speaks two.
public enum RESPVersion: UInt8, BitwiseCopyable, Sendable {
    case two = 2
    case three = 3
}

package struct ReplyBuilder {
    package private(set) var bytes: [UInt8] = []
    package let version: RESPVersion

    package init(version: RESPVersion) { self.version = version }

    /// `+OK`.
    package mutating func simple(_ text: String) { line("+", text) }

    /// `-ERR syntax error`; `text` starts with its code.
    package mutating func error(_ text: String) { line("-", text) }

    /// `:42`.
    package mutating func integer(_ value: Int) { header(":", value) }

    package mutating func bulk(_ text: String) { bulk(Array(text.utf8)) }

    package mutating func bulk(_ content: [UInt8]) {
        header("$", content.count)
        bytes += content
        endLine()
    }

    /// RESP2 has only the null bulk string.
    package mutating func null() { raw(version == .three ? "_\r\n" : "$-1\r\n") }

    package mutating func nullArray() { raw(version == .three ? "_\r\n" : "*-1\r\n") }

    /// `count` replies must follow.
    package mutating func array(_ count: Int) { header("*", count) }

    /// `pairs` keys and values must follow, alternating; in RESP2 a flat array.
    package mutating func map(_ pairs: Int) {
        if version == .three { header("%", pairs) } else { header("*", pairs * 2) }
    }

    package mutating func set(_ count: Int) { header(version == .three ? "~" : "*", count) }

    package mutating func push(_ count: Int) { header(version == .three ? ">" : "*", count) }

    /// RESP2: 1 or 0.
    package mutating func boolean(_ value: Bool) {
        if version == .three { raw(value ? "#t\r\n" : "#f\r\n") } else { integer(value ? 1 : 0) }
    }

    /// The shortest digits that read back as `value`; RESP2: a bulk string of them.
    package mutating func double(_ value: Double) {
        let text = Self.text(of: value)
        if version == .three { line(",", text) } else { bulk(text) }
    }

    /// Plain text for people; RESP2: a bulk string.
    package mutating func verbatim(_ text: String) {
        guard version == .three else { return bulk(text) }
        header("=", text.utf8.count + 4)
        raw("txt:")
        raw(text)
        endLine()
    }

    /// The layout of Valkey's printer: whole numbers up to 2^62 in full; beyond, and for fractions, the shortest
    /// digits, plain with up to 6 zeros behind them or 6 places behind the point, otherwise with an exponent.
    static func text(of value: Double) -> String {
        if value.isNaN { return "nan" }
        let sign = value.sign == .minus ? "-" : ""
        if value.isInfinite { return sign + "inf" }
        if value == 0 { return sign + "0" }
        let wholeMax = 4_611_686_018_427_387_904.0  // 2^62
        if value.magnitude <= wholeMax, let whole = Int(exactly: value) { return String(whole) }
        let (digits, exponent) = shortestDigits(value.magnitude)
        let count = digits.count
        let scientific = exponent + count - 1
        if exponent >= 0 && scientific < count + 7 {
            return sign + String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: exponent)
        }
        if exponent < 0 && (exponent > -7 || abs(scientific) < 4) {
            let whole = count + exponent
            let text = String(decoding: digits, as: UTF8.self)
            if whole <= 0 { return sign + "0." + String(repeating: "0", count: -whole) + text }
            return sign + text.prefix(whole) + "." + text.dropFirst(whole)
        }
        let fraction = count > 1 ? "." + String(decoding: digits.dropFirst(), as: UTF8.self) : ""
        return sign + String(decoding: digits.prefix(1), as: UTF8.self) + fraction + "e"
            + (scientific < 0 ? "-" : "+") + String(abs(scientific))
    }

    /// `magnitude` = digits * 10^exponent, with neither leading nor trailing zeros in the digits.
    private static func shortestDigits(_ magnitude: Double) -> (digits: [UInt8], exponent: Int) {
        // The standard library prints the shortest digits; only their layout differs.
        let parts = magnitude.description.split(separator: "e")
        var exponent = parts.count > 1 ? Int(parts[1])! : 0
        var digits: [UInt8] = []
        var isBehindPoint = false
        for byte in parts[0].utf8 {
            if byte == UInt8(ascii: ".") {
                isBehindPoint = true
            } else {
                digits.append(byte)
                if isBehindPoint { exponent -= 1 }
            }
        }
        while digits.count > 1, digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        return (Array(digits.drop { $0 == UInt8(ascii: "0") }), exponent)
    }

    private mutating func raw(_ text: String) { bytes += text.utf8 }

    private mutating func endLine() { raw("\r\n") }

    private mutating func header(_ type: Unicode.Scalar, _ value: Int) {
        bytes.append(UInt8(ascii: type))
        raw(String(value))
        endLine()
    }

    private mutating func line(_ type: Unicode.Scalar, _ text: String) {
        bytes.append(UInt8(ascii: type))
        for byte in text.utf8 {
            bytes.append(byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") ? UInt8(ascii: " ") : byte)
        }
        endLine()
    }
}
