// InlineParser: a request typed as one line (telnet, netcat), with Valkey's quoting rules.
// The line is written anew in array form, so that all that follows knows one form only. Cold path: it allocates.
// Not here: array form (RequestParser).

public enum InlineParser {
    /// - Parameter line: without its LF; a CR at the end is dropped.
    /// - Returns: the request in array form, empty for an empty line; nil when quotes do not balance.
    public static func arrayForm(of line: UnsafeRawBufferPointer) -> [UInt8]? {
        // C ends a text at NUL, and Valkey reads the line as such a text.
        let text = UnsafeRawBufferPointer(rebasing: line.prefix { $0 != 0 })
        guard let arguments = split(text) else { return nil }
        if arguments.isEmpty { return [] }
        return RequestBuilder.bytes(arguments)
    }

    private static func split(_ line: UnsafeRawBufferPointer) -> [[UInt8]]? {
        var arguments: [[UInt8]] = []
        var index = 0
        while true {
            while index < line.count, isSpace(line[index]) { index += 1 }
            if index == line.count { return arguments }
            var argument: [UInt8] = []
            word: while index < line.count, !endsWord(line[index]) {
                switch line[index] {
                case UInt8(ascii: "\""), UInt8(ascii: "'"):
                    guard let end = readQuoted(line, from: index, into: &argument) else { return nil }
                    index = end
                    // A closing quote must end the argument.
                    if index < line.count, !isSpace(line[index]) { return nil }
                    break word
                default:
                    argument.append(line[index])
                    index += 1
                }
            }
            arguments.append(argument)
        }
    }

    /// - Returns: the index behind the closing quote; nil when there is none.
    private static func readQuoted(
        _ line: UnsafeRawBufferPointer, from open: Int, into argument: inout [UInt8]
    ) -> Int? {
        let quote = line[open]
        let isDouble = quote == UInt8(ascii: "\"")
        var index = open + 1
        while index < line.count {
            let byte = line[index]
            if byte == quote { return index + 1 }
            guard byte == UInt8(ascii: "\\"), index + 1 < line.count else {
                argument.append(byte)
                index += 1
                continue
            }
            let next = line[index + 1]
            if isDouble, next == UInt8(ascii: "x"), index + 3 < line.count,
                let high = hexDigit(line[index + 2]), let low = hexDigit(line[index + 3])
            {
                argument.append(high << 4 | low)
                index += 4
            } else if isDouble {
                argument.append(escaped(next))
                index += 2
            } else if next == quote {
                argument.append(quote)
                index += 2
            } else {
                argument.append(byte)
                index += 1
            }
        }
        return nil
    }

    private static func escaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "a"): 7
        default: byte
        }
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// What C's `isspace` takes: it may stand before a word and behind a closing quote.
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    /// Valkey does not end a word at a vertical tab or a form feed.
    private static func endsWord(_ byte: UInt8) -> Bool { isSpace(byte) && byte != 11 && byte != 12 }
}
