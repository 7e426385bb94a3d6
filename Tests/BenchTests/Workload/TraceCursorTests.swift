import Testing

@testable import keyway_bench

struct TraceCursorTests {
    private let text = (0..<100).map { "\(10 + $0).000000 [0 c:\($0 % 7)] \"set\" \"k\($0 % 7)\" \"\($0)\"\n" }.joined()

    private func values(_ cursor: inout TraceCursor, atMost count: Int) -> [String] {
        var values: [String] = []
        while values.count < count {
            var buffer = ByteBuffer(capacityBytes: 64)
            guard cursor.next(&buffer) != nil else { break }
            values.append(String(decoding: commands(buffer.bytes)[0][2], as: UTF8.self))
        }
        return values
    }

    @Test func threadsShareATraceAndKeepEachClientsOrder() throws {
        let trace = try Trace(Array(text.utf8), name: "f")
        var all: [Int] = []
        for thread in 0..<3 {
            var cursor = TraceCursor(trace, false, thread, 3)
            let own = values(&cursor, atMost: 1000).map { Int($0)! }
            #expect(own == own.sorted())
            #expect(cursor.nextDueNs == nil)
            all += own
        }
        #expect(all.sorted() == Array(0..<100))
        let clientThreads = (0..<3).map { thread -> Set<Int> in
            var cursor = TraceCursor(trace, false, thread, 3)
            return Set(values(&cursor, atMost: 1000).map { Int($0)! % 7 })
        }
        #expect(clientThreads.reduce(0) { $0 + $1.count } == 7)
    }

    @Test func aLoopBeginsAnewAndItsTimesGoOn() throws {
        let trace = try Trace(Array(text.utf8), name: "f")
        var cursor = TraceCursor(trace, true, 0, 1)
        #expect(values(&cursor, atMost: 250) == (0..<250).map { "\($0 % 100)" })
        #expect(cursor.nextDueNs == 2 * 100_000_000_000 + 50_000_000_000)
    }

    @Test func aThreadWithoutEntriesHasNothing() throws {
        let trace = try Trace(Array("SET a 1\n".utf8), name: "f")
        let counts = (0..<4).map { thread -> Int in
            var cursor = TraceCursor(trace, true, thread, 4)
            return values(&cursor, atMost: 5).count
        }
        #expect(counts.sorted() == [0, 0, 0, 5])
    }
}
