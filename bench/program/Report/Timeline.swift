// Timeline: the steps of a target's rounds, one round after another as if nothing had run between them, and no more of
// them than a plot can show: neighbours are put together, histograms and all.
// Not here: the plot (ResultPlots).

import Histogram

struct Timeline: Sendable {
    struct Step: Sendable {
        let roundIndex: Int
        /// From the start of the first round, without the time between rounds.
        let startS: Double
        let endS: Double
        let ratePerS: Double
        let errorCount: UInt64
        let p50Ns: Double?
        let p99Ns: Double?
        let highestNs: Double?

        var middleS: Double { (startS + endS) / 2 }
    }

    /// One list a round, without those that have no step.
    let rounds: [[Step]]
    let lengthS: Double

    init(_ phases: [PhaseResult], stepCountMax: Int = 120) {
        let count = phases.reduce(0) { $0 + $1.intervals.count }
        let groupSize = max(1, (count + stepCountMax - 1) / stepCountMax)
        var rounds: [[Step]] = []
        var offsetS = 0.0
        for phase in phases {
            var steps: [Step] = []
            for start in stride(from: 0, to: phase.intervals.count, by: groupSize) {
                let group = phase.intervals[start..<min(start + groupSize, phase.intervals.count)]
                if let step = Self.step(group, roundIndex: phase.roundIndex, offsetS: offsetS) { steps.append(step) }
            }
            let endS = phase.intervals.last.map { Double($0.endNs) / 1e9 } ?? 0
            offsetS += max(Double(phase.durationNs) / 1e9, endS)
            if !steps.isEmpty { rounds.append(steps) }
        }
        self.rounds = rounds
        lengthS = offsetS
    }

    private static func step(_ group: ArraySlice<Interval>, roundIndex: Int, offsetS: Double) -> Step? {
        guard let first = group.first, let last = group.last, last.endNs > first.startNs else { return nil }
        var latencies = first.latencies
        for interval in group.dropFirst() { latencies.add(interval.latencies) }
        let lengthNs = Double(last.endNs - first.startNs)
        let requestCount = group.reduce(0) { $0 + Double($1.requestCount) }
        return Step(
            roundIndex: roundIndex, startS: offsetS + Double(first.startNs) / 1e9,
            endS: offsetS + Double(last.endNs) / 1e9, ratePerS: requestCount * 1e9 / lengthNs,
            errorCount: group.reduce(0) { $0 &+ $1.errorCount }, p50Ns: latencies.percentileNs(50),
            p99Ns: latencies.percentileNs(99), highestNs: latencies.maximumNs)
    }
}
