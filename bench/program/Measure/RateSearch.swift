// RateSearch: finds the highest rate at which a goal holds: it names a rate, is told what came of it, names the next.
// From about the closed loop's rate it steps up or down until one rate holds and one does not, then halves the gap.
// Both ends are tried once more at the close, and a rate with as many yeas as nays again, so that one noisy step
// misleads nobody. It runs nothing and reads no clock.
// Not here: running a step (Load), what a goal is (SearchGoal).

/// When one step of a search or curve holds.
struct SearchRules: Sendable {
    /// Nil: a plain curve, where the rate alone must be reached.
    var goal: SearchGoal?
    /// Of the intended rate.
    var achievedShareMin = 0.99
    /// Of the requests.
    var errorShareMax = 0.001

    func holds(_ phase: PhaseResult) -> Bool {
        guard phase.requestCount > 0, phase.errorCount == 0 || errorShare(phase) <= errorShareMax else { return false }
        if let goal, !goal.holds(phase.latencies) { return false }
        guard let intended = phase.intendedRatePerS else { return true }
        // A window ends between two requests, and its last one may still be on its way.
        let dueCount = intended * Double(phase.durationNs) / 1e9
        return Double(phase.requestCount) + 2 >= dueCount * achievedShareMin
    }

    private func errorShare(_ phase: PhaseResult) -> Double { Double(phase.errorCount) / Double(phase.requestCount) }
}

struct RateSearch: Sendable {
    struct Limits: Sendable {
        /// The gap between the rate that holds and the one that does not, as a share of it.
        var precision = 0.02
        var stepCountMax = 24
        /// Below this share of the closed loop's rate, no rate holds.
        var lowestShare = 0.005
    }

    private struct Trial {
        let ratePerS: Double
        var yesCount = 0
        var noCount = 0
        var isOpen: Bool { yesCount == noCount }
        var holds: Bool { yesCount > noCount }
        var isConfirmed: Bool { yesCount + noCount >= 2 }
    }

    private static let firstShare = 0.75
    private static let stepUp = 1.25
    private static let stepDown = 0.5

    private let rules: SearchRules
    private let limits: Limits
    private let estimatePerS: Double
    /// Sorted by rate; one entry a rate.
    private var trials: [Trial] = []
    private(set) var steps: [SearchStep] = []

    /// - Parameter closedLoopRatePerS: what the target gave when nobody asked for a rate; 0 when it gave nothing.
    init(rules: SearchRules, closedLoopRatePerS: Double, limits: Limits = Limits()) {
        precondition(limits.precision > 0 && limits.stepCountMax > 0)
        self.rules = rules
        self.limits = limits
        estimatePerS = closedLoopRatePerS.isFinite ? max(0, closedLoopRatePerS) : 0
    }

    /// The rate to try next; nil: the search is over.
    var nextRatePerS: Double? {
        guard estimatePerS > 0, steps.count < limits.stepCountMax else { return nil }
        if let open = trials.first(where: \.isOpen) { return open.ratePerS }
        let bounds = bounds
        switch (bounds.low, bounds.high) {
        case (nil, nil): return Self.rounded(estimatePerS * Self.firstShare)
        case (let low?, nil): return Self.rounded(low.ratePerS * Self.stepUp)
        case (nil, let high?):
            let next = Self.rounded(high.ratePerS * Self.stepDown)
            return next < estimatePerS * limits.lowestShare ? nil : next
        case (let low?, let high?):
            let middle = Self.rounded((low.ratePerS + high.ratePerS) / 2)
            let gap = high.ratePerS - low.ratePerS
            if gap > low.ratePerS * limits.precision, middle > low.ratePerS, middle < high.ratePerS { return middle }
            if !low.isConfirmed { return low.ratePerS }
            if !high.isConfirmed { return high.ratePerS }
            return nil
        }
    }

    /// What came of `nextRatePerS`.
    mutating func tell(_ phase: PhaseResult) {
        guard let rate = nextRatePerS else { preconditionFailure("RateSearch: told of a step after the end") }
        let holds = rules.holds(phase)
        steps.append(SearchStep(ratePerS: rate, phase: phase, holds: holds))
        let place = trials.firstIndex { $0.ratePerS >= rate } ?? trials.count
        if place == trials.count || trials[place].ratePerS != rate { trials.insert(Trial(ratePerS: rate), at: place) }
        if holds { trials[place].yesCount += 1 } else { trials[place].noCount += 1 }
    }

    /// The highest rate that holds so far.
    var highestRatePerS: Double? { bounds.low?.ratePerS }

    func result(targetIndex: Int) -> SearchResult {
        SearchResult(
            targetIndex: targetIndex, goal: rules.goal?.text ?? "", highestRatePerS: highestRatePerS, steps: steps)
    }

    /// The lowest rate that does not hold, and the highest below it that does.
    private var bounds: (low: Trial?, high: Trial?) {
        let high = trials.firstIndex { !$0.isOpen && !$0.holds }
        return (trials[..<(high ?? trials.count)].last(where: \.holds), high.map { trials[$0] })
    }

    /// Whole requests a second where that is exact enough.
    private static func rounded(_ ratePerS: Double) -> Double { ratePerS >= 1000 ? ratePerS.rounded() : ratePerS }
}

/// The rates of a latency-versus-load curve.
enum RateCurve {
    /// `count` rates in equal steps, the last of them `maximumRatePerS`.
    static func rates(maximumRatePerS: Double, count: Int) -> [Double] {
        guard maximumRatePerS.isFinite, maximumRatePerS > 0, count > 0 else { return [] }
        return (1...count).map { maximumRatePerS * Double($0) / Double(count) }
    }

    static func result(targetIndex: Int, phases: [PhaseResult], rules: SearchRules = SearchRules()) -> SearchResult {
        let steps = phases.map {
            SearchStep(ratePerS: $0.intendedRatePerS ?? $0.ratePerS, phase: $0, holds: rules.holds($0))
        }
        return SearchResult(
            targetIndex: targetIndex, goal: rules.goal?.text ?? "",
            highestRatePerS: rules.goal == nil ? nil : steps.filter(\.holds).map(\.ratePerS).max(), steps: steps)
    }
}
