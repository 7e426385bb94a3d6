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

    /// Goal: the digits and their layout are Valkey's. Method: pairs copied from the answers of a Valkey to ZSCORE.
    @Test(arguments: [
        ("1", "1"), ("0", "0"), ("0.1", "0.1"), ("1e21", "1e+21"), ("1e-7", "1e-7"),
        ("123456789012345678", "123456789012345680"), ("1.5e300", "1.5e+300"), ("1e-5", "0.00001"),
        ("0.00001234", "1.234e-5"), ("3.14159", "3.14159"), ("100000", "100000"), ("1e7", "10000000"),
        ("12e20", "1.2e+21"), ("inf", "inf"), ("-inf", "-inf"), ("1234567.125", "1234567.125"),
        ("1e-300", "1e-300"), ("5e-324", "5e-324"), ("0.0001", "0.0001"), ("0.001234567", "0.001234567"),
        ("1e22", "1e+22"), ("12345678901234567890123", "12345678901234568000000"), ("1.1e9", "1100000000"),
        ("-2.5", "-2.5"), ("nan", "nan"), ("-0", "-0"), ("1e18", "1000000000000000000"), ("9e18", "9e+18"),
        ("4611686018427387904", "4611686018427387904"), ("-1e17", "-100000000000000000"), ("1.23e19", "1.23e+19"),
        ("9223372036854775807", "9223372036854776000"), ("-9223372036854775808", "-9223372036854776000"),
    ])
    func doublesAreWrittenAsValkeyWritesThem(source: String, text: String) throws {
        #expect(ReplyBuilder.text(of: try #require(Double(source))) == text)
    }

    @Test func doublesReadBackAsTheyWere() {
        let seed = UInt64.random(in: 0 ... .max)
        print("doublesReadBackAsTheyWere: seed \(seed)")
        var state = seed
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Double(bitPattern: state)
            guard value.isFinite else { continue }
            #expect(Double(ReplyBuilder.text(of: value)) == value, "seed \(seed)")
        }
    }
}
