// Comparison: the phases of a run taken together: per target over its rounds, and against the first target.
// A figure of a target is the median over its rounds. A ratio is taken within a round, where the machine was the same
// for both, and then the median of those. What cannot be divided is nil, never a number that is none.
// Not here: words and layout (Report).

import Histogram

/// One figure over several rounds.
struct Spread: Sendable, Equatable {
    let median: Double
    let lowest: Double
    let highest: Double

    /// - Returns: nil when there is no finite value.
    init?(_ values: some Sequence<Double?>) {
        let sorted = values.compactMap(\.self).filter(\.isFinite).sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        let middle = sorted.count / 2
        // Halved before the sum, which two huge values would carry to infinity.
        median = sorted.count % 2 == 1 ? sorted[middle] : sorted[middle - 1] / 2 + sorted[middle] / 2
        lowest = first
        highest = last
    }
}

/// What targets are compared by.
enum Metric: CaseIterable, Sendable {
    case rate, p50, p99, p999, cpu

    func value(of phase: PhaseResult) -> Double? {
        switch self {
        case .rate: phase.ratePerS
        case .p50: phase.latencies.percentileNs(50)
        case .p99: phase.latencies.percentileNs(99)
        case .p999: phase.latencies.percentileNs(99.9)
        case .cpu: phase.cpuPerRequestNs
        }
    }
}

extension Latencies {
    /// - Returns: nil when nothing was recorded.
    func percentileNs(_ percentile: Double) -> Double? {
        totalCount == 0 ? nil : Double(valueAtPercentile(percentile))
    }

    var meanNs: Double? { totalCount == 0 ? nil : mean }
    var lowestNs: Double? { totalCount == 0 ? nil : Double(self.min) }
    var maximumNs: Double? { totalCount == 0 ? nil : Double(maxRecorded) }
}

extension PhaseResult {
    var cpuPerRequestNs: Double? { perRequest(processes.reduce(0) { $0 + Double($1.cpuNs) }) }
    var systemCPUPerRequestNs: Double? { perRequest(processes.reduce(0) { $0 + Double($1.systemCPUNs) }) }
    var loadCPUPerRequestNs: Double? { requestCount == 0 ? nil : Double(loadCPUNs) / Double(requestCount) }
    var missCount: UInt64 { operations.reduce(0) { $0 + $1.missCount } }
    var peakResidentBytes: Double? {
        processes.isEmpty ? nil : processes.reduce(0) { $0 + Double($1.peakResidentBytes) }
    }
    var sentBytesPerS: Double? { perSecond(sentBytes) }
    var receivedBytesPerS: Double? { perSecond(receivedBytes) }

    private func perRequest(_ sum: Double) -> Double? {
        processes.isEmpty || requestCount == 0 ? nil : sum / Double(requestCount)
    }
    private func perSecond(_ count: UInt64) -> Double? {
        durationNs == 0 ? nil : Double(count) * 1e9 / Double(durationNs)
    }
}

/// One target over all its rounds.
struct TargetSummary: Sendable {
    let index: Int
    let target: Target
    let phases: [PhaseResult]
    /// All rounds in one.
    let latencies: Latencies
    /// Summed by name, in the order of the mix.
    let operations: [OperationTally]
    /// Summed by kind, the most frequent first.
    let errors: [ErrorTally]
    /// Summed by pid; memory is the highest of all rounds, and the last round's.
    let processes: [ProcessUse]

    init(index: Int, target: Target, phases: [PhaseResult]) {
        self.index = index
        self.target = target
        self.phases = phases
        var latencies = Latencies.latencies()
        for phase in phases { latencies.add(phase.latencies) }
        self.latencies = latencies
        operations = Self.operations(of: phases)
        errors = Self.errors(of: phases)
        processes = Self.processes(of: phases)
    }

    var requestCount: UInt64 { phases.reduce(0) { $0 &+ $1.requestCount } }
    var errorCount: UInt64 { phases.reduce(0) { $0 &+ $1.errorCount } }
    var missCount: UInt64 { phases.reduce(0) { $0 &+ $1.missCount } }
    var unansweredCount: UInt64 { phases.reduce(0) { $0 &+ $1.unansweredCount } }
    var unsentCount: UInt64 { phases.reduce(0) { $0 &+ $1.unsentCount } }
    var verifiedCount: UInt64 { phases.reduce(0) { $0 &+ $1.verifiedCount } }
    var durationNs: UInt64 { phases.reduce(0) { $0 &+ $1.durationNs } }
    var intendedRatePerS: Double? { over { $0.intendedRatePerS }?.median }

    func over(_ figure: (PhaseResult) -> Double?) -> Spread? { Spread(phases.map(figure)) }

    func over(_ metric: Metric) -> Spread? { over(metric.value) }

    private static func operations(of phases: [PhaseResult]) -> [OperationTally] {
        var sums: [OperationTally] = []
        for tally in phases.flatMap(\.operations) {
            guard let place = sums.firstIndex(where: { $0.name == tally.name }) else {
                sums.append(tally)
                continue
            }
            sums[place].count &+= tally.count
            sums[place].missCount &+= tally.missCount
            sums[place].errorCount &+= tally.errorCount
            sums[place].latencies.add(tally.latencies)
        }
        return sums
    }

    private static func errors(of phases: [PhaseResult]) -> [ErrorTally] {
        var sums: [ErrorTally] = []
        for tally in phases.flatMap(\.errors) where tally.count > 0 {
            if let place = sums.firstIndex(where: { $0.kind == tally.kind }) {
                sums[place].count &+= tally.count
            } else {
                sums.append(tally)
            }
        }
        return sums.sorted { ($1.count, $0.kind) < ($0.count, $1.kind) }
    }

    private static func processes(of phases: [PhaseResult]) -> [ProcessUse] {
        var sums: [ProcessUse] = []
        for use in phases.flatMap(\.processes) {
            guard let place = sums.firstIndex(where: { $0.pid == use.pid }) else {
                sums.append(use)
                continue
            }
            sums[place].cpuNs &+= use.cpuNs
            sums[place].systemCPUNs &+= use.systemCPUNs
            sums[place].peakResidentBytes = max(sums[place].peakResidentBytes, use.peakResidentBytes)
            sums[place].residentBytes = use.residentBytes
        }
        return sums
    }
}

struct Comparison: Sendable {
    /// In the order of the run's targets, those without a phase too.
    let targets: [TargetSummary]

    init(_ result: RunResult) {
        targets = result.targets.enumerated().map { index, target in
            TargetSummary(index: index, target: target, phases: result.phases.filter { $0.targetIndex == index })
        }
    }

    /// `metric` of a target as a multiple of the first one's; nil for the first itself, and without a common round.
    func ratio(_ metric: Metric, of index: Int) -> Spread? {
        guard index > 0, targets.indices.contains(index) else { return nil }
        return Spread(
            targets[index].phases.map { phase -> Double? in
                guard let base = targets[0].phases.first(where: { $0.roundIndex == phase.roundIndex }),
                    let value = metric.value(of: phase), let baseValue = metric.value(of: base), baseValue > 0
                else { return nil }
                return value / baseValue
            })
    }
}
