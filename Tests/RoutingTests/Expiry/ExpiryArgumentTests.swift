// Where writes say how long a key lives.

import Testing
import Wire

@testable import Routing

struct ExpiryArgumentTests {
    private let table = CommandTable()

    private func index(_ line: String) -> Int? { find(line) { ExpiryArgument.index(of: $0, $1) } }

    private func lifeMs(_ line: String, span: Int? = nil) -> UInt64? {
        find(line) { ExpiryArgument.lifeMs(of: $0, $1, span: span) }
    }

    private func find<Found>(_ line: String, _ finding: (UnsafePointer<CommandRow>, RequestView) -> Found?) -> Found? {
        let words = line.split(separator: " ").map { Array($0.utf8) }
        let bytes = RequestBuilder.bytes(words)
        var arguments = ArgumentList()
        return bytes.withUnsafeBufferPointer { buffer in
            guard
                case .complete(let request) = RequestParser.parse(
                    buffer.baseAddress!, count: buffer.count, limits: ParserLimits(), arguments: &arguments),
                let row = table.view.row(name: request[0].start, count: request[0].count)
            else { return nil }
            return finding(row, request)
        }
    }

    @Test(arguments: [
        ("SETEX k 10 v", 2), ("PSETEX k 10 v", 2), ("EXPIRE k 10 NX", 2), ("pexpire k 10", 2), ("SET k v EX 10", 4),
        ("SET k v px 10 GET", 4), ("SET k v NX EX 10", 5), ("GETEX k EX 10", 3), ("GETEX k PERSIST", nil),
        ("SET k v", nil), ("SET k v KEEPTTL", nil), ("SET k v EXAT 10", nil), ("SET k v PXAT 10", nil),
        ("SET k v EX", nil), ("EXPIREAT k 10", nil), ("GET k", nil), ("SET EX 10", nil), ("SET ex px 5", nil),
    ])
    func spansAreFoundAndMomentsAreNot(line: String, expected: Int?) { #expect(index(line) == expected) }

    @Test(arguments: [
        ("SETEX k 10 v", 10_000), ("PSETEX k 10 v", 10), ("EXPIRE k 10", 10_000), ("PEXPIRE k 10", 10),
        ("PEXPIRE k 10 GT", nil), ("SET k v EX 10", 10_000), ("SET k v px 10 GET", 10), ("GETEX k PX 7", 7),
        ("SET k v", nil), ("SET k v PXAT 10", nil), ("SET k v EX x", nil), ("SET k v EX 0", nil), ("PERSIST k", nil),
    ])
    func livesAreSaidInMilliseconds(line: String, expected: UInt64?) { #expect(lifeMs(line) == expected) }

    @Test func anotherSpanTakesThePlaceOfTheRequestsOwn() {
        #expect(lifeMs("SETEX k 10 v", span: 11) == 11_000 && lifeMs("SET k v", span: 11) == nil)
    }

    private func spread(_ text: String, _ percent: Int, _ random: UInt32) -> Int? {
        Array(text.utf8).withUnsafeBufferPointer {
            ExpiryArgument.spread(
                ByteView(start: $0.baseAddress!, count: $0.count), percent: percent, random: random)
        }
    }

    @Test func aSpanIsSpreadEvenlyAndNeverEnds() {
        #expect(spread("1000", 10, 0) == 900 && spread("1000", 10, .max) == 1_100)
        #expect(spread("1", 50, 0) == 1, "half of one second is rounded, and none is not a life")
        #expect(spread("0", 10, 5) == nil && spread("-5", 10, 5) == nil && spread("x", 10, 5) == nil)
        #expect(spread("1234567890123456", 10, 5) == nil, "its server says what is wrong with it")
    }
}
