// BenchRun: all phases of a run in their order: the rounds over the targets, or for each target the search for a rate.
// The order turns by one from round to round (A B, B A), so that a drift of the machine hits all alike.
// Not here: one phase (Phase), what a search tries next (RateSearch).

import Foundation
import Platform

struct BenchRun {
    let plan: Plan
    let interruption: Interruption
    let progress: ProgressLine?

    /// - Throws: when nothing at all could be measured.
    func run() throws(LoadError) -> RunResult {
        var result = RunResult(
            command: plan.command, version: benchVersion, startedAtS: Date().timeIntervalSince1970,
            machine: MachineDescription.here, targets: plan.targets, workload: plan.summary,
            loadThreadCount: plan.load.threadCount)
        var addresses: [SocketAddress] = []
        for target in plan.targets {
            addresses.append(try TargetAddress.find(target, timeoutNs: plan.load.connectTimeoutNs))
        }
        if plan.goal != nil || plan.curveCount != nil {
            try search(addresses, &result)
        } else {
            try measure(addresses, &result)
        }
        return result
    }

    // MARK: Rounds

    static func order(ofRound roundIndex: Int, targetCount: Int) -> [Int] {
        (0..<targetCount).map { ($0 + roundIndex) % targetCount }
    }

    private func measure(_ addresses: [SocketAddress], _ result: inout RunResult) throws(LoadError) {
        for roundIndex in 0..<plan.roundCount {
            for targetIndex in Self.order(ofRound: roundIndex, targetCount: addresses.count) {
                if interruption.isRaised { return }
                do throws(LoadError) {
                    result.phases.append(
                        try phase(targetIndex, roundIndex, addresses, plan.load, fills: roundIndex == 0))
                } catch {
                    guard !result.phases.isEmpty else { throw error }
                    result.phases.append(failed(targetIndex, roundIndex, error))
                }
            }
        }
    }

    /// A target that is gone costs its own phases, not what the others were measured for.
    private func failed(_ targetIndex: Int, _ roundIndex: Int, _ error: LoadError) -> PhaseResult {
        var result = PhaseResult(targetIndex: targetIndex, roundIndex: roundIndex, intendedRatePerS: nil)
        result.errors = [ErrorTally(kind: "connect", count: 1, example: error.description)]
        return result
    }

    // MARK: Search and curve

    private func search(_ addresses: [SocketAddress], _ result: inout RunResult) throws(LoadError) {
        for targetIndex in addresses.indices {
            let closed = try phase(targetIndex, 0, addresses, plan.load, fills: true)
            result.phases.append(closed)
            if interruption.isRaised { return }
            var highestPerS = closed.ratePerS
            if let goal = plan.goal {
                let found = try find(goal, targetIndex, addresses, closed)
                result.searches.append(found)
                highestPerS = found.highestRatePerS ?? highestPerS
            }
            if let curveCount = plan.curveCount, !interruption.isRaised {
                var phases: [PhaseResult] = []
                for rate in RateCurve.rates(maximumRatePerS: highestPerS, count: curveCount) {
                    if interruption.isRaised { break }
                    phases.append(try step(targetIndex, addresses, ratePerS: rate))
                }
                result.searches.append(RateCurve.result(targetIndex: targetIndex, phases: phases))
            }
        }
    }

    private func find(
        _ goal: SearchGoal, _ targetIndex: Int, _ addresses: [SocketAddress], _ closed: PhaseResult
    ) throws(LoadError) -> SearchResult {
        var search = RateSearch(rules: SearchRules(goal: goal), closedLoopRatePerS: closed.ratePerS)
        while let rate = search.nextRatePerS, !interruption.isRaised {
            let phase = try step(targetIndex, addresses, ratePerS: rate)
            // Half a step says nothing.
            if interruption.isRaised { break }
            search.tell(phase)
        }
        return search.result(targetIndex: targetIndex)
    }

    private func step(
        _ targetIndex: Int, _ addresses: [SocketAddress], ratePerS: Double
    ) throws(LoadError) -> PhaseResult {
        var load = plan.load
        load.pace = .open(ratePerS: ratePerS, .even)
        var result = try phase(targetIndex, 0, addresses, load, fills: false)
        result.intervals = []
        return result
    }

    // MARK: One phase

    private func phase(
        _ targetIndex: Int, _ roundIndex: Int, _ addresses: [SocketAddress], _ load: LoadOptions, fills: Bool
    ) throws(LoadError) -> PhaseResult {
        var load = load
        load.fills = load.fills && fills
        let target = plan.targets[targetIndex]
        if let pubSub = load.pubSub {
            return try Phase(
                target: target, targetIndex: targetIndex, roundIndex: roundIndex, address: addresses[targetIndex],
                options: load, names: PublishSource.operationNames, interruption: interruption, progress: progress
            ) { PublishSource(pubSub, threadIndex: $0) }.run()
        }
        let workload = plan.workloads[targetIndex]
        let threadCount = load.threadCount
        return try Phase(
            target: target, targetIndex: targetIndex, roundIndex: roundIndex, address: addresses[targetIndex],
            options: load, names: workload.operationNames, interruption: interruption, progress: progress
        ) { OperationSource(workload: workload, threadIndex: $0, threadCount: threadCount) }.run()
    }
}
