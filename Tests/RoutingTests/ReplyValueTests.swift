import TestKit
import Testing
import Wire

@testable import Routing

private func parse(_ text: String) -> ReplyValue? { ReplyValue(parsing: Array(text.utf8)) }

struct ReplyValueTests {
    /// The reply, what it is, and its RESP2 form where that is another.
    @Test(
        arguments: [
            ("+OK\r\n", .ok, nil),
            ("-ERR no\r\n", .failure("ERR no"), nil),
            (":-42\r\n", .integer(-42), nil),
            (":9223372036854775807\r\n", .integer(.max), nil),
            ("$0\r\n\r\n", .text(""), nil),
            ("$3\r\na\r\n\r\n", .bulk([97, 13, 10]), nil),
            ("*0\r\n", .array([]), nil),
            ("*2\r\n:1\r\n*1\r\n+x\r\n", .array([.integer(1), .array([.simple([120])])]), nil),
            ("_\r\n", .null, "$-1\r\n"),
            ("%1\r\n+k\r\n:1\r\n", .map([ReplyPair(.simple([107]), .integer(1))]), "*2\r\n+k\r\n:1\r\n"),
            ("~2\r\n:1\r\n:2\r\n", .set([.integer(1), .integer(2)]), "*2\r\n:1\r\n:2\r\n"),
            (">1\r\n:1\r\n", .push([.integer(1)]), "*1\r\n:1\r\n"),
            (",1.5\r\n", .double(1.5), "$3\r\n1.5\r\n"),
            (",-inf\r\n", .double(-.infinity), "$4\r\n-inf\r\n"),
            ("#t\r\n", .boolean(true), ":1\r\n"),
            ("#f\r\n", .boolean(false), ":0\r\n"),
            (
                "(-123456789012345678901\r\n", .bigNumber(Array("-123456789012345678901".utf8)),
                "$22\r\n-123456789012345678901\r\n"
            ),
            ("=6\r\nmkd:hi\r\n", .verbatim(format: Array("mkd".utf8), text: Array("hi".utf8)), "$2\r\nhi\r\n"),
        ] as [(String, ReplyValue, String?)])
    func everyTypeGoesInAndOut(wire: String, value: ReplyValue, two: String?) {
        #expect(parse(wire) == value)
        #expect(String(decoding: value.encode(version: .three), as: UTF8.self) == wire)
        #expect(String(decoding: value.encode(version: .two), as: UTF8.self) == two ?? wire)
    }

    @Test func nullsKeepTheirKindInRESP2() {
        #expect(parse("$-1\r\n") == .bulk(nil))
        #expect(parse("*-1\r\n") == .array(nil))
        #expect(ReplyValue.bulk(nil).encode(version: .two) == Array("$-1\r\n".utf8))
        #expect(ReplyValue.array(nil).encode(version: .two) == Array("*-1\r\n".utf8))
        #expect(ReplyValue.array(nil).encode(version: .three) == Array("_\r\n".utf8))
    }

    @Test func attributesAreSkippedAndBulkErrorsAreErrors() {
        #expect(parse("|1\r\n+ttl\r\n:5\r\n*1\r\n|0\r\n:1\r\n") == .array([.integer(1)]))
        #expect(parse("!5\r\nERR x\r\n") == .failure("ERR x"))
    }

    @Test(arguments: [
        "", "+OK", "+OK\n", "?x\r\n", ":\r\n", ":1x\r\n", "$3\r\nab\r\n", "$3\r\nabcd\r\n", "$-2\r\n", "*1\r\n",
        "*2\r\n:1\r\n", "%1\r\n:1\r\n", "#x\r\n", ",abc\r\n", "_x\r\n", "=2\r\nab\r\n", ":1\r\n:2\r\n",
        "*1000000000\r\n",
        "%4000000000\r\n", "|1\r\n+a\r\n+b\r\n", "*01\r\n:1\r\n",
    ])
    func whatIsMalformedIsNoValue(text: String) { #expect(parse(text) == nil) }

    @Test func nestingHasAnEnd() {
        let deep = { (count: Int) in String(repeating: "*1\r\n", count: count) + ":1\r\n" }
        #expect(parse(deep(ReplyValue.depthMax)) != nil)
        #expect(parse(deep(ReplyValue.depthMax + 1)) == nil)
        #expect(parse(String(repeating: "|0\r\n", count: 100_000) + ":1\r\n") == nil)
    }

    @Test func mapsAreReadInBothForms() {
        let pairs = [ReplyPair(.text("a"), .integer(1))]
        #expect(ReplyValue.map(pairs).pairs == pairs)
        #expect(ReplyValue.array([.text("a"), .integer(1)]).pairs == pairs)
        #expect(ReplyValue.array([.text("a")]).pairs == nil)
        #expect(ReplyValue.text("1.5").double == 1.5 && ReplyValue.integer(2).double == 2)
    }

    /// Goal: no bytes crash the reader. Method: good replies with a byte changed, or cut.
    @Test func bytesOfAnyKindAreSurvived() {
        var random = SeededRandom.announced()
        let good = Array(
            "*4\r\n%1\r\n$3\r\nabc\r\n,1.5\r\n~2\r\n:1\r\n#t\r\n=7\r\ntxt:abc\r\n|1\r\n+a\r\n_\r\n$-1\r\n".utf8)
        #expect(ReplyValue(parsing: good) != nil)
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            bytes.removeLast(random.below(3) == 0 ? random.below(bytes.count) : 0)
            if let value = ReplyValue(parsing: bytes) { _ = value.encode(version: .two) }
        }
    }
}
