// ReplyText: an error reply's words, for counting and for people. `reply` may be cut behind its first line.
// Not here: whether a reply is right (OperationSource).

enum ReplyText {
    static func isError(_ reply: UnsafePointer<UInt8>) -> Bool {
        reply[0] == UInt8(ascii: "-") || reply[0] == UInt8(ascii: "!")
    }

    /// The words of `-ERR such` or of `!8 CR LF ERR such`, without their line end.
    static func error(_ reply: UnsafePointer<UInt8>, count: Int) -> String {
        String(decoding: words(reply, count), as: UTF8.self)
    }

    /// The first word of an error, by which errors are counted: `ERR`, `TIMEOUT`.
    static func errorKind(_ reply: UnsafePointer<UInt8>, count: Int) -> String {
        let first = words(reply, count).prefix { $0 != UInt8(ascii: " ") }.prefix(40)
        let isWord = !first.isEmpty && first.allSatisfy { $0 > 32 && $0 < 127 }
        return isWord ? String(decoding: first, as: UTF8.self) : "error"
    }

    private static func words(_ reply: UnsafePointer<UInt8>, _ count: Int) -> Slice<UnsafeBufferPointer<UInt8>> {
        let bytes = UnsafeBufferPointer(start: reply, count: count)
        var words = bytes.dropFirst()
        if reply[0] == UInt8(ascii: "!") { words = words.drop { $0 != 10 }.dropFirst() }
        return words.prefix { $0 != 13 && $0 != 10 }
    }
}
