import Testing

@testable import keyway_bench

struct TemplateTests {
    private let context = Template.Context(keyPrefix: Array("k:".utf8), ttlS: nil, elementsPerKey: 10)

    private func pieces(_ text: String) throws -> [[Template.Argument]] {
        try Template(parsing: text, context).commands
    }

    @Test func everyPlaceholderIsKnown() throws {
        let prefix = Array("k:".utf8)
        #expect(
            try pieces("A {key} {key:x:} {key+h:} {samekey} {value} {random:-5-5} {seq} {thread} {connection} {time}")[
                0
            ]
            .dropFirst().map { $0[0] } == [
                .key(prefix: prefix), .key(prefix: Array("x:".utf8)), .key(prefix: Array("k:h:".utf8)),
                .sameKey(prefix: Array("k:h:".utf8)), .value, .random(-5...5), .sequence, .thread, .connection, .time,
            ])
        #expect(
            try pieces("A {ttl} {element} {elements} {last-element}")[0].dropFirst().map { $0[0] } == [
                .random(3600...3600), .random(0...9), .bytes(Array("10".utf8)), .bytes(Array("9".utf8)),
            ])
    }

    @Test func placeholdersMayBePartsOfWordsAndStandInDoubleQuotes() throws {
        #expect(
            try pieces(#"SET pre{seq}post "a {value} b""#)[0].dropFirst() == [
                [.bytes(Array("pre".utf8)), .sequence, .bytes(Array("post".utf8))],
                [.bytes(Array("a ".utf8)), .value, .bytes(Array(" b".utf8))],
            ])
    }

    @Test func bracesAreBytesInSingleQuotesAndEscaped() throws {
        #expect(
            try pieces(#"SET '{key}' "\x7bkey}" a}"#)[0].dropFirst()
                == [[.bytes(Array("{key}".utf8))], [.bytes(Array("{key}".utf8))], [.bytes(Array("a}".utf8))]])
    }

    @Test func hashTagsMayStandInAPrefix() throws {
        #expect(try pieces("GET {key:{tag}:}")[0][1] == [.key(prefix: Array("{tag}:".utf8))])
    }

    @Test func emptyArgumentsAndEmptyCommands() throws {
        #expect(
            try pieces("; ECHO '' ;; PING;") == [
                [[.bytes(Array("ECHO".utf8))], [.bytes([])]], [[.bytes(Array("PING".utf8))]],
            ])
    }

    @Test func namesAreFirstWords() throws {
        let template = try Template(parsing: "GET {key}; {value}", context)
        #expect(template.name(ofCommand: 0) == "GET" && template.name(ofCommand: 1) == nil)
    }

    @Test(arguments: [
        ("GET {kye}", "no placeholder {kye}"), ("GET {key", "a { without its }"), ("GET {samekey}", "needs a {key}"),
        ("GET {random:5-1}", "smaller first"), ("GET {random:x}", "smaller first"), ("GET \"x", "never closed"),
        ("", "no command"), (" ; ", "no command"), ("GET {}", "no placeholder {}"),
    ]) func whatIsWrongIsExplained(text: String, words: String) {
        let said = failureText { _ = try Template(parsing: text, context) }
        #expect(said.contains(words) && said.contains("command '\(text)'"), "\(said)")
    }
}
