import TestKit
import Testing

@testable import Wire

/// Valkey's `sdssplitargs` is the rule; the cases were tried against a Valkey 8.0 where it can answer them.
struct InlineParserTests {
    private let guarded = GuardedBytes()

    private func arrayForm(_ line: [UInt8]) -> [UInt8]? {
        InlineParser.arrayForm(of: UnsafeRawBufferPointer(start: guarded.place(line), count: line.count))
    }

    private func expect(_ line: String, _ arguments: [String]?, at location: SourceLocation = #_sourceLocation) {
        let form = arrayForm(Array(line.utf8))
        let wanted = arguments.map { $0.isEmpty ? [] : request($0.map { Array($0.utf8) }) }
        #expect(form == wanted, "\(line.debugDescription)", sourceLocation: location)
    }

    @Test func wordsAreSplitAtBlanks() {
        expect("PING", ["PING"])
        expect("GET k", ["GET", "k"])
        expect("  GET \t k  \r", ["GET", "k"])
        expect("a\rb", ["a", "b"])
    }

    @Test func emptyLinesAreNoRequests() {
        for line in ["", "\r", "   ", " \t\u{b}\u{c}\r"] { expect(line, []) }
    }

    @Test func verticalTabsAndFormFeedsLeadButDoNotEndAWord() {
        expect("\u{b}\u{c}ECHO a\u{b}b", ["ECHO", "a\u{b}b"])
        expect("a\u{c}b c", ["a\u{c}b", "c"])
        expect("\"a\"\u{b}b", ["a", "b"])
        expect("'a'\u{c}", ["a"])
    }

    @Test func doubleQuotesTakeEscapes() {
        expect(#"SET k "a b""#, ["SET", "k", "a b"])
        expect(#""\n\r\t\b\a\\\"\z\'""#, ["\n\r\t\u{8}\u{7}\\\"z'"])
        expect(#""\x41\x7a\x7A""#, ["Azz"])
        expect(#""\x4" "\xg1" "\x" "\X41""#, ["x4", "xg1", "x", "X41"])
        expect(#""it's""#, ["it's"])
        expect(#""""#, [""])
        #expect(arrayForm(Array(#""\xff\x00""#.utf8)) == request([[255, 0]]))
    }

    @Test func singleQuotesTakeOnlyTheirOwnEscape() {
        expect(#"'a b' 'it\'s' '\n' '\x41' '"'"#, ["a b", "it's", "\\n", "\\x41", "\""])
        expect(#"'\\'"#, nil)
        expect(#"'\\\''"#, ["\\\\'"])
        expect("''", [""])
    }

    @Test func aQuoteMayOpenInsideAWordAndMustCloseAtItsEnd() {
        expect(#"a"b c""#, ["ab c"])
        expect(#"a'b c' d"#, ["ab c", "d"])
        expect(#""a"b"#, nil)
        expect(#""a""b""#, nil)
        expect(#"'a''b'"#, nil)
    }

    @Test(arguments: ["\"", "'", "GET \"a", "GET 'a", "\"\\\"", "'\\'", "\"\\", "\"\\x4", "\"a\r", "a\"", "GET k '"])
    func unbalancedQuotesAreRefused(line: String) { expect(line, nil) }

    /// C ends a text at NUL, so what comes behind is no argument, and a quote that is still open there never closes.
    @Test func nulEndsTheText() {
        expect("ECHO a\0b", ["ECHO", "a"])
        expect("ECHO \"a\"\0", ["ECHO", "a"])
        expect("\0ECHO a", [])
        expect("ECHO \"a\0b\"", nil)
    }

    /// Goal: whatever a client types, the parser of array form takes what comes out. Method: random lines.
    @Test func whatComesOutIsOneWholeRequest() {
        var random = SeededRandom.announced()
        let alphabet = Array("ab \t\"'\\x4n\r".utf8) + [0, 11, 12, 200]
        var arguments = ArgumentList()
        for _ in 0..<20_000 {
            let line = (0..<random.below(14)).map { _ in random.oneOf(alphabet) }
            guard let form = arrayForm(line), !form.isEmpty else { continue }
            let start = guarded.place(form)
            guard
                case .complete(let view) = RequestParser.parse(
                    start, count: form.count, limits: ParserLimits(), arguments: &arguments)
            else {
                Issue.record("\(line) became \(form)")
                continue
            }
            #expect(view.sizeBytes == form.count, "\(line)")
        }
    }
}
