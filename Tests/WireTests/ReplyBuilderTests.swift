import Testing

@testable import Wire

struct ReplyBuilderTests {
    private func text(_ version: RESPVersion, _ write: (inout ReplyBuilder) -> Void) -> String {
        var reply = ReplyBuilder(version: version)
        write(&reply)
        return String(decoding: reply.bytes, as: UTF8.self)
    }

    private func check(_ two: String, _ three: String, _ write: (inout ReplyBuilder) -> Void) {
        #expect(text(.two, write) == two)
        #expect(text(.three, write) == three)
    }

    @Test func whatBothVersionsShareIsTheSame() {
        check("+OK\r\n", "+OK\r\n") { $0.simple("OK") }
        check("-ERR no\r\n", "-ERR no\r\n") { $0.error("ERR no") }
        check(":-5\r\n", ":-5\r\n") { $0.integer(-5) }
        check(":-9223372036854775808\r\n", ":-9223372036854775808\r\n") { $0.integer(.min) }
        check("$0\r\n\r\n", "$0\r\n\r\n") { $0.bulk("") }
        check("$3\r\n\u{e9}x\r\n", "$3\r\n\u{e9}x\r\n") { $0.bulk("\u{e9}x") }
        check("*2\r\n", "*2\r\n") { $0.array(2) }
    }

    @Test func whatRESP2LacksIsWrittenAsValkeyDoes() {
        check("$-1\r\n", "_\r\n") { $0.null() }
        check("*-1\r\n", "_\r\n") { $0.nullArray() }
        check("*4\r\n", "%2\r\n") { $0.map(2) }
        check("*0\r\n", "%0\r\n") { $0.map(0) }
        check("*3\r\n", "~3\r\n") { $0.set(3) }
        check("*3\r\n", ">3\r\n") { $0.push(3) }
        check(":1\r\n", "#t\r\n") { $0.boolean(true) }
        check(":0\r\n", "#f\r\n") { $0.boolean(false) }
        check("$3\r\n1.5\r\n", ",1.5\r\n") { $0.double(1.5) }
        check("$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n") { $0.verbatim("hi") }
        check("$2\r\nhi\r\n", "=6\r\nmkd:hi\r\n") { $0.verbatim(Array("hi".utf8), format: Array("mkd".utf8)) }
        check("$3\r\n-12\r\n", "(-12\r\n") { $0.bigNumber(Array("-12".utf8)) }
    }

    @Test func linesCannotBeBrokenByTheirText() {
        check("-ERR a  b c\r\n", "-ERR a  b c\r\n") { $0.error("ERR a\r\nb\nc") }
        check("+a +OK\r\n", "+a +OK\r\n") { $0.simple("a\r+OK") }
    }

    @Test func bulkStringsCarryAnyBytes() {
        var reply = ReplyBuilder(version: .two)
        reply.bulk([0, 13, 10, 255])
        #expect(reply.bytes == Array("$4\r\n".utf8) + [0, 13, 10, 255, 13, 10])
    }
}
