import Testing

@testable import keyway_bench

struct ReplyLookTests {
    @Test(arguments: [
        ("-ERR x\r\n", ReplyLook.error), ("!5\r\nERR x\r\n", .error), ("$-1\r\n", .none), ("*-1\r\n", .none),
        ("_\r\n", .none), ("$0\r\n\r\n", .other), ("*0\r\n", .other), (":-1\r\n", .other), ("+OK\r\n", .other),
        ("%0\r\n", .other), ("$", .other),
    ]) func firstBytesTell(reply: String, look: ReplyLook) {
        #expect(ReplyLook.at(Array(reply.utf8), count: reply.utf8.count) == look)
    }

    private func inside(_ reply: String) -> [Bool]? {
        ReplyLook.inside(Array(reply.utf8), count: reply.utf8.count).map { [$0.hasError, $0.hasNone] }
    }

    @Test func elementsAreLookedAtAndNestedOnesSkipped() {
        #expect(inside("*2\r\n$1\r\na\r\n$1\r\nb\r\n") == [false, false])
        #expect(inside("*2\r\n$1\r\na\r\n$-1\r\n") == [false, true])
        #expect(inside("*2\r\n_\r\n-ERR\r\n") == [true, true])
        #expect(inside("*2\r\n*1\r\n$-1\r\n+OK\r\n") == [false, false])
        #expect(inside("*1\r\n$5\r\n$-1\r\n\r\n") == [false, false])
        #expect(inside("*0\r\n") == [false, false])
    }

    @Test func everyCutOfAnArrayIsNone() {
        let whole = "*3\r\n$2\r\nab\r\n:5\r\n*1\r\n_\r\n"
        for cut in 0..<whole.utf8.count {
            #expect(inside(String(decoding: whole.utf8.prefix(cut), as: UTF8.self)) == nil)
        }
        #expect(inside("+OK\r\n") == nil)
    }
}
