// Template: one operation as the user writes it: one command, or several parted by `;`, with placeholders.
//
//   {key}           a key drawn anew each time: prefix and index
//   {key:PREFIX}    the same with PREFIX in place of --key-prefix
//   {key+TEXT}      the same with TEXT behind --key-prefix: a key of its own for another type of data
//   {samekey}       the key drawn last before it in this operation
//   {value}         bytes as long as --value-size draws
//   {random:1-100}  a whole number, both ends included
//   {seq}           0, 1, 2 ...: no number twice over all threads
//   {thread} {connection}   their indices, from 0
//   {time}          milliseconds since 1970
//   {ttl}           seconds as --ttl-s draws, 3600 without it
//   {element}       a whole number below --elements; {elements} that number, {last-element} one less
//
// A placeholder may be part of a word and stand in double quotes. In single quotes `{` is a plain byte.
// Not here: bytes on the wire (Program).

struct Template: Sendable, Equatable {
    enum Piece: Sendable, Equatable {
        case bytes([UInt8])
        case key(prefix: [UInt8])
        case sameKey(prefix: [UInt8])
        case value
        case random(ClosedRange<Int>)
        case sequence, thread, connection, time
    }
    typealias Argument = [Piece]

    /// What placeholders take from the options.
    struct Context {
        let keyPrefix: [UInt8]
        let ttlS: ClosedRange<Int>?
        let elementsPerKey: Int
    }

    static let ttlSDefault = 3600...3600
    static let commandCountMax = 1024

    private(set) var commands: [[Argument]] = []
    private var lastPrefix: [UInt8]?

    /// - Throws: a text that names `text` and what is wrong in it.
    init(parsing text: String, _ context: Context) throws(WorkloadError) {
        do {
            for words in try CommandText.split(Array(text.utf8)[...], partsCommands: true) where !words.isEmpty {
                var arguments: [Argument] = []
                for word in words { arguments.append(try argument(word, context)) }
                commands.append(arguments)
            }
        } catch {
            throw WorkloadError("command '\(text)': \(error.description)")
        }
        if commands.isEmpty { throw WorkloadError("command '\(text)': there is no command in it") }
        if commands.count > Self.commandCountMax {
            throw WorkloadError(
                "command '\(text.prefix(40))...': \(commands.count) commands in one operation are above the limit of "
                    + "\(Self.commandCountMax)")
        }
    }

    /// The first word of a command; nil when a placeholder is in it.
    func name(ofCommand index: Int) -> String? {
        guard case .bytes(let bytes)? = commands[index][0].first, commands[index][0].count == 1 else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func argument(_ word: CommandText.Word, _ context: Context) throws(WorkloadError) -> Argument {
        var pieces: Argument = []
        var plain: [UInt8] = []
        var index = 0
        while index < word.count {
            guard word[index] == Self.opening else {
                plain.append(word[index].value)
                index += 1
                continue
            }
            let end = try Self.closing(of: word, from: index)
            let name = String(decoding: word[(index + 1)..<end].map(\.value), as: UTF8.self)
            if !plain.isEmpty { pieces.append(.bytes(plain)) }
            plain = []
            pieces.append(try placeholder(name, context))
            index = end + 1
        }
        if !plain.isEmpty || pieces.isEmpty { pieces.append(.bytes(plain)) }
        return pieces
    }

    private static var opening: CommandText.Byte { .init(value: UInt8(ascii: "{"), isPlain: false) }

    /// Braces inside are counted, for hash tags: `{key:{tag}:}`.
    private static func closing(of word: CommandText.Word, from start: Int) throws(WorkloadError) -> Int {
        var depth = 0
        for index in start..<word.count where !word[index].isPlain {
            if word[index].value == UInt8(ascii: "{") { depth += 1 }
            if word[index].value == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return index }
        }
        throw WorkloadError(
            "a { without its } in \"\(String(decoding: word.map(\.value), as: UTF8.self))\"; put it in single quotes "
                + "to send it as it is")
    }

    private mutating func placeholder(_ name: String, _ context: Context) throws(WorkloadError) -> Piece {
        switch name {
        case "key": return key(context.keyPrefix)
        case "samekey":
            guard let lastPrefix else { throw WorkloadError("{samekey} needs a {key} before it") }
            return .sameKey(prefix: lastPrefix)
        case "value": return .value
        case "seq": return .sequence
        case "thread": return .thread
        case "connection": return .connection
        case "time": return .time
        case "ttl": return .random(context.ttlS ?? Self.ttlSDefault)
        case "element": return .random(0...(context.elementsPerKey - 1))
        case "elements": return .bytes(Array("\(context.elementsPerKey)".utf8))
        case "last-element": return .bytes(Array("\(context.elementsPerKey - 1)".utf8))
        default: break
        }
        if name.hasPrefix("key:") { return key(Array(name.utf8.dropFirst(4))) }
        if name.hasPrefix("key+") { return key(context.keyPrefix + Array(name.utf8.dropFirst(4))) }
        if name.hasPrefix("random:") {
            if let range = WrittenNumber.range(name.dropFirst(7)) { return .random(range) }
            throw WorkloadError("{\(name)}: use two whole numbers, the smaller first, as in {random:1-100}")
        }
        throw WorkloadError(
            "there is no placeholder {\(name)}; use {key}, {key:PREFIX}, {key+TEXT}, {samekey}, {value}, "
                + "{random:1-100}, {seq}, {thread}, {connection}, {time}, {ttl} or {element}, or put it in single "
                + "quotes to send it as it is")
    }

    private mutating func key(_ prefix: [UInt8]) -> Piece {
        lastPrefix = prefix
        return .key(prefix: prefix)
    }
}
