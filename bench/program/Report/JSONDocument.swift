// JSONDocument: the schema of --json. Names are those of the properties in snake case (`durationS` is `duration_s`),
// the unit stands last. What was not measured is absent. A field is never renamed or given another meaning within one
// `schema_version`; new fields may come.
// Not here: how it is filled and written (JSONReport).

struct JSONDocument: Codable, Equatable {
    /// `keyway-bench`.
    let program: String
    let schemaVersion: Int
    /// Of the program.
    let version: String
    /// Seconds since 1970.
    let startedAtS: Double
    let command: [String]
    let machine: String
    let workload: String
    let loadThreadCount: Int
    let warnings: [String]
    let targets: [Target]
    /// In the order in which they ran.
    let phases: [Phase]
    let searches: [Search]

    /// A target over all its rounds.
    struct Target: Codable, Equatable {
        let index: Int
        let label: String
        /// `host:port` or the path of a socket.
        let address: String
        let pids: [Int32]
        let roundCount: Int
        let requestCount: UInt64
        let errorCount: UInt64
        let missCount: UInt64
        let unansweredCount: UInt64
        let unsentCount: UInt64
        let verifiedCount: UInt64
        /// Medians over the rounds.
        let ratePerS: Spread?
        let p50Ns: Spread?
        let p99Ns: Spread?
        let p999Ns: Spread?
        let cpuPerRequestNs: Spread?
        let systemCpuPerRequestNs: Spread?
        let loadCpuPerRequestNs: Spread?
        /// Summed over the target's processes.
        let peakResidentBytes: UInt64?
        /// Of the first target; absent for the first.
        let ratios: Ratios?
        /// All rounds in one.
        let latency: Latency
        let operations: [Operation]
        let errors: [ErrorKind]
        let processes: [Process]
    }

    struct Spread: Codable, Equatable {
        let median: Double
        let lowest: Double
        let highest: Double
    }

    /// Each within a round, as a multiple of the first target's figure.
    struct Ratios: Codable, Equatable {
        let rate: Spread?
        let p50: Spread?
        let p99: Spread?
        let p999: Spread?
        let cpuPerRequest: Spread?
    }

    struct Latency: Codable, Equatable {
        let count: UInt64
        let lowestNs: UInt64?
        let meanNs: Double?
        let highestNs: UInt64?
        let percentiles: [Percentile]
        /// Every bucket with a count, `[ns, count]`; absent for steps of the timeline.
        let histogram: [[UInt64]]?
    }

    struct Percentile: Codable, Equatable {
        let percentile: Double
        let ns: UInt64
    }

    struct Phase: Codable, Equatable {
        let targetIndex: Int
        let roundIndex: Int
        /// Absent in a closed loop.
        let intendedRatePerS: Double?
        let ratePerS: Double
        let durationS: Double
        let requestCount: UInt64
        let errorCount: UInt64
        let missCount: UInt64
        let unansweredCount: UInt64
        let unsentCount: UInt64
        let verifiedCount: UInt64
        let sentBytes: UInt64
        let receivedBytes: UInt64
        let cpuPerRequestNs: Double?
        let loadCpuNs: UInt64
        /// How late the load itself sent; absent in a closed loop.
        let latenessP50Ns: Double?
        let latenessP99Ns: Double?
        let isCutShort: Bool
        let complaints: [String]
        let latency: Latency
        let operations: [Operation]
        let errors: [ErrorKind]
        let processes: [Process]
        let timeline: [Step]
    }

    struct Operation: Codable, Equatable {
        let name: String
        let count: UInt64
        let missCount: UInt64
        let errorCount: UInt64
        let latency: Latency
    }

    struct ErrorKind: Codable, Equatable {
        let kind: String
        let count: UInt64
        /// The first one's words.
        let example: String
    }

    struct Process: Codable, Equatable {
        let pid: Int32
        let name: String
        let cpuNs: UInt64
        let systemCpuNs: UInt64
        let peakResidentBytes: UInt64
        let residentBytes: UInt64
    }

    /// One step of the timeline.
    struct Step: Codable, Equatable {
        let startS: Double
        let endS: Double
        let requestCount: UInt64
        let errorCount: UInt64
        let p50Ns: UInt64?
        let p99Ns: UInt64?
        let highestNs: UInt64?
    }

    struct Search: Codable, Equatable {
        let targetIndex: Int
        /// Empty for a plain curve.
        let goal: String
        /// Absent when the goal held at no rate.
        let highestRatePerS: Double?
        /// In the order in which they ran.
        let steps: [SearchStep]
    }

    struct SearchStep: Codable, Equatable {
        let ratePerS: Double
        let holds: Bool
        let phase: Phase
    }
}
