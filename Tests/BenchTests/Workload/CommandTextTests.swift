import Testing

@testable import keyway_bench

struct CommandTextTests {
    private func words(_ text: String, partsCommands: Bool = true) throws -> [[[UInt8]]] {
        try CommandText.split(Array(text.utf8)[...], partsCommands: partsCommands).map { $0.map { $0.map(\.value) } }
    }

    private func bytes(_ words: [String]) -> [[UInt8]] { words.map { Array($0.utf8) } }

    @Test func plainWordsAndBlanks() throws {
        #expect(try words("  SET\tkey   value ") == [bytes(["SET", "key", "value"])])
        #expect(try words("") == [[]])
    }

    @Test func doubleQuotesTakeEscapes() throws {
        #expect(
            try words(#""a b" "\n\r\t\b\a\\\"" "\x41\xfF\xg1" """#)
                == [[Array("a b".utf8), [10, 13, 9, 8, 7, 92, 34], [0x41, 0xFF] + Array("xg1".utf8), []]])
    }

    @Test func singleQuotesTakeTheirOwnQuoteOnly() throws {
        #expect(try words(#"'a "b" \n \' {x}' ''"#) == [bytes([#"a "b" \n ' {x}"#, ""])])
    }

    @Test func semicolonsPartCommandsOutsideOfQuotes() throws {
        #expect(
            try words("GET a;GET b ; GET 'c;d' \"e;f\";")
                == [bytes(["GET", "a"]), bytes(["GET", "b"]), bytes(["GET", "c;d", "e;f"]), []])
        #expect(try words("GET a;b", partsCommands: false) == [bytes(["GET", "a;b"])])
    }

    @Test(arguments: [
        ("SET \"abc", "quote \" at column 5 is never closed"), ("SET 'abc", "quote ' at column 5"),
        ("SET \"a\"b", "blank is missing behind the closing quote at column 7"), (#"SET "a\""#, "never closed"),
    ]) func unbalancedQuotesAreExplained(text: String, said: String) {
        #expect(failureText { _ = try words(text) }.contains(said))
    }

    @Test func bytesRememberWhetherTheyWereMeantPlain() throws {
        let word = try CommandText.split(Array(#"a"{\{"'{'"#.utf8)[...].dropLast(3), partsCommands: true)[0][0]
        #expect(word.map(\.isPlain) == [false, false, true])
        let quoted = try CommandText.split(Array("'{'".utf8)[...], partsCommands: true)[0][0]
        #expect(quoted.map(\.isPlain) == [true])
    }
}
