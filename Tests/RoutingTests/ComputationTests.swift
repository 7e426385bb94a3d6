import TestKit
import Testing
import Wire

@testable import Routing

private let budget = ComputeBudget(fetchedSizeBytesMax: 1 << 20, cellCountMax: 1 << 20)

private func words(_ line: String) -> [[UInt8]] { line.split(separator: " ").map { Array($0.utf8) } }

private func computation(_ line: String) throws -> Computation {
    let arguments = words(line)
    let name = String(decoding: arguments[0], as: UTF8.self).lowercased()
    return try Computation(try #require(ComputedCommand(rawValue: name)), arguments: arguments)
}

private func list(_ texts: String...) -> ReplyValue { .array(texts.map { .text($0) }) }

struct ComputationTests {
    private func run(
        _ line: String, _ fetched: [ReplyValue], _ version: RESPVersion = .two, _ limits: ComputeBudget = budget
    ) throws -> String {
        switch try computation(line).finish(fetched, version: version, budget: limits) {
        case .reply(let bytes): String(decoding: bytes, as: UTF8.self)
        case .badPart(let index): "bad part \(index)"
        }
    }

    // MARK: Requests

    /// What Valkey says before it looks at a key.
    @Test(arguments: [
        ("SINTERCARD x a", "ERR numkeys should be greater than 0"),
        ("SINTERCARD 0 a", "ERR numkeys should be greater than 0"),
        ("SINTERCARD 2 a", "ERR Number of keys can't be greater than number of args"),
        ("SINTERCARD 1 a LIMIT", "ERR syntax error"),
        ("SINTERCARD 1 a LIMIT -1", "ERR LIMIT can't be negative"),
        ("SINTERCARD 1 a LIMIT x", "ERR LIMIT can't be negative"),
        ("SINTERCARD 1 a FOO", "ERR syntax error"),
        ("ZUNION x a", "ERR value is not an integer or out of range"),
        ("ZUNION 0 a", "ERR at least 1 input key is needed for 'zunion' command"),
        ("ZINTERCARD -1 a", "ERR at least 1 input key is needed for 'zintercard' command"),
        ("ZDIFF 2 a", "ERR syntax error"),
        ("ZDIFF 9223372036854775807 a", "ERR syntax error"),
        ("LCS a", "ERR wrong number of arguments for 'lcs' command"),
        ("SUNION", "ERR wrong number of arguments for 'sunion' command"),
    ])
    func badRequestsGetValkeysWords(line: String, text: String) {
        #expect(throws: ComputeRefusal(errorText: text)) { try computation(line) }
    }

    /// Errors that a server finds only after it has looked at the keys' types.
    @Test(arguments: [
        ("ZUNION 1 a FOO", "ERR syntax error"),
        ("ZUNION 1 a WEIGHTS", "ERR syntax error"),
        ("ZUNION 1 a WEIGHTS x", "ERR weight value is not a float"),
        ("ZUNION 1 a AGGREGATE", "ERR syntax error"),
        ("ZUNION 1 a AGGREGATE AVG", "ERR syntax error"),
        ("ZDIFF 1 a WEIGHTS 1", "ERR syntax error"),
        ("ZINTERCARD 1 a WITHSCORES", "ERR syntax error"),
        ("ZINTERCARD 1 a LIMIT -1", "ERR LIMIT can't be negative"),
        ("LCS a a IDX LEN", "ERR If you want both the length and indexes, please just use IDX."),
        ("LCS a a MINMATCHLEN", "ERR syntax error"),
        ("LCS a a MINMATCHLEN x", "ERR value is not an integer or out of range"),
    ])
    func badOptionsComeAfterBadTypes(line: String, text: String) throws {
        #expect(try computation(line).fetches.map(\.arguments) == [words("TYPE a")])
        #expect(try run(line, [.simple(Array("none".utf8))]) == "-\(text)\r\n")
        let wrong =
            line.hasPrefix("LCS")
            ? "-ERR The specified keys must contain string values\r\n"
            : "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
        #expect(try run(line, [.simple(Array("hash".utf8))]) == wrong)
    }

    @Test func eachKeyIsReadOnce() throws {
        let sunion = try computation("SUNION b a b")
        #expect(sunion.fetches.map(\.keyArgument) == [1, 2])
        #expect(sunion.fetches.map(\.arguments) == [words("SMEMBERS b"), words("SMEMBERS a")])
        #expect(
            try computation("ZUNION 2 a b WEIGHTS 1 2").fetches.map(\.arguments)
                == [words("ZUNION 1 a WITHSCORES"), words("ZUNION 1 b WITHSCORES")])
        #expect(try computation("ZINTERCARD 2 a b").fetches[1].arguments == words("ZUNION 1 b"))
        #expect(try computation("ZINTERCARD 2 a b").fetches[1].keyArgument == 3)
        #expect(try computation("LCS a a").fetches.map(\.arguments) == [words("GET a")])
        #expect(try computation("PFCOUNT a b").fetches.map(\.arguments) == [words("GET a"), words("GET b")])
    }

    @Test func aRequestIsReadInPlaceToo() throws {
        let request = RequestBytes("sdiff a b")
        let fetches = try withExtendedLifetime(request) {
            try Computation(.sdiff, request: request.view).fetches
        }
        #expect(fetches.map(\.arguments) == [words("SMEMBERS a"), words("SMEMBERS b")])
    }

    @Test func exactlyTheTenAreComputed() {
        #expect(CommandID.allCases.compactMap { ComputedCommand($0) }.count == ComputedCommand.allCases.count)
    }

    // MARK: Replies

    @Test func setsAreSetsInRESP3() throws {
        #expect(try run("SDIFF a b", [list("x", "y"), list("y")]) == "*1\r\n$1\r\nx\r\n")
        #expect(
            try run("SINTER a b", [list("x", "y"), .set([.text("y")])], .three) == "~1\r\n$1\r\ny\r\n")
        #expect(try run("SUNION a b", [list("x"), list("x", "z")]) == "*2\r\n$1\r\nx\r\n$1\r\nz\r\n")
        #expect(try run("SINTER a b", [list("x"), list()], .three) == "~0\r\n")
        #expect(try run("SDIFF a a", [list("x")]) == "*0\r\n")
        #expect(try run("SINTERCARD 2 a b LIMIT 1", [list("x", "y"), list("x", "y")]) == ":1\r\n")
        #expect(try run("SINTERCARD 2 a b LIMIT 0", [list("x", "y"), list("x", "y")]) == ":2\r\n")
    }

    @Test func sortedSetsAreFlatInRESP2AndNestedInRESP3() throws {
        let a = list("x", "1", "y", "2")
        let b = ReplyValue.array([.array([.text("y"), .double(0.5)])])
        let two = "*4\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\ny\r\n$3\r\n2.5\r\n"
        let three = "*2\r\n*2\r\n$1\r\nx\r\n,1\r\n*2\r\n$1\r\ny\r\n,2.5\r\n"
        #expect(try run("ZUNION 2 a b WITHSCORES", [a, b]) == two)
        #expect(try run("ZUNION 2 a b WITHSCORES", [a, b], .three) == three)
        #expect(try run("ZUNION 2 a b", [a, b], .three) == "*2\r\n$1\r\nx\r\n$1\r\ny\r\n")
        #expect(try run("ZINTERCARD 2 a b", [list("x", "y"), list("y")]) == ":1\r\n")
        #expect(try run("ZDIFF 2 a b WITHSCORES", [a, b]) == "*2\r\n$1\r\nx\r\n$1\r\n1\r\n")
        #expect(
            try run("ZINTER 2 a b WEIGHTS 2 -1 AGGREGATE MIN WITHSCORES", [a, b])
                == "*2\r\n$1\r\ny\r\n$4\r\n-0.5\r\n")
    }

    /// Method: the sums differ by the order of their terms; the servers' were read off Valkey 8.0 and 9.1.
    @Test func sumsAreInTheServersOrder() throws {
        func sum(_ scores: [String]) throws -> String {
            try run("ZUNION 3 a b c WITHSCORES", scores.map { list("m", $0) })
        }
        #expect(try sum(["1e16", "1", "-1e16"]) == "*2\r\n$1\r\nm\r\n$1\r\n0\r\n")
        #expect(try sum(["1e16", "-1e16", "1"]) == "*2\r\n$1\r\nm\r\n$1\r\n1\r\n")
        // The larger operand comes last, wherever it stands.
        let large = list("m", "1", "n", "5")
        #expect(
            try run("ZINTER 3 a b c WITHSCORES", [large, list("m", "1e16"), list("m", "-1e16")])
                == "*2\r\n$1\r\nm\r\n$1\r\n1\r\n")
    }

    @Test func whatIsNoNumberIsZero() throws {
        let infinite = list("m", "inf")
        #expect(
            try run("ZUNION 2 a b WITHSCORES", [infinite, list("m", "-inf")]) == "*2\r\n$1\r\nm\r\n$1\r\n0\r\n")
        #expect(
            try run("ZUNION 2 a b WEIGHTS 1 0 WITHSCORES", [list("m", "3"), infinite])
                == "*2\r\n$1\r\nm\r\n$1\r\n3\r\n")
        // ZINTER sees the product first in the sum, which is then 0 as a whole.
        #expect(
            try run("ZINTER 2 a b WEIGHTS 1 0 WITHSCORES", [list("m", "3"), infinite])
                == "*2\r\n$1\r\nm\r\n$1\r\n0\r\n")
    }

    @Test func membersOfOneScoreAreInTheOrderOfTheirBytes() throws {
        let a = list("b", "1", "", "1", "ab", "1", "a", "1", "\u{ff}", "1")
        #expect(
            try run("ZUNION 1 a", [a])
                == "*5\r\n$0\r\n\r\n$1\r\na\r\n$2\r\nab\r\n$1\r\nb\r\n$2\r\n\u{ff}\r\n")
    }

    @Test func theSubsequenceHasItsThreeForms() throws {
        let texts = [ReplyValue.text("ohmytext"), .text("mynewtext")]
        #expect(try run("LCS a b", texts) == "$6\r\nmytext\r\n")
        #expect(try run("LCS a b LEN", texts) == ":6\r\n")
        let matches = "$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
        #expect(
            try run("LCS a b IDX", texts, .three)
                == "%2\r\n\(matches)*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n")
        #expect(
            try run("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", texts)
                == "*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n")
        #expect(try run("LCS a b", [.text("x"), .null], .three) == "$0\r\n\r\n")
        #expect(try run("LCS a a", [.bulk(nil)]) == "$0\r\n\r\n")
    }

    // MARK: What goes wrong

    @Test func theFirstErrorIsTheReply() throws {
        let wrongType = ReplyValue.failure("WRONGTYPE Operation against a key holding the wrong kind of value")
        #expect(
            try run("SUNION a b", [list(), wrongType])
                == "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
        #expect(
            try run("LCS a b", [.text("x"), wrongType])
                == "-ERR The specified keys must contain string values\r\n")
        #expect(try run("LCS a b", [.failure("LOADING x"), .null]) == "-LOADING x\r\n")
        #expect(
            try run("PFCOUNT a b", [.null, .text("no")])
                == "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n")
        #expect(
            try run("PFCOUNT a b", [.text("no"), wrongType])
                == "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n")
        #expect(
            try run("PFCOUNT a b", [wrongType, .text("no")])
                == "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
    }

    @Test func anotherShapeIsABadPart() throws {
        #expect(try run("SUNION a b", [list(), .integer(1)]) == "bad part 1")
        #expect(try run("SUNION a", [.array([.integer(1)])]) == "bad part 0")
        #expect(try run("ZUNION 1 a", [list("x")]) == "bad part 0")
        #expect(try run("ZUNION 1 a", [list("x", "nan")]) == "bad part 0")
        #expect(try run("LCS a b", [.text("x"), .integer(1)]) == "bad part 1")
        #expect(try run("PFCOUNT a b", [.integer(1), .null]) == "bad part 0")
        #expect(try run("LCS a b FOO", [.integer(1), .null]) == "bad part 0")
    }

    @Test func bothBudgetsAreKept() throws {
        let small = ComputeBudget(fetchedSizeBytesMax: 100, cellCountMax: 100)
        let long = String(repeating: "x", count: 60)
        let tooMany = try run("SUNION a b", [list(long), list(long)], .two, small)
        let limit = "-TOOLONG 'sunion' over several shards had to fetch 140 bytes, the limit compute_size is 100 bytes"
        #expect(tooMany.hasPrefix(limit))
        let tooWide = try run("LCS a b", [.text("01234567890"), .text("0123456789")], .two, small)
        #expect(tooWide.hasPrefix("-TOOLONG 'lcs' over several shards had to compare 110 pairs of bytes"))
        #expect(try run("LCS a b LEN", [.text("0123456789"), .text("0123456789")], .two, small) == ":10\r\n")
        #expect(small.refusal(of: "sunion", fetchedSizeBytes: 100) == nil)
    }
}
