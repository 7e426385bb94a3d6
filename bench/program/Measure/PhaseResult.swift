// PhaseResult: what one phase came to: one target, under load for one stretch of time. The load fills it, the reports
// and the search read it. Counts are of the measured window only; the warm-up before it leaves no trace.
// Not here: sums and ratios over phases (RunResult), text (Report).

/// One kind of operation of the mix, `get` or `lpush` or a template's first word.
struct OperationTally: Sendable {
    let name: String
    var count: UInt64 = 0
    /// Replies that were nil where a value was asked for.
    var missCount: UInt64 = 0
    var errorCount: UInt64 = 0
    var latencies = Latencies.latencies()
}

/// Errors of one kind. `kind` is the first word of an error reply (`ERR`, `TIMEOUT`), or one of the bench's own:
/// `connect`, `lost`, `protocol`, `wrong`, `stale`, `missing`, `unanswered`.
struct ErrorTally: Sendable {
    let kind: String
    var count: UInt64
    /// The first one's own words.
    let example: String
}

/// One step of the timeline.
struct Interval: Sendable {
    /// From the start of the measured window to the start and the end of this step.
    var startNs: UInt64
    var endNs: UInt64
    var requestCount: UInt64
    var errorCount: UInt64
    var latencies: Latencies
}

/// CPU time and memory of a target's processes over the measured window.
struct ProcessUse: Sendable {
    let pid: Int32
    let name: String
    var cpuNs: UInt64
    /// Of that, in the kernel.
    var systemCPUNs: UInt64
    /// Highest resident size since the process started (VmHWM), and the size at the end of the window.
    var peakResidentBytes: UInt64
    var residentBytes: UInt64
}

struct PhaseResult: Sendable {
    let targetIndex: Int
    let roundIndex: Int
    /// Requests a second that were asked for; nil in a closed loop.
    let intendedRatePerS: Double?
    var durationNs: UInt64 = 0
    /// Operations that began in the window and were answered, in it or in the drain behind it, errors among them; a
    /// transaction is one.
    var requestCount: UInt64 = 0
    /// Operations that had no answer when the phase ended.
    var unansweredCount: UInt64 = 0
    /// Open loop: operations that were due and not sent when the phase ended, for want of a free place.
    var unsentCount: UInt64 = 0
    var sentBytes: UInt64 = 0
    var receivedBytes: UInt64 = 0
    /// From the moment an operation was due (open loop) or written (closed loop) to its last reply.
    var latencies = Latencies.latencies()
    /// Open loop: from the moment an operation was due, with a place free for it, to its sending. It is part of the
    /// latency and the load's own doing. Empty in a closed loop.
    var lateness = Latencies.latencies()
    var operations: [OperationTally] = []
    var errors: [ErrorTally] = []
    var intervals: [Interval] = []
    var processes: [ProcessUse] = []
    /// CPU time of the load itself, all its threads.
    var loadCPUNs: UInt64 = 0
    /// Replies that `--verify` looked into.
    var verifiedCount: UInt64 = 0
    /// What could not be measured, in words for people.
    var complaints: [String] = []
    /// The user or a signal ended the phase early.
    var isCutShort = false

    var errorCount: UInt64 { errors.reduce(0) { $0 + $1.count } }
    var ratePerS: Double { durationNs == 0 ? 0 : Double(requestCount) * 1e9 / Double(durationNs) }
}
