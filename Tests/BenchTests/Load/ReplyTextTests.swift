import Testing

@testable import keyway_bench

struct ReplyTextTests {
    private func read(_ text: String) -> (kind: String, words: String) {
        Array(text.utf8).withUnsafeBufferPointer {
            (ReplyText.errorKind($0.baseAddress!, count: $0.count), ReplyText.error($0.baseAddress!, count: $0.count))
        }
    }

    @Test(arguments: [
        ("-ERR no such thing\r\n", "ERR", "ERR no such thing"), ("-OOM\r\n", "OOM", "OOM"),
        ("!21\r\nSYNTAX invalid syntax\r\n", "SYNTAX", "SYNTAX invalid syntax"), ("-\r\n", "error", ""),
        ("-ERR cut", "ERR", "ERR cut"), ("!5", "error", ""), ("- x\r\n", "error", " x"),
        ("-\u{1b}[2J\r\n", "error", "\u{1b}[2J"),
    ])
    func theFirstWordIsTheKind(_ reply: String, _ kind: String, _ words: String) {
        #expect(read(reply) == (kind, words))
    }
}
