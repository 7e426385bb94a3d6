import Testing

@testable import keyway_bench

struct WorkloadTests {
    private func summary(_ change: (inout WorkloadOptions) -> Void) throws -> String {
        try Workload(options(change)).summary
    }

    @Test func summariesSayWhatIsSent() throws {
        #expect(try summary { _ in } == "GET 90 % SET 10 %, 100,000 keys uniform, values of 64 bytes")
        #expect(
            try summary {
                $0.mix = "ycsb-b"
                $0.ttlS = 30...90
            } == "GET 95 % SET 5 %, 100,000 keys zipfian 0.99, values of 64 bytes, expiry 30 to 90 s")
        #expect(try summary { $0.mix = "ping" } == "PING 100 %")
        #expect(try summary { $0.mix = "mget" } == "MGET 100 %, 100,000 keys uniform, 10 keys a command")
        #expect(try summary { $0.isVerified = true }.hasSuffix(", verified"))
    }

    @Test func namesAreUniqueAndFillsComeLast() throws {
        let workload = try Workload(
            options {
                $0.mix = "set,hget"
                $0.commands = ["SET x 1", "SET y 2; GET y", "{value}"]
            })
        #expect(workload.operationNames == ["set", "hget", "set-2", "set-3", "command", "fill", "fill-2"])
        #expect(workload.fillCount == 200_000)
    }

    @Test func commandsAloneLeaveTheDefaultMixOut() throws {
        let workload = try Workload(options { $0.commands = ["GET {key}"] })
        #expect(workload.operationNames == ["get", "fill"])
    }

    @Test func wholeRepliesAreAskedForOnlyWhereNeeded() throws {
        for (mix, isNeeded) in [
            ("get,set", false), ("mget", true), ("multi", true), ("hmget", true), ("lrange", false),
        ] {
            #expect(try Workload(options { $0.mix = mix }).needsWholeReplies == isNeeded, "\(mix)")
        }
        #expect(try Workload(options { $0.isVerified = true }).needsWholeReplies)
        #expect(try Workload(options { $0.commands = ["MULTI; GET {key}; EXEC"] }).needsWholeReplies)
    }

    @Test func anotherTargetHasARunAndLedgerOfItsOwn() throws {
        let workload = try Workload(
            options {
                $0.isVerified = true
                $0.runID = 7
            })
        let other = workload.forAnotherTarget()
        #expect(other.runID == 8 && other.ledger !== workload.ledger && other.ledger != nil)
        let plain = try Workload(options())
        #expect(plain.forAnotherTarget().ledger == nil)
    }
}
