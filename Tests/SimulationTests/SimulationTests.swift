// As many runs of the simulation as fit into a time: seeds 1, 2, 3 ... always, and with KEYWAY_LONG_TESTS=1 a minute
// and more from a fresh seed on. KEYWAY_SEED=n repeats one run of each mode. The engine has tables whose order is
// another in each process; SWIFT_DETERMINISTIC_HASHING=1 settles it where a failure comes only now and then.

import Foundation
import Platform
import Telemetry
import Testing
import TestKit

@Suite(.serialized)
struct SimulationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let givenSeed = environment["KEYWAY_SEED"].flatMap { UInt64($0) }
    private static let isLong = environment["KEYWAY_LONG_TESTS"] == "1"

    /// Goal: whatever fails, every reply is the right one or says what happened, nothing is executed twice, and in the
    /// end all is given back. Method: random faults, lies of servers included.
    @Test func everyReplyIsRightWhateverFails() throws { try runMany(lies: true) }

    /// Goal: once all is well again, every client is served again. Method: as above, with honest servers.
    @Test func afterTheFaultsEverybodyIsServed() throws { try runMany(lies: false) }

    @Test(arguments: pastFailures.indices)
    func whatOnceFailedStaysMended(index: Int) throws {
        let failure = pastFailures[index]
        try run(failure.seed, lies: failure.lies)
    }

    @discardableResult
    private func run(_ seed: UInt64, lies: Bool) throws -> Simulation {
        LastWords.set("simulation trapped: KEYWAY_SEED=\(seed), lies: \(lies)\n")
        let simulation = try Simulation(seed: seed, lies: lies)
        if let failure = simulation.run() {
            Issue.record("KEYWAY_SEED=\(seed), lies: \(lies): \(failure)")
        }
        return simulation
    }

    private func runMany(lies: Bool, test: String = #function) throws {
        if let seed = Self.givenSeed {
            try run(seed, lies: lies)
            return
        }
        var seed = Self.isLong ? UInt64.random(in: 1_000_000..<1 << 40) : 1
        let firstSeed = seed
        let seconds = Self.isLong ? 45.0 : 5.0
        let start = ContinuousClock.now
        var (answerCount, errorCount, stepCount, swapCount, movedCount) = (0, 0, 0, 0, 0)
        var counts: [PoolMetric: Int] = [:]
        let startCPUNs = Clock.threadCPUNs()
        var elapsed = Duration.zero
        while elapsed < .seconds(seconds) {
            let simulation = try run(seed, lies: lies)
            seed += 1
            answerCount += simulation.answerCount
            errorCount += simulation.errorCount
            stepCount += simulation.stepCount
            swapCount += simulation.swapCount
            movedCount += simulation.movedCount
            for metric in SimulatedService.shownMetrics { counts[metric, default: 0] += simulation.count(metric) }
            elapsed = ContinuousClock.now - start
        }
        // Other work on the machine does not count.
        let minutes = Double(Clock.threadCPUNs() - startCPUNs) / 60e9
        say(
            "simulation \(test): seeds \(firstSeed) to \(seed - 1), \(answerCount) replies, \(errorCount) of them "
                + "errors, in \(stepCount) steps: \(Int(Double(answerCount) / minutes)) a minute; \(swapCount) configs "
                + "swapped, \(movedCount) clients moved"
                + SimulatedService.shownMetrics.map { ", \(counts[$0] ?? 0) \($0)" }.joined())
    }
}
