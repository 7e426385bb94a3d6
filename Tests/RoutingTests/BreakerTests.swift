import TestKit
import Testing

@testable import Routing

struct BreakerTests {
    private static func policy(_ change: (inout BreakerPolicy) -> Void = { _ in }) -> BreakerPolicy {
        var policy = BreakerPolicy()
        change(&policy)
        return policy
    }

    private func opened(_ policy: BreakerPolicy, nowMs: UInt64 = 1_000) -> Breaker {
        var breaker = Breaker()
        #expect(
            breaker.failed(policy.failureCountMax, nowMs: nowMs, random: 0, policy: policy) == .opened)
        return breaker
    }

    @Test func failuresInARowOpenAndAReplyBetweenStartsAnew() {
        let policy = Self.policy { $0.failureCountMax = 3 }
        var breaker = Breaker()
        #expect(breaker.failed(2, nowMs: 1, random: 0, policy: policy) == .nothing)
        breaker.replied(ageMs: 1, latencyMsMax: 0)
        #expect(breaker.failed(2, nowMs: 2, random: 0, policy: policy) == .nothing)
        #expect(breaker.failed(1, nowMs: 3, random: 0, policy: policy) == .opened)
        #expect(breaker.state == .open && breaker.reason == .failures && breaker.nextCheckMs == 1_003)
        #expect(!breaker.admits(nowMs: 5_000, random: 0, policy: policy))
        #expect(breaker.failed(9, nowMs: 4, random: 0, policy: policy) == .nothing, "it is open already")
    }

    @Test func zeroTurnsARuleOff() {
        let policy = Self.policy {
            $0.failureCountMax = 0
            $0.errorPercentMax = 0
        }
        var breaker = Breaker()
        #expect(breaker.failed(1_000, nowMs: 1, random: 0, policy: policy) == .nothing)
        #expect(breaker.tick(replyCount: 1, nowMs: 9_999, random: 0, policy: policy) == .nothing)
        #expect(breaker.isClosed)
    }

    @Test(arguments: [(5, 5, true), (4, 6, false), (5, 4, false), (40, 60, false), (60, 40, true)])
    func theShareOfFailuresInAWindowOpens(failures: Int, replies: Int, opens: Bool) {
        let policy = Self.policy {
            $0.failureCountMax = 0
            $0.errorPercentMax = 50
            $0.requestCountMin = 10
        }
        var breaker = Breaker()
        #expect(breaker.tick(replyCount: 700, nowMs: 20_000, random: 0, policy: policy) == .nothing, "a window begins")
        for _ in 0..<failures { _ = breaker.failed(1, nowMs: 20_001, random: 0, policy: policy) }
        let action = breaker.tick(replyCount: 700 + replies, nowMs: 20_100, random: 0, policy: policy)
        #expect(action == (opens ? .opened : .nothing))
        if opens { #expect(breaker.reason == .errorRate) }
    }

    @Test func anOldWindowIsForgotten() {
        let policy = Self.policy {
            $0.failureCountMax = 0
            $0.requestCountMin = 10
        }
        var breaker = Breaker()
        _ = breaker.tick(replyCount: 0, nowMs: 20_000, random: 0, policy: policy)
        _ = breaker.failed(9, nowMs: 20_001, random: 0, policy: policy)
        #expect(breaker.tick(replyCount: 0, nowMs: 30_000, random: 0, policy: policy) == .nothing)
        _ = breaker.failed(9, nowMs: 30_001, random: 0, policy: policy)
        #expect(breaker.tick(replyCount: 0, nowMs: 30_100, random: 0, policy: policy) == .nothing)
    }

    @Test func slowRepliesOpenWhereABoundIsSet() {
        let policy = Self.policy {
            $0.latencyMsMax = 100
            $0.requestCountMin = 4
        }
        var breaker = Breaker()
        _ = breaker.tick(replyCount: 0, nowMs: 20_000, random: 0, policy: policy)
        for ageMs: UInt64 in [50, 101, 400] { breaker.replied(ageMs: ageMs, latencyMsMax: 100) }
        #expect(breaker.tick(replyCount: 3, nowMs: 20_100, random: 0, policy: policy) == .nothing, "too few")
        breaker.replied(ageMs: 100, latencyMsMax: 100)
        #expect(breaker.tick(replyCount: 4, nowMs: 20_200, random: 0, policy: policy) == .nothing, "half of them")
        breaker.replied(ageMs: 999, latencyMsMax: 100)
        #expect(breaker.tick(replyCount: 5, nowMs: 20_300, random: 0, policy: policy) == .opened)
        #expect(breaker.reason == .slow)
    }

    @Test func aPassedCheckLetsMoreAndMoreThrough() {
        let policy = Self.policy { $0.trickleMs = 1_000 }
        var breaker = opened(policy)
        #expect(breaker.tick(replyCount: 0, nowMs: 1_999, random: 0, policy: policy) == .nothing)
        #expect(breaker.tick(replyCount: 0, nowMs: 2_000, random: 0, policy: policy) == .check)
        #expect(breaker.state == .probing && !breaker.admits(nowMs: 2_000, random: 0, policy: policy))
        #expect(breaker.checkPassed(nowMs: 2_010, policy: policy) == .trickles)
        func admitted(_ nowMs: UInt64) -> Int {
            (0..<1_024).count { breaker.admits(nowMs: nowMs, random: UInt32($0), policy: policy) }
        }
        #expect(admitted(2_010) == 102)
        #expect(admitted(2_510) == 563)
        #expect(admitted(3_010) == 1_024)
        #expect(breaker.tick(replyCount: 0, nowMs: 3_009, random: 0, policy: policy) == .nothing)
        #expect(breaker.tick(replyCount: 0, nowMs: 3_010, random: 0, policy: policy) == .closed)
        #expect(breaker.isClosed)
    }

    @Test func aFailureInTheTrickleOpensAgainForTwiceAsLong() {
        let policy = Self.policy()
        var breaker = opened(policy)
        var waits: [UInt64] = [breaker.nextCheckMs - 1_000]
        var nowMs: UInt64 = 1_000
        for _ in 0..<7 {
            nowMs = breaker.nextCheckMs
            #expect(breaker.tick(replyCount: 0, nowMs: nowMs, random: 0, policy: policy) == .check)
            #expect(breaker.checkPassed(nowMs: nowMs, policy: policy) == .trickles)
            #expect(breaker.failed(1, nowMs: nowMs, random: 0, policy: policy) == .opened)
            waits.append(breaker.nextCheckMs - nowMs)
        }
        #expect(waits == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    }

    @Test func aCalmMinuteForgetsEarlierOpenings() {
        let policy = Self.policy { $0.trickleMs = 0 }
        var breaker = opened(policy)
        #expect(breaker.tick(replyCount: 0, nowMs: 2_000, random: 0, policy: policy) == .check)
        #expect(breaker.checkPassed(nowMs: 2_000, policy: policy) == .closed)
        #expect(breaker.failed(5, nowMs: 62_000, random: 0, policy: policy) == .opened)
        #expect(breaker.nextCheckMs == 63_000)
    }

    @Test func jitterOnlyShortens() {
        let policy = Self.policy()
        for random: UInt32 in [0, 1, 511, 1_023, .max] {
            var breaker = Breaker()
            _ = breaker.failed(5, nowMs: 1_000, random: random, policy: policy)
            #expect((1_900...2_000).contains(breaker.nextCheckMs))
        }
    }

    @Test func anUnreachableShardIsCheckedAsSoonAsItIsConnected() {
        let policy = Self.policy()
        var breaker = Breaker()
        #expect(breaker.unreachable(nowMs: 5_000, random: 0, policy: policy) == .opened)
        #expect(breaker.tick(replyCount: 0, nowMs: 99_000, random: 0, policy: policy) == .nothing)
        #expect(breaker.connected(nowMs: 5_001) == .check)
        #expect(breaker.checkPassed(nowMs: 5_002, policy: policy) == .trickles)
    }

    @Test func aConnectionDoesNotShortenTheRestAfterFailures() {
        let policy = Self.policy()
        var breaker = opened(policy)
        #expect(breaker.connected(nowMs: 1_500) == .nothing)
        #expect(breaker.connected(nowMs: 2_000) == .check)
    }

    @Test func checksThatFailOpenInTime() {
        let policy = Self.policy { $0.checksToOpen = 3 }
        var breaker = Breaker()
        for _ in 0..<2 {
            #expect(breaker.checkFailed(isCertain: false, nowMs: 1, random: 0, policy: policy) == .nothing)
        }
        #expect(breaker.checkPassed(nowMs: 2, policy: policy) == .nothing)
        for _ in 0..<2 {
            #expect(breaker.checkFailed(isCertain: false, nowMs: 3, random: 0, policy: policy) == .nothing)
        }
        #expect(breaker.checkFailed(isCertain: false, nowMs: 4, random: 0, policy: policy) == .opened)
        var certain = Breaker()
        #expect(certain.checkFailed(isCertain: true, nowMs: 1, random: 0, policy: policy) == .opened)
    }

    @Test func afterAWarningOneFailedCheckIsEnough() {
        let policy = Self.policy { $0.checksToOpen = 3 }
        var breaker = Breaker()
        #expect(breaker.forewarned() == .check)
        #expect(breaker.checkPassed(nowMs: 1, policy: policy) == .nothing)
        #expect(breaker.checkFailed(isCertain: false, nowMs: 2, random: 0, policy: policy) == .nothing, "forgotten")
        #expect(breaker.forewarned() == .check)
        #expect(breaker.checkFailed(isCertain: false, nowMs: 3, random: 0, policy: policy) == .opened)
        #expect(breaker.forewarned() == .nothing, "it is open already")
    }

    @Test func whatIsInheritedIsOpenUntilACheckHasPassed() {
        let policy = Self.policy()
        var breaker = Breaker()
        #expect(breaker.inherited(nowMs: 1_000, random: 0, policy: policy) == .opened)
        #expect(breaker.inherited(nowMs: 1_001, random: 0, policy: policy) == .nothing, "it is open already")
        #expect(breaker.tick(replyCount: 0, nowMs: 2_000, random: 0, policy: policy) == .check)
        #expect(breaker.checkPassed(nowMs: 2_001, policy: policy) == .trickles)
    }

    @Test func severalChecksMayBeNeededToClose() {
        let policy = Self.policy { $0.checksToClose = 3 }
        var breaker = opened(policy)
        _ = breaker.tick(replyCount: 0, nowMs: 2_000, random: 0, policy: policy)
        #expect(breaker.checkPassed(nowMs: 2_000, policy: policy) == .check)
        #expect(breaker.checkPassed(nowMs: 2_000, policy: policy) == .check)
        #expect(breaker.checkPassed(nowMs: 2_000, policy: policy) == .trickles)
    }

    /// Goal: what a client can make a server say opens nothing. Method: any number of suspicions.
    @Test func suspicionsOnlyAskForChecksAndNotTooOften() {
        var breaker = Breaker()
        var checks = 0
        for nowMs: UInt64 in 1_000..<2_000 where breaker.suspected(nowMs: nowMs) == .check { checks += 1 }
        #expect(checks == 10)
        #expect(breaker.isClosed)
    }

    /// Goal: whatever happens in whatever order, the machine keeps its promises. Method: random facts.
    @Test func randomFactsKeepTheInvariants() {
        var random = SeededRandom.announced()
        var breaker = Breaker()
        let policy = Self.policy()
        var nowMs: UInt64 = 1_000
        var isRefusing = false
        for _ in 0..<100_000 {
            nowMs += UInt64(random.below(3) == 0 ? random.below(3_000) : random.below(5))
            let before = breaker.state
            let word = UInt32(random.below(1 << 30))
            let action: Breaker.Action =
                switch random.below(8) {
                case 0: breaker.failed(1 + random.below(3), nowMs: nowMs, random: word, policy: policy)
                case 1: breaker.unreachable(nowMs: nowMs, random: word, policy: policy)
                case 2: breaker.connected(nowMs: nowMs)
                case 3: breaker.suspected(nowMs: nowMs)
                case 4: breaker.checkPassed(nowMs: nowMs, policy: policy)
                case 5: breaker.checkFailed(isCertain: random.below(2) == 0, nowMs: nowMs, random: word, policy: policy)
                default: breaker.tick(replyCount: Int(nowMs), nowMs: nowMs, random: word, policy: policy)
                }
            switch action {
            case .opened:
                #expect(!isRefusing, "told once")
                isRefusing = true
            case .trickles, .closed: isRefusing = false
            case .nothing, .check: break
            }
            #expect(isRefusing == (breaker.state == .open || breaker.state == .probing))
            if breaker.isClosed, before != .closed { #expect(action == .closed) }
            #expect(breaker.nextCheckMs <= nowMs + policy.openMsMax)
        }
    }
}
