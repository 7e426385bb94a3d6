// ExitStatus: the numbers that the program ends with. Scripts rely on them; `--help` lists them.

enum ExitStatus {
    static let fine: Int32 = 0
    /// Errors were counted, `--verify` found a reply that is not right, a target could not be measured, or a report
    /// could not be written.
    static let failed: Int32 = 1
    /// The command line is wrong; nothing was sent.
    static let usage: Int32 = 2
    /// Ended by Ctrl-C or SIGTERM; what was measured until then was reported, but after a second signal.
    static let interrupted: Int32 = 130

    /// A reply that is not right counts wherever it was found. Other errors count in the phases alone: a search goes
    /// where a target is overloaded, and errors are expected there.
    static func of(_ result: RunResult, wasInterrupted: Bool) -> Int32 {
        let unmeasured = !wasInterrupted && result.phases.contains { $0.requestCount == 0 }
        let steps = result.searches.flatMap { $0.steps.map(\.phase) }
        let verdicts: Set = ["wrong", "stale", "missing"]
        let isWrong = (result.phases + steps).contains { $0.errors.contains { verdicts.contains($0.kind) } }
        let hasErrors = result.phases.contains { $0.errorCount > 0 }
        if isWrong || hasErrors || unmeasured { return failed }
        return wasInterrupted ? interrupted : fine
    }
}
