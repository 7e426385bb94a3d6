// SampleResults: results as a run would have left them, made up from a seed; and hostile ones.

import Foundation
import Histogram
import TestKit

@testable import keyway_bench

enum SampleResults {
    /// Text that would do harm where it is not escaped.
    static let hostile = "<script>alert(\"x\")</script>&'\\,\u{1b}[31m\nnext\u{202e}\u{0}"

    static func latencies(aroundNs: Double, count: Int, random: inout SeededRandom) -> Latencies {
        var latencies = Latencies.latencies()
        for _ in 0..<count {
            let chance = max(Double.random(in: 0..<1, using: &random), 1e-9)
            let tail = pow(chance, -0.18) * (0.8 + 0.4 * Double.random(in: 0..<1, using: &random))
            latencies.record(UInt64(min(aroundNs * tail, 3.6e12)))
        }
        return latencies
    }

    static func latencies(ns: [UInt64]) -> Latencies {
        var latencies = Latencies.latencies()
        for value in ns { latencies.record(value) }
        return latencies
    }

    static func phase(
        target: Int = 0, round: Int = 0, ratePerS: Double = 100_000, p50Ns: Double = 90_000,
        intendedPerS: Double? = nil,
        seconds: Int = 10, pids: [Int32] = [101], samples: Int = 2_000, seed: UInt64 = 1
    ) -> PhaseResult {
        var random = SeededRandom(seed: seed &+ UInt64(target * 100 + round))
        var phase = PhaseResult(targetIndex: target, roundIndex: round, intendedRatePerS: intendedPerS)
        phase.durationNs = UInt64(seconds) * 1_000_000_000
        for second in 0..<seconds {
            let wave = 1 + 0.04 * sin(Double(second + target)) + Double.random(in: -0.02...0.02, using: &random)
            let interval = Interval(
                startNs: UInt64(second) * 1_000_000_000, endNs: UInt64(second + 1) * 1_000_000_000,
                requestCount: UInt64(ratePerS * wave), errorCount: 0,
                latencies: latencies(aroundNs: p50Ns / wave, count: samples / seconds, random: &random))
            phase.requestCount += interval.requestCount
            phase.latencies.add(interval.latencies)
            phase.intervals.append(interval)
        }
        phase.sentBytes = phase.requestCount * 40
        phase.receivedBytes = phase.requestCount * 71
        phase.operations = ["get", "set"].enumerated().map { index, name in
            var tally = OperationTally(name: name)
            tally.count = index == 0 ? phase.requestCount / 10 * 9 : phase.requestCount / 10
            tally.missCount = index == 0 ? 12 : 0
            tally.latencies = latencies(aroundNs: p50Ns * (index == 0 ? 1 : 1.1), count: 500, random: &random)
            return tally
        }
        phase.processes = pids.map { pid in
            ProcessUse(
                pid: pid, name: pid == 101 ? "valkey-server" : "keyway", cpuNs: phase.requestCount * 5_100,
                systemCPUNs: phase.requestCount * 3_000, peakResidentBytes: 9 << 20, residentBytes: 8 << 20)
        }
        phase.loadCPUNs = phase.requestCount * 2_200
        return phase
    }

    /// Two targets, `rounds` each, alternating.
    static func comparison(rounds: Int = 5, seed: UInt64 = 1) -> RunResult {
        var result = empty
        result.targets = [
            Target(label: "valkey, direct", place: .tcp(host: "127.0.0.1", port: 6379), pids: [101]),
            Target(label: "keyway", place: .unix(path: "/run/keyway.sock"), pids: [102, 101]),
        ]
        for round in 0..<rounds {
            let shake = 1 + 0.03 * sin(Double(round) * 2.1)
            result.phases.append(phase(target: 0, round: round, ratePerS: 184_000 * shake, p50Ns: 242_000, seed: seed))
            result.phases.append(
                phase(
                    target: 1, round: round, ratePerS: 131_000 / shake, p50Ns: 331_000, pids: [102, 101],
                    seed: seed &+ 7))
        }
        guard rounds > 0 else { return result }
        result.phases[1].errors = [
            ErrorTally(kind: "TIMEOUT", count: 17, example: "TIMEOUT server did not answer within 400 ms"),
            ErrorTally(kind: "lost", count: 3, example: "connection reset by peer"),
        ]
        return result
    }

    /// A search on the first target whose latency rises towards 150,000 requests a second.
    static func searched() -> RunResult {
        var result = comparison(rounds: 3)
        for target in 0..<2 {
            var search = RateSearch(
                rules: SearchRules(goal: try? SearchGoal("p99<1ms")),
                closedLoopRatePerS: target == 0 ? 150_000 : 110_000)
            while let rate = search.nextRatePerS {
                let load = rate / (target == 0 ? 152_000 : 118_000)
                let p50 = 95_000 / max(0.02, 1 - load)
                search.tell(
                    phase(
                        target: target, ratePerS: min(rate, 160_000), p50Ns: p50, intendedPerS: rate, seconds: 5,
                        samples: 1_000))
            }
            result.searches.append(search.result(targetIndex: target))
        }
        return result
    }

    static var empty: RunResult {
        RunResult(
            command: ["keyway-bench", "--vs", "127.0.0.1:6379", "--vs", "/run/keyway.sock", "--rounds", "5"],
            version: "0.4.0", startedAtS: 1_767_268_800, machine: "a model, 2 cores, 8.0 GiB of memory, Linux 6.1",
            targets: [],
            workload: "50 clients, pipeline 1, 1 thread, RESP2, GET 90 % SET 10 %, 100,000 keys, values of 64 bytes")
    }

    /// Every kind of result that a report must bear.
    static let all: [(name: String, result: RunResult)] = {
        var noPhases = empty
        noPhases.targets = comparison(rounds: 0).targets
        var zero = noPhases
        zero.phases = [PhaseResult(targetIndex: 0, roundIndex: 0, intendedRatePerS: nil)]
        zero.phases[0].intervals = [
            Interval(startNs: 0, endNs: 0, requestCount: 0, errorCount: 0, latencies: .latencies()),
            Interval(startNs: 0, endNs: 1_000_000_000, requestCount: 0, errorCount: 4, latencies: .latencies()),
        ]
        var one = noPhases
        one.phases = [phase()]
        return [
            ("empty", empty), ("no phases", noPhases), ("zero requests", zero), ("one phase", one),
            ("one request", oneRequest), ("comparison", comparison()), ("many rounds", comparison(rounds: 12)),
            ("searched", searched()), ("huge", huge), ("hostile", hostileResult), ("not numbers", notNumbers),
        ]
    }()

    private static var oneRequest: RunResult {
        var result = comparison(rounds: 0)
        var phase = PhaseResult(targetIndex: 1, roundIndex: 0, intendedRatePerS: 1)
        phase.durationNs = 1
        phase.requestCount = 1
        phase.latencies = latencies(ns: [0])
        result.phases = [phase]
        return result
    }

    private static var huge: RunResult {
        var result = comparison(rounds: 2)
        for index in result.phases.indices {
            result.phases[index].requestCount = .max / 8
            result.phases[index].sentBytes = .max / 8
            result.phases[index].durationNs = 1
            result.phases[index].loadCPUNs = .max / 8
            result.phases[index].latencies = latencies(ns: [1, Latencies.highestNs])
            result.phases[index].intervals[0].requestCount = .max / 8
            result.phases[index].processes[0].peakResidentBytes = .max / 8
        }
        return result
    }

    private static var hostileResult: RunResult {
        var result = searched()
        result.command = ["keyway-bench", hostile]
        result.version = hostile
        result.machine = hostile
        result.workload = hostile
        for index in result.targets.indices { result.targets[index].label = "\(index)\(hostile)" }
        for index in result.phases.indices {
            result.phases[index].errors = [ErrorTally(kind: hostile, count: 1, example: hostile)]
            result.phases[index].complaints = [hostile]
            var tally = OperationTally(name: hostile)
            tally.count = 5
            result.phases[index].operations.append(tally)
            result.phases[index].processes = [
                ProcessUse(
                    pid: 1, name: hostile, cpuNs: 1, systemCPUNs: 2, peakResidentBytes: 1, residentBytes: 1)
            ]
        }
        return result
    }

    private static var notNumbers: RunResult {
        var result = comparison(rounds: 1)
        result.startedAtS = .nan
        result.phases[0] = PhaseResult(targetIndex: 0, roundIndex: 0, intendedRatePerS: .infinity)
        result.phases.append(PhaseResult(targetIndex: 9, roundIndex: 0, intendedRatePerS: .nan))
        let step = SearchStep(ratePerS: .nan, phase: phase(intendedPerS: .nan), holds: false)
        result.searches = [
            SearchResult(targetIndex: 7, goal: "not a goal", highestRatePerS: .infinity, steps: [step, step])
        ]
        return result
    }
}
