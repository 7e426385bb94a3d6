import Foundation
import TestKit
import Testing

@testable import Routing

/// How near the truth the sketch is. The seeds are fixed, for a recall has a spread of its own: of the keys around rank
/// 20 each has only a few requests more than the next.
struct HotKeyAccuracyTests {
    private static let isLong = ProcessInfo.processInfo.environment["KEYWAY_LONG_TESTS"] != nil

    private func meanRecall(exponent: Double, requestsPerSecond: Int, runs: Int) -> Double {
        let random = SeededRandom.announced(unlessGiven: 20)
        let recalls = (0..<runs).map { run in
            let trace = HotKeyTrace(exponent: exponent, random: random.stream(run))
            trace.run(seconds: 10, requestsPerSecond: requestsPerSecond)
            return trace.recall(top: 20)
        }
        say("recall of the top 20, s = \(exponent), \(requestsPerSecond)/s: \(recalls)")
        return recalls.reduce(0, +) / Double(runs)
    }

    /// Goal: at a low rate every request is looked at. Method: 10 s of a Zipf trace, against the true counts.
    @Test(arguments: [0.8, 0.99, 1.2])
    func theTopOfAQuietPoolIsFound(exponent: Double) {
        #expect(meanRecall(exponent: exponent, requestsPerSecond: 1_000, runs: Self.isLong ? 100 : 10) >= 0.95)
    }

    /// Goal: one request in 32 is enough. Method: the same at 500,000 requests a second.
    @Test(arguments: [0.8, 0.99, 1.2])
    func theTopOfABusyPoolIsFound(exponent: Double) {
        #expect(meanRecall(exponent: exponent, requestsPerSecond: 500_000, runs: Self.isLong ? 10 : 2) >= 0.95)
    }

    /// Goal: rates are true at every load. Method: the five hottest keys, whose samples are many.
    @Test(arguments: [1_000, 20_000, 100_000])
    func ratesAreNearTheTruth(requestsPerSecond: Int) {
        let trace = HotKeyTrace(exponent: 0.99, random: .announced(unlessGiven: 21))
        trace.run(seconds: 10, requestsPerSecond: requestsPerSecond)
        for key in trace.report(countMax: 5).keys {
            let rate = Double(trace.truth[HotKeyTrace.index(of: key)]) / 10
            let errorMax = 4 / key.sampleCount.squareRoot() + 0.02
            #expect(abs(key.heat.requestsPerSecond / rate - 1) < errorMax, "\(key) and not \(rate)")
        }
    }

    /// Goal: a load that changes leaves rates true, however the gap between samples follows. Method: one key has a
    /// tenth of 200,000 requests a second, then a fifth of 50,000.
    @Test func ratesOutliveAChangeOfLoad() {
        let trace = HotKeyTrace(exponent: 0.8, random: .announced(unlessGiven: 22))
        func run(ms: Int, perMs: Int, oneIn: Int) {
            for _ in 0..<ms {
                trace.nowMs += 1
                for _ in 0..<perMs { trace.request(trace.random.below(oneIn) == 0 ? 77_777 : trace.draw()) }
            }
        }
        run(ms: 4_000, perMs: 200, oneIn: 10)
        #expect(abs(trace.report().heat(of: 77_777).requestsPerSecond - 20_000) < 1_500)
        run(ms: 40_000, perMs: 50, oneIn: 5)
        #expect(abs(trace.report().heat(of: 77_777).requestsPerSecond - 10_000) < 1_500)
    }

    /// Goal: the hot set changes; what became hot is found soon, and what was is forgotten. Method: a key with four
    /// times the threshold must be hot after 5 s, and one that had it must be cold after 35 s.
    @Test func whatBecomesHotIsFoundInFiveSeconds() throws {
        let trace = HotKeyTrace(exponent: 0.99, random: .announced(unlessGiven: 23))
        trace.run(seconds: 30, requestsPerSecond: 10_000)
        var policy = HotKeyPolicy()
        policy.requestsPerSecondMin = trace.report().heat(of: 0).requestsPerSecond / 4
        func isHot(_ index: Int, wasHot: Bool) -> Bool {
            trace.report().keys.contains {
                HotKeyTrace.index(of: $0) == index && policy.isHot($0, wasHot: wasHot)
            }
        }
        #expect(isHot(0, wasHot: false) && !isHot(50_000, wasHot: false))
        trace.run(seconds: 5, requestsPerSecond: 10_000, shift: 50_000)
        #expect(isHot(50_000, wasHot: false) && isHot(0, wasHot: true))
        trace.run(seconds: 30, requestsPerSecond: 10_000, shift: 50_000)
        #expect(isHot(50_000, wasHot: true) && !isHot(0, wasHot: true))
    }

    /// Goal: heavy traffic without a hot key calls none hot. Method: 200,000 requests a second, all keys alike.
    @Test func whereAllKeysAreAlikeNoneIsHot() {
        let trace = HotKeyTrace(exponent: 0, random: .announced(unlessGiven: 24))
        trace.run(seconds: 5, requestsPerSecond: 200_000)
        var policy = HotKeyPolicy()
        policy.requestsPerSecondMin = 200
        policy.sharePercentMin = 0
        let report = trace.report()
        #expect(!report.keys.contains { policy.isHot($0, wasHot: false) })
        #expect(report.keys.allSatisfy { $0.heat.requestsPerSecond < 200 }, "\(report.keys[0])")
    }

    /// Goal: a hot writer is found among a hundred times as many reads, with reads and writes told apart.
    @Test func readsAndWritesAreToldApart() {
        let trace = HotKeyTrace(exponent: 0.8, random: .announced(unlessGiven: 25))
        for ms in 0..<10_000 {
            trace.nowMs += 1
            for _ in 0..<50 { trace.request(trace.draw()) }
            if ms % 5 == 0 { trace.request(99_999, isWrite: true) }
            if ms % 10 == 0 { trace.request(99_999) }
        }
        let first = trace.report(countMax: 1, order: .writes).keys[0]
        #expect(HotKeyTrace.index(of: first) == 99_999)
        #expect(abs(first.heat.writesPerSecond - 200) < 40 && abs(first.heat.readsPerSecond - 100) < 30, "\(first)")
    }

    /// Goal: the share is of the key's own shard. Method: a quarter of the requests, all of shard 3, for one key.
    @Test func aShareIsOfTheShardsTraffic() {
        let trace = HotKeyTrace(exponent: 0, random: .announced(unlessGiven: 26))
        for _ in 0..<5_000 {
            trace.nowMs += 1
            for place in 0..<12 { trace.request(place < 4 ? 3 : trace.random.below(25_000) * 4 + place % 4) }
        }
        let key = trace.report(countMax: 1).keys[0]
        // Shard 3 has four requests of the key and two others of 12.
        #expect(key.shardIndex == 3 && abs(key.sharePercent - 66.7) < 2, "\(key)")
    }
}
