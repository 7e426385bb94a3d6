// CommandText: a line of commands cut into words, with the quoting of redis-cli.
//
//   words are parted by blanks; "..." takes \n \r \t \b \a \\ \" \xHH; '...' takes \' only
//   a quote may open inside a word; the word ends where it closes
//   in a template, `;` outside of quotes parts two commands
//
// Not here: what `{` means (Template). A byte only remembers whether it was written so that it is a plain byte.

struct CommandText {
    struct Byte: Equatable {
        let value: UInt8
        /// In single quotes or escaped: never the start or end of a placeholder.
        let isPlain: Bool
    }
    typealias Word = [Byte]

    private let bytes: ArraySlice<UInt8>
    private let partsCommands: Bool
    private var index: Int

    /// - Parameter partsCommands: `;` ends a command.
    /// - Returns: the words of each command; a command of no words is left in.
    /// - Throws: a text without the place, to be put behind it.
    static func split(_ bytes: ArraySlice<UInt8>, partsCommands: Bool) throws(WorkloadError) -> [[Word]] {
        var text = CommandText(bytes, partsCommands)
        return try text.commands()
    }

    private init(_ bytes: ArraySlice<UInt8>, _ partsCommands: Bool) {
        self.bytes = bytes
        self.partsCommands = partsCommands
        index = bytes.startIndex
    }

    private var column: Int { index - bytes.startIndex + 1 }

    private mutating func commands() throws(WorkloadError) -> [[Word]] {
        var commands: [[Word]] = [[]]
        while index < bytes.endIndex {
            if Self.isBlank(bytes[index]) {
                index += 1
            } else if partsCommands, bytes[index] == UInt8(ascii: ";") {
                commands.append([])
                index += 1
            } else {
                commands[commands.count - 1].append(try word())
            }
        }
        return commands
    }

    private mutating func word() throws(WorkloadError) -> Word {
        var word: Word = []
        while index < bytes.endIndex, !Self.isBlank(bytes[index]) {
            switch bytes[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                try quoted(into: &word)
                return word
            case UInt8(ascii: ";") where partsCommands: return word
            default:
                word.append(Byte(value: bytes[index], isPlain: false))
                index += 1
            }
        }
        return word
    }

    private mutating func quoted(into word: inout Word) throws(WorkloadError) {
        let quote = bytes[index]
        let isDouble = quote == UInt8(ascii: "\"")
        let opened = column
        index += 1
        while index < bytes.endIndex, bytes[index] != quote {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.endIndex {
                word.append(isDouble ? escaped() : escapedQuote(quote))
            } else {
                word.append(Byte(value: bytes[index], isPlain: !isDouble))
                index += 1
            }
        }
        guard index < bytes.endIndex else {
            throw WorkloadError("the quote \(Character(Unicode.Scalar(quote))) at column \(opened) is never closed")
        }
        index += 1
        if index < bytes.endIndex, !Self.isBlank(bytes[index]), !(partsCommands && bytes[index] == UInt8(ascii: ";")) {
            throw WorkloadError("a blank is missing behind the closing quote at column \(column - 1)")
        }
    }

    private mutating func escapedQuote(_ quote: UInt8) -> Byte {
        let isQuote = bytes[index + 1] == quote
        index += isQuote ? 2 : 1
        return Byte(value: isQuote ? quote : UInt8(ascii: "\\"), isPlain: true)
    }

    private mutating func escaped() -> Byte {
        let letter = bytes[index + 1]
        if letter == UInt8(ascii: "x"), index + 3 < bytes.endIndex, let high = Decimal.hexDigit(bytes[index + 2]),
            let low = Decimal.hexDigit(bytes[index + 3])
        {
            index += 4
            return Byte(value: high << 4 | low, isPlain: true)
        }
        index += 2
        let value: UInt8 =
            switch letter {
            case UInt8(ascii: "n"): 10
            case UInt8(ascii: "r"): 13
            case UInt8(ascii: "t"): 9
            case UInt8(ascii: "b"): 8
            case UInt8(ascii: "a"): 7
            default: letter
            }
        return Byte(value: value, isPlain: true)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
