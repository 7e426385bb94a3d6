// RunResult: everything that a run of the bench has measured, and what was asked of it; the reports are made from this
// alone.
// Not here: how it was measured (Load), how it looks (Report).

/// Where the load goes. `label` is what people call it in the reports.
struct Target: Sendable, Equatable {
    enum Place: Sendable, Equatable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }
    var label: String
    var place: Place
    /// The target's processes on this machine (a proxy and its backends), for CPU and memory; may be empty.
    var pids: [Int32] = []
}

struct RunResult: Sendable {
    /// The words that the program was started with, passwords left out.
    var command: [String]
    var version: String
    /// Seconds since 1970.
    var startedAtS: Double
    var machine: String
    var targets: [Target]
    /// `50 clients, pipeline 16, 1 thread, RESP2, GET 90 % SET 10 %, 100,000 keys zipfian 0.99, values of 64 bytes`.
    var workload: String
    /// Threads of the load, among which its CPU time is shared.
    var loadThreadCount = 1
    /// In the order in which they ran.
    var phases: [PhaseResult] = []
    /// What `--search` found, one entry a target; `--curve` fills `steps` too.
    var searches: [SearchResult] = []
}

/// One step of a search or curve.
struct SearchStep: Sendable {
    let ratePerS: Double
    let phase: PhaseResult
    let holds: Bool
}

struct SearchResult: Sendable {
    let targetIndex: Int
    /// As the user wrote it, `p99<1ms`; empty for a plain curve.
    let goal: String
    /// The highest rate at which the goal held; nil when it held at none, or for a plain curve.
    let highestRatePerS: Double?
    let steps: [SearchStep]
}
