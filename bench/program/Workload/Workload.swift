// Workload: what to send, checked and compiled: one immutable value for the run, shared by all threads.
// What a user can get wrong is found here, before the first connection; the sources made from it cannot fail.
// Not here: drawing and judging (OperationSource), what the options mean (WorkloadOptions).

struct Workload: Sendable {
    let options: WorkloadOptions
    let distribution: KeyDistribution
    let program: Program
    /// `OperationTally` names, indexed by `Operation.kind`. Fills are `fill`, behind all others.
    let operationNames: [String]
    /// Upper ends of the first kinds' parts of the draw; the kinds behind them are fills.
    let kindEnds: [UInt64]
    let fillKinds: Range<Int>
    let trace: Trace?
    /// Replies must be whole to be judged.
    let needsWholeReplies: Bool
    /// Keys may vanish by command or expiry, so that nil is never `missing`.
    let canRemoveKeys: Bool
    /// `GET 90 % SET 10 %, 100,000 keys zipfian 0.99, values of 64 bytes`
    let summary: String
    private(set) var ledger: Ledger?
    private(set) var runID: UInt32

    init(_ options: WorkloadOptions) throws(WorkloadError) {
        try options.check()
        self.options = options
        runID = options.runID ?? UInt32.random(in: .min ... .max)
        trace = try options.tracePath.map { path throws(WorkloadError) in try Trace(path: path) }
        let plan = try WorkloadPlan(options, trace: trace)
        program = plan.program
        distribution = plan.distribution
        operationNames = plan.names
        kindEnds = shares(plan.weights)
        fillKinds = plan.fillKinds
        canRemoveKeys = plan.canRemoveKeys
        needsWholeReplies =
            options.isVerified || trace?.entries.contains { $0.isTransaction } == true
            || plan.program.plans.contains { $0.rule == .array || $0.rule == .transaction }
        summary = plan.summary
        ledger = options.isVerified ? Ledger(keyCount: options.keyCount) : nil
    }

    /// Operations that a fill sends, over all threads.
    var fillCount: Int { fillKinds.count * options.keyCount }

    /// The same load for another target, or for one whose data were removed: nothing is known of its keys, and values
    /// carry another run's number. Without `--verify` it is no different.
    func forAnotherTarget() -> Workload {
        guard options.isVerified else { return self }
        var other = self
        other.ledger = Ledger(keyCount: options.keyCount)
        other.runID = runID &+ 1
        return other
    }

    /// The form of verified values.
    var verifiedValue: VerifiedValue {
        VerifiedValue(prefixBytes: options.keyPrefix.utf8.count, keyDigits: options.keyDigits)
    }
}
