// PhaseRecord: adds up what the threads hand over, as sums and as a timeline, and makes the phase's result of it.
// Not here: when they hand over (LoadThread), what CPU time was used (ProcessMeter).

import Histogram

struct PhaseRecord {
    private let intervalNs: UInt64
    private let stepCountMax: Int
    /// Kinds of operations that are requests; the deliveries of pub/sub behind them are not.
    private let requestKindCount: Int
    private(set) var total: Tally
    private var steps: [Interval] = []
    /// Intervals that one step stands for.
    private var mergedCount = 1
    /// The interval that was handed over last, by itself.
    private(set) var latest: Interval?
    /// Errors before the window, which belong to no step.
    private(set) var complaints: [String] = []

    init(names: [String], options: LoadOptions) {
        total = Tally(names: names)
        intervalNs = options.intervalNs
        stepCountMax = options.stepCountMax
        requestKindCount = options.pubSub == nil ? names.count : names.count - 1
    }

    mutating func add(_ tally: Tally, stepIndex: Int?) {
        total.add(tally)
        guard let stepIndex else { return }
        while stepIndex / mergedCount >= stepCountMax { mergeNeighbours() }
        let place = stepIndex / mergedCount
        while steps.count <= place { steps.append(emptyStep(steps.count)) }
        for operation in tally.operations.prefix(requestKindCount) where operation.count > 0 {
            steps[place].requestCount += operation.count
            steps[place].latencies.add(operation.latencies)
        }
        steps[place].errorCount += tally.errors.reduce(0) { $0 + $1.count }
        addToLatest(tally, stepIndex)
    }

    private mutating func addToLatest(_ tally: Tally, _ stepIndex: Int) {
        let startNs = UInt64(stepIndex) * intervalNs
        if latest.map({ $0.startNs < startNs }) ?? true {
            latest = Interval(
                startNs: startNs, endNs: startNs + intervalNs, requestCount: 0, errorCount: 0, latencies: .latencies())
        }
        guard latest?.startNs == startNs else { return }
        for operation in tally.operations.prefix(requestKindCount) where operation.count > 0 {
            latest?.requestCount += operation.count
            latest?.latencies.add(operation.latencies)
        }
    }

    /// What went wrong while the target was filled: said aloud, but no error of the window.
    mutating func addFill(_ tally: Tally) {
        for error in tally.errors {
            complaints.append("\(error.count) errors while --fill wrote the keys, \(error.kind): \(error.example)")
        }
    }

    private func emptyStep(_ index: Int) -> Interval {
        let stepNs = intervalNs * UInt64(mergedCount)
        return Interval(
            startNs: UInt64(index) * stepNs, endNs: UInt64(index + 1) * stepNs, requestCount: 0, errorCount: 0,
            latencies: .latencies())
    }

    private mutating func mergeNeighbours() {
        mergedCount *= 2
        var merged: [Interval] = []
        for (index, step) in steps.enumerated() {
            if index % 2 == 0 {
                merged.append(emptyStep(merged.count))
            }
            merged[merged.count - 1].requestCount += step.requestCount
            merged[merged.count - 1].errorCount += step.errorCount
            merged[merged.count - 1].latencies.add(step.latencies)
        }
        steps = merged
    }

    /// Requests so far.
    var requestCount: UInt64 { total.operations.prefix(requestKindCount).reduce(0) { $0 + $1.count } }
    var errorCount: UInt64 { total.errors.reduce(0) { $0 + $1.count } }

    /// Fills in everything that was counted.
    func finish(_ result: inout PhaseResult, durationNs: UInt64, isVerified: Bool) {
        result.durationNs = durationNs
        result.requestCount = requestCount
        result.unansweredCount = total.unansweredCount
        result.unsentCount = total.unsentCount
        result.sentBytes = total.sentBytes
        result.receivedBytes = total.receivedBytes
        for operation in total.operations.prefix(requestKindCount) where operation.count > 0 {
            result.latencies.add(operation.latencies)
        }
        result.lateness = total.lateness
        result.operations = total.operations.filter { $0.count > 0 || $0.errorCount > 0 }
        result.errors = errors()
        result.intervals = steps.filter { $0.startNs < durationNs }
        if let last = result.intervals.indices.last {
            result.intervals[last].endNs = min(result.intervals[last].endNs, durationNs)
            // Answers that came after the window's end are the last step's.
            for late in steps.dropFirst(result.intervals.count) { result.intervals[last].add(late) }
        }
        result.verifiedCount = isVerified ? requestCount : 0
        result.complaints += complaints
    }

    private func errors() -> [ErrorTally] {
        var errors = total.errors
        let deliveredCount =
            requestKindCount < total.operations.count ? total.operations[requestKindCount].count : 0
        if total.expectedDeliveryCount > deliveredCount {
            let missingCount = total.expectedDeliveryCount - deliveredCount
            errors.append(
                ErrorTally(
                    kind: "missing", count: missingCount,
                    example: "\(missingCount) of \(total.expectedDeliveryCount) messages that were published and "
                        + "answered did not reach their subscribers"))
        }
        return errors.sorted { $0.count > $1.count }
    }
}

extension Interval {
    fileprivate mutating func add(_ other: Interval) {
        requestCount += other.requestCount
        errorCount += other.errorCount
        latencies.add(other.latencies)
    }
}
