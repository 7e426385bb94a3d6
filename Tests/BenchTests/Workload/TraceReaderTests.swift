import Testing

@testable import keyway_bench

struct TraceReaderTests {
    private func trace(_ text: String) throws -> Trace { try Trace(Array(text.utf8), name: "f") }

    private func operations(_ trace: Trace) -> [[[String]]] {
        trace.entries.map { entry in
            commands(Array(UnsafeBufferPointer(start: trace.bytes + entry.offset, count: entry.count)))
                .map { $0.map { String(decoding: $0, as: UTF8.self) } }
        }
    }

    @Test func textLinesWithEveryQuoting() throws {
        let trace = try trace("# a comment\n\nSET key \"a b\\n\\x41\"\r\nGET 'it''\n".replacing("''", with: "\\'s'"))
        #expect(operations(trace) == [[["SET", "key", "a b\nA"]], [["GET", "it's"]]])
        #expect(trace.names == ["set", "get"] && !trace.hasTimes)
    }

    @Test func aLastLineNeedsNoLineFeedAndBlanksMayLead() throws {
        #expect(operations(try trace("PING\n  GET a")) == [[["PING"]], [["GET", "a"]]])
    }

    @Test func monitorLinesWithTimesClientsAndQuotes() throws {
        let trace = try trace(
            """
            OK
            1339518083.107412 [0 127.0.0.1:60866] "set" "k\\"1\\"" "\\x00\\xff b"
            1339518083.107400 [0 [::1]:60867] "get" "k] 2"
            1339518084.107412 [0 lua] "get" "k3"
            1339518085.107412 [0 unix:/tmp/s] "CLIENT" "SETINFO" "lib" "x"
            +1339518085.107412 [3 127.0.0.1:60866] "ping"
            """)
        #expect(trace.hasTimes && trace.leftOutCount == 2)
        #expect(trace.entries.map(\.dueNs) == [0, 0, 2_000_000_000])
        #expect(trace.entries[0].home == trace.entries[2].home && trace.entries[0].home != trace.entries[1].home)
        let bytes = commands(
            Array(UnsafeBufferPointer(start: trace.bytes, count: trace.entries[0].count)))[0]
        #expect(bytes == [Array("set".utf8), Array("k\"1\"".utf8), [0, 255, 32, 98]])
        #expect(operations(trace)[1] == [["get", "k] 2"]])
    }

    @Test func respWithBinaryAndTimeAnnotations() throws {
        let trace = try trace(
            "#TS:1628217470\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
                + "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n#TS:1\r\n*1\r\n$4\r\nPING\r\n"
        )
        #expect(operations(trace) == [[["SET", "k", "a\r\nb"]], [["PING"]]])
        #expect(trace.leftOutCount == 1)
    }

    @Test func transactionsAreOneOperation() throws {
        let trace = try trace("MULTI\nSET a 1\nGET a\nEXEC\nGET b\nmulti\nGET c\ndiscard\n")
        #expect(trace.entries.map(\.replyCount) == [4, 1, 3])
        #expect(trace.entries.map(\.isTransaction) == [true, false, true])
        #expect(trace.names == ["multi", "get"])
        #expect(operations(trace)[0] == [["MULTI"], ["SET", "a", "1"], ["GET", "a"], ["EXEC"]])
    }

    @Test func transactionsOfClientsAreKeptApart() throws {
        let trace = try trace(
            """
            1.000000 [0 a:1] "exec"
            1.000000 [0 a:1] "multi"
            2.000000 [0 b:2] "get" "x"
            3.000000 [0 a:1] "set" "k" "v"
            4.000000 [0 a:1] "exec"
            5.000000 [0 b:2] "multi"
            """)
        #expect(operations(trace) == [[["get", "x"]], [["multi"], ["set", "k", "v"], ["exec"]]])
        #expect(trace.leftOutCount == 2)
    }

    @Test func oneKeysCommandsHaveOneHome() throws {
        let homes = try trace("GET a\nSET a 1\nGET b\nPING\n").entries.map(\.home)
        #expect(homes[0] == homes[1] && homes[0] != homes[2])
    }

    @Test func moreNamesThanAnyServerHasAreOthers() throws {
        let trace = try trace((0..<600).map { "cmd\($0) x\n" }.joined())
        #expect(trace.names.count == 501 && trace.names.last == "other")
    }

    @Test(arguments: [
        ("GET a\nSET \"b\n", "line 2: the quote \" at column 5 is never closed"),
        ("SET 'a'b c\n", "line 1: a blank is missing"),
        ("1.000000 [0 a:1] \"get\" \"x\"\nGET a\n", "line 2: this is no line of MONITOR"),
        ("MULTI\nGET a\n", "line 1: MULTI has no EXEC"), ("MULTI\nMULTI\n", "line 2: MULTI inside of MULTI"),
        ("*2\r\n$3\r\nGET\r\n", "command 1 at byte 0, argument 2: $ is expected at byte 13"),
        (
            "*1\r\n$4\r\nPING\r\n*1\r\n$9\r\nPING\r\n",
            "command 2 at byte 14, argument 1: 9 bytes and CR LF should follow"
        ),
        ("*x\r\n", "* at byte 0 needs a number"), ("*", "* at byte 0 needs a number"),
        ("*1\r\n$-1\r\n", "$ at byte 4 needs a number"), ("*1\r\n$4\r\nPINGxx", "4 bytes and CR LF should follow"),
    ]) func whatIsWrongIsSaidWithItsPlace(text: String, words: String) {
        let said = failureText { _ = try trace(text) }
        #expect(said.contains(words) && said.hasPrefix("trace f: "), "\(said)")
    }

    /// Goal: no input traps. Method: good traces with random bytes altered and cut anywhere, all read or refused.
    @Test(arguments: [1, 2, 3]) func nonsenseIsReadOrRefused(seed: UInt64) {
        var random = RandomBits(seed: seed, stream: 0)
        let goods = [
            "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n",
            "1339518083.107412 [0 127.0.0.1:60866] \"set\" \"k\" \"\\x00\"\n1339518084.1 [0 x] \"get\"\n",
            "SET a \"b\\x41\" 'c'\nMULTI\nEXEC\n",
        ]
        for _ in 0..<3000 {
            var bytes = Array(goods[Int(random.next(below: 3))].utf8)
            for _ in 0..<(1 + random.next(below: 4)) {
                bytes[Int(random.next(below: UInt64(bytes.count)))] = UInt8(random.next(below: 256))
            }
            bytes.removeLast(Int(random.next(below: UInt64(bytes.count))))
            _ = failureText { _ = try Trace(bytes, name: "f") }
        }
    }
}
