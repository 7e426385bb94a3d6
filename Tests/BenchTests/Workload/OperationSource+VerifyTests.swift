import Testing

@testable import keyway_bench

/// Every judgement of `--verify`, one key or two. Under the rig no server: the tests say what it answers.
struct OperationSourceVerifyTests {
    private let runID: UInt32 = 77

    private func rig(_ mix: String = "get,set", keys: Int = 1, _ change: (inout WorkloadOptions) -> Void = { _ in })
        throws
        -> SourceRig
    {
        try source {
            $0.mix = mix
            $0.keyCount = keys
            $0.isVerified = true
            $0.runID = runID
            $0.keysPerCommand = 2
            $0.distribution = .sequential
            change(&$0)
        }
    }

    /// Draws until a command of this name comes. Those before it never leave: reads are abandoned, and a mix in which
    /// writes come by themselves is for tests that do not mind.
    private func draw(_ rig: SourceRig, _ name: String) -> Drawn {
        while true {
            let drawn = rig.draw()!
            if commands(drawn.bytes)[0][0] == Array(name.utf8) { return drawn }
            if commands(drawn.bytes)[0][0] == Array("SET".utf8) {
                _ = rig.judge(drawn, "+OK\r\n")
            } else {
                rig.abandon(drawn)
            }
        }
    }

    private func value(_ drawn: Drawn) -> [UInt8] { commands(drawn.bytes)[0][2] }

    private func made(run: UInt32, thread: Int = 0, sequence: UInt64, key: Int = 0, size: Int = 64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        VerifiedValue(prefixBytes: 4, keyDigits: 12).write(
            .init(run: run, thread: thread, sequence: sequence), key: key, prefix: Array("key:".utf8), sizeBytes: size,
            at: &bytes)
        return bytes
    }

    @Test func beforeAnyWriteNilIsAMissAndForeignValuesAreGood() throws {
        let rig = try rig("get")
        for reply in ["$-1\r\n", "_\r\n"] { #expect(rig.judge(rig.draw()!, reply) == .miss) }
        #expect(rig.judge(rig.draw()!, bulk(made(run: 1, thread: 5, sequence: 900))) == .good)
        #expect(rig.judge(rig.draw()!, bulk(made(run: runID, sequence: 1))) == .wrong)
        #expect(rig.lastComplaint.contains("never written"))
        #expect(rig.pendingCount == 0)
    }

    @Test func whatWasWrittenIsGoodAndWhatIsOlderOrGoneIsNot() throws {
        let rig = try rig("get")
        let fill = rig.drawFill()!
        let early = rig.draw()!
        #expect(rig.judge(fill, "+OK\r\n") == .good)
        #expect(rig.judge(early, "$-1\r\n") == .miss)
        #expect(rig.judge(rig.draw()!, bulk(value(fill))) == .good)
        #expect(rig.judge(rig.draw()!, "$-1\r\n") == .missing)
        #expect(rig.lastComplaint.contains("key:000000000000: expected sequence 1 or later"))
        #expect(rig.judge(rig.draw()!, bulk(made(run: 1, sequence: 900))) == .stale)
        #expect(rig.lastComplaint.contains("another run's value"))
        #expect(rig.judge(rig.draw()!, bulk(made(run: runID, sequence: 0))) == .stale)
        #expect(rig.judge(rig.draw()!, bulk(made(run: runID, sequence: 2))) == .wrong)
        #expect(rig.judge(rig.draw()!, bulk(made(run: runID, thread: 1, sequence: 1))) == .wrong)
        #expect(rig.lastComplaint.contains("never writes this key"))
    }

    @Test(arguments: [
        "+OK\r\n", ":1\r\n", "*1\r\n$1\r\na\r\n", "$0\r\n\r\n", "$3\r\nabc\r\n", "*-1\r\n", "$x\r\n", "$",
        "$5\r\nab\r\n", "%0\r\n",
    ]) func whatIsNoValueIsWrong(reply: String) throws {
        let rig = try rig("get")
        #expect(rig.judge(rig.draw()!, reply) == .wrong)
        #expect(rig.lastComplaint.hasPrefix("key:000000000000: "))
    }

    @Test func errorsAreErrors() throws {
        let rig = try rig("get,set,mget,mset,getset,del,ping")
        for _ in 0..<100 { #expect(rig.judge(rig.draw()!, "-LOADING x\r\n") == .error) }
        #expect(rig.pendingCount == 0)
    }

    @Test func anotherKeysValueIsWrong() throws {
        let rig = try rig("get", keys: 2)
        let fills = [rig.drawFill()!, rig.drawFill()!]
        for fill in fills { #expect(rig.judge(fill, "+OK\r\n") == .good) }
        #expect(rig.judge(rig.draw()!, bulk(value(fills[1]))) == .wrong)
        #expect(rig.lastComplaint.contains("another key's value"))
        #expect(rig.judge(rig.draw()!, bulk(value(fills[1]))) == .good)
    }

    @Test func writesWantOK() throws {
        for reply in ["$-1\r\n", "$2\r\nOK\r\n", ":1\r\n", "+NO\r\n", "+QUEUED\r\n", "+OKAY\r\n"] {
            let rig = try rig("set")
            #expect(rig.judge(rig.draw()!, reply) == .wrong, "\(reply)")
            #expect(rig.lastComplaint.contains("expected +OK"))
        }
    }

    @Test func aWriteThatFailedOrWasLostMayBeReadOrNot() throws {
        for isError in [true, false] {
            let rig = try rig("getset")
            let first = rig.drawFill()!
            #expect(rig.judge(first, "+OK\r\n") == .good)
            let second = rig.draw()!
            if isError { #expect(rig.judge(second, "-TIMEOUT x\r\n") == .error) } else { rig.abandon(second) }
            // Exchanges read as well: first the second value is not there yet, then it comes, then it is there.
            let third = rig.draw()!
            #expect(rig.judge(third, bulk(value(first))) == .good)
            #expect(rig.judge(rig.draw()!, bulk(value(second))) == .good)
            #expect(rig.judge(rig.draw()!, bulk(value(third))) == .good)
            #expect(rig.judge(rig.draw()!, bulk(made(run: runID, sequence: 0))) == .stale)
            #expect(rig.pendingCount == 0)
        }
    }

    @Test func overlappingWritesMayEndInAnyOrder() throws {
        let rig = try rig("getset")
        let (first, second) = (rig.draw()!, rig.draw()!)
        #expect(rig.judge(second, "$-1\r\n") == .miss)
        #expect(rig.judge(first, bulk(value(second))) == .good)
        #expect(rig.judge(rig.draw()!, bulk(value(first))) == .good)
        #expect(rig.judge(rig.draw()!, "$-1\r\n") == .missing)
    }

    @Test func deletesAndExpiryAllowNilButNothingOld() throws {
        for change in [{ $0.mix = "get,del" }, { $0.ttlS = 5...5 }] as [@Sendable (inout WorkloadOptions) -> Void] {
            let rig = try rig("get", 1, change)
            #expect(rig.judge(rig.drawFill()!, "+OK\r\n") == .good)
            #expect(rig.judge(draw(rig, "GET"), "$-1\r\n") == .miss)
            #expect(rig.judge(draw(rig, "GET"), bulk(made(run: runID, sequence: 0))) == .stale)
        }
    }

    private func rig(_ mix: String, _ keys: Int, _ change: (inout WorkloadOptions) -> Void) throws -> SourceRig {
        try rig(mix, keys: keys) { change(&$0) }
    }

    @Test func severalKeysAreJudgedInTheirOrderAndTheWorstCounts() throws {
        let rig = try rig("mget", keys: 2)
        let fills = [rig.drawFill()!, rig.drawFill()!]
        func reply(_ values: [[UInt8]?]) -> [UInt8] { Array("*\(values.count)\r\n".utf8) + values.flatMap(bulk) }
        let (a, b) = (value(fills[0]), value(fills[1]))
        #expect(rig.judge(rig.draw()!, reply([nil, nil])) == .miss)
        for fill in fills { #expect(rig.judge(fill, "+OK\r\n") == .good) }
        #expect(rig.judge(rig.draw()!, reply([a, b])) == .good)
        #expect(rig.judge(rig.draw()!, reply([b, a])) == .wrong)
        #expect(rig.judge(rig.draw()!, reply([a, nil])) == .missing)
        let old = made(run: runID, sequence: 0)
        #expect(rig.judge(rig.draw()!, reply([old, nil])) == .stale)
        #expect(rig.judge(rig.draw()!, reply([nil, a])) == .wrong)
        #expect(rig.judge(rig.draw()!, reply([a])) == .wrong)
        #expect(rig.judge(rig.draw()!, reply([a, b, b])) == .wrong)
        #expect(rig.judge(rig.draw()!, "*-1\r\n") == .wrong)
        #expect(rig.judge(rig.draw()!, "*2\r\n+OK\r\n$-1\r\n") == .wrong)
        #expect(rig.judge(rig.draw()!, reply([a, b]) + [0]) == .wrong)
        #expect(rig.pendingCount == 0)
    }

    @Test func severalWritesAreAcknowledgedAtOnce() throws {
        let rig = try rig("mset", keys: 2)
        let write = rig.draw()!
        let values = [commands(write.bytes)[0][2], commands(write.bytes)[0][4]]
        #expect(values[0].starts(with: "key:000000000000|0000004d|000|000000000001|000000064|".utf8))
        #expect(values[1].starts(with: "key:000000000001|0000004d|000|000000000001|000000064|".utf8))
        #expect(rig.judge(write, "+OK\r\n") == .good)
        #expect(rig.workload.ledger?.floor(of: 1) == 1)
    }

    @Test func readModifyWriteIsTwoRepliesOfOneKey() throws {
        let rig = try rig("rmw")
        let first = rig.draw()!
        #expect(first.repliesLeft == 2)
        #expect(rig.judge(first, "$-1\r\n") == .miss)
        #expect(rig.judge(first, "+OK\r\n") == .good)
        let second = rig.draw()!
        #expect(rig.judge(second, bulk(commands(first.bytes)[1][2])) == .good)
        #expect(rig.judge(second, "$-1\r\n") == .wrong)
        #expect(rig.pendingCount == 0)
    }

    @Test func typesOfOtherRepliesAreChecked() throws {
        for (mix, good, bad) in [
            ("del", ":1\r\n", "+OK\r\n"), ("ping", "+PONG\r\n", ":1\r\n"), ("ttl", ":-1\r\n", "$-1\r\n"),
        ] {
            let rig = try rig(mix)
            #expect(rig.judge(rig.draw()!, good) == .good)
            #expect(rig.judge(rig.draw()!, bad) == .wrong)
        }
    }

    @Test func eachThreadWritesItsOwnKeysOnlyAndReadsAll() throws {
        for thread in 0..<3 {
            let rig = try source(threadIndex: thread, threadCount: 3) {
                $0.mix = "get,set,mset,rmw"
                $0.keyCount = 10
                $0.isVerified = true
            }
            var readKeys: Set<Int> = []
            var writtenKeys: Set<Int> = []
            for _ in 0..<1000 {
                for command in commands(rig.draw()!.bytes) {
                    let isWrite = command[0] != Array("GET".utf8)
                    for argument in command.dropFirst() where argument.count == 16 {
                        let key = Int(String(decoding: argument.dropFirst(4), as: UTF8.self))!
                        if isWrite { writtenKeys.insert(key) } else { readKeys.insert(key) }
                    }
                }
            }
            #expect(writtenKeys == Set((0..<10).filter { $0 % 3 == thread }))
            #expect(readKeys == Set(0..<10))
        }
    }
}
