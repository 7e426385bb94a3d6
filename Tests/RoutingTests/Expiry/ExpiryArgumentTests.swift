// Where writes say how long a key lives.

import Testing
import Wire

@testable import Routing

struct ExpiryArgumentTests {
    private let table = CommandTable()

    private func index(_ line: String) -> Int? {
        let words = line.split(separator: " ").map { Array($0.utf8) }
        let bytes = RequestBuilder.bytes(words)
        var arguments = ArgumentList()
        return bytes.withUnsafeBufferPointer { buffer in
            guard
                case .complete(let request) = RequestParser.parse(
                    buffer.baseAddress!, count: buffer.count, limits: ParserLimits(), arguments: &arguments),
                let row = table.view.row(name: request[0].start, count: request[0].count)
            else { return nil }
            return ExpiryArgument.index(of: row, request)
        }
    }

    @Test(arguments: [
        ("SETEX k 10 v", 2), ("PSETEX k 10 v", 2), ("EXPIRE k 10 NX", 2), ("pexpire k 10", 2), ("SET k v EX 10", 4),
        ("SET k v px 10 GET", 4), ("SET k v NX EX 10", 5), ("GETEX k EX 10", 3), ("GETEX k PERSIST", nil),
        ("SET k v", nil), ("SET k v KEEPTTL", nil), ("SET k v EXAT 10", nil), ("SET k v PXAT 10", nil),
        ("SET k v EX", nil), ("EXPIREAT k 10", nil), ("GET k", nil), ("SET EX 10", nil), ("SET ex px 5", nil),
    ])
    func spansAreFoundAndMomentsAreNot(line: String, expected: Int?) { #expect(index(line) == expected) }

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
