import Testing

struct VerifySoakTests {
    private static let mixes = ["get=2,set=1", "get,set,mget,mset,getset,rmw", "mget,mset", "get=2,set=2,del=1,mget=1"]

    /// Goal: a correct server is never called wrong, whatever overlaps, is lost, or comes late. Method: see VerifySoak.
    @Test(arguments: UInt64(1)...40) func aCorrectServerIsNeverCalledWrong(seed: UInt64) throws {
        let soak = try VerifySoak(
            seed: seed, mix: Self.mixes[Int(seed % 4)], keyCount: [2, 5, 40][Int(seed % 3)],
            threadCount: 1 + Int(seed % 2))
        let alarm = soak.run(steps: 8000)
        #expect(alarm == nil, "seed \(seed), step \(alarm ?? 0): \(soak.complaint)")
        #expect((soak.counts["good"] ?? 0) > 500, "\(soak.counts)")
    }

    /// Goal: every kind of wrong is found. Method: it happens in one of twenty steps; the alarm must come in good time.
    @Test(arguments: VerifySoak.Fault.allCases, UInt64(1)...6) func everyFaultIsFound(
        fault: VerifySoak.Fault, seed: UInt64
    ) throws {
        let soak = try VerifySoak(
            seed: seed, mix: "get=3,set=1,mget=1,mset=1", keyCount: 40, threadCount: 2, fault: fault)
        let alarm = soak.run(steps: 20_000)
        #expect(alarm != nil, "fault \(fault), seed \(seed): \(soak.counts)")
    }
}
