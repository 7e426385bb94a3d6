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
    package mutating func simple(_ text: [UInt8]) { line("+", text) }

    /// `-ERR syntax error`; `text` starts with its code.
    package mutating func error(_ text: String) { line("-", text) }
    package mutating func error(_ text: [UInt8]) { line("-", text) }

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

    /// The digits that Valkey prints; RESP2: a bulk string of them.
    package mutating func double(_ value: Double) {
        let text = DoubleText.text(of: value)
        if version == .three { line(",", text) } else { bulk(text) }
    }

    /// A whole number of any size; RESP2: a bulk string of its digits.
    package mutating func bigNumber(_ digits: [UInt8]) {
        if version == .three { line("(", digits) } else { bulk(digits) }
    }

    /// Plain text for people; RESP2: a bulk string.
    package mutating func verbatim(_ text: String) { verbatim(Array(text.utf8), format: Array("txt".utf8)) }

    /// - Parameter format: three letters, `txt` or `mkd`.
    package mutating func verbatim(_ text: [UInt8], format: [UInt8]) {
        guard version == .three else { return bulk(text) }
        header("=", text.count + format.count + 1)
        bytes += format
        raw(":")
        bytes += text
        endLine()
    }

    private mutating func raw(_ text: String) { bytes += text.utf8 }

    private mutating func endLine() { raw("\r\n") }

    private mutating func header(_ type: Unicode.Scalar, _ value: Int) {
        bytes.append(UInt8(ascii: type))
        raw(String(value))
        endLine()
    }

    private mutating func line(_ type: Unicode.Scalar, _ text: String) { line(type, text.utf8) }

    private mutating func line(_ type: Unicode.Scalar, _ text: some Sequence<UInt8>) {
        bytes.append(UInt8(ascii: type))
        for byte in text {
            bytes.append(byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") ? UInt8(ascii: " ") : byte)
        }
        endLine()
    }
}
