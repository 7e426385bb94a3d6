// Breaker: what one worker thinks of one shard, and so which requests it may get. A pure state machine: facts and the
// time come in, actions come out.
//
//            failures in a row, error rate, slow replies,
//            not reachable, a check that failed
//    closed ─────────────────────────────────────────────► open ◄──────────┐
//      ▲                                                     │ its time is   │ the check failed, or
//      │ the trickle has grown to all                        ▼ over          │ a request of the trickle did
//      └───────────────── trickling ◄──── check passed ── probing ───────────┘
//
// Rules: an open breaker lets nothing through but checks; each opening within `calmMs` of the last one doubles the time
// until the next check, so a flapping shard is asked less and less often; nothing a client can say opens a breaker by
// itself (a server's error only asks for a check).
// Not here: what a check is and how it is sent (Session/Engine+Health), what an error reply means (Symptom).

/// When a breaker opens, and how it closes again. Times in milliseconds.
package struct BreakerPolicy: Sendable, BitwiseCopyable {
    /// Timeouts and lost connections in a row that open it; 0 for never.
    package var failureCountMax = 5
    /// Failures in a hundred requests of a window that open it; 0 for never.
    package var errorPercentMax = 50
    package var windowMs: UInt64 = 10_000
    /// A window with fewer requests says nothing.
    package var requestCountMin = 20
    /// It opens when more than half of a window's replies take longer; 0 for never.
    package var latencyMsMax: UInt64 = 0
    /// From opening to the first check.
    package var openMs: UInt64 = 1_000
    package var openMsMax: UInt64 = 30_000
    /// From the passed check until all requests are let through again.
    package var trickleMs: UInt64 = 1_000
    /// Checks that must pass in a row.
    package var checksToClose = 1
    /// Regular checks that must fail in a row.
    package var checksToOpen = 3

    package init() {}
}

/// Why a breaker is open.
package enum BreakerReason: UInt8, Sendable, BitwiseCopyable {
    case unreachable, failures, errorRate, slow, checkFailed, inherited
}

public struct Breaker: BitwiseCopyable {
    package enum State: UInt8, Sendable, BitwiseCopyable {
        case closed, open, probing, trickling
    }

    /// What the caller must do now.
    package enum Action: Sendable, Equatable {
        case nothing
        /// It opened: refuse what waits.
        case opened
        /// Send a check; its outcome comes back as `checkPassed` or `checkFailed`.
        case check
        /// It lets some requests through again.
        case trickles
        /// It lets all through again.
        case closed
    }

    package private(set) var state = State.closed
    package private(set) var reason = BreakerReason.unreachable
    /// Open: when the next check is due. Trickling: when it began.
    package private(set) var sinceMs: UInt64 = 0
    package private(set) var nextCheckMs: UInt64 = 0
    /// Openings in close succession.
    package private(set) var openingCount = 0
    private var closedAtMs: UInt64 = 0
    private var failuresInRow = 0
    private var checksInRow = 0
    private var failedChecksInRow = 0
    /// The window: failures, slow replies and samples since `windowStartMs`, and the shard's replies at that time.
    private var windowStartMs: UInt64 = 0
    private var windowFailures = 0
    private var windowReplies = 0
    private var slowCount = 0
    private var sampleCount = 0
    private var suspectedAtMs: UInt64 = 0
    /// Another worker's breaker has opened: one failed check is enough.
    private var isForewarned = false

    /// A shard that has been calm for so long starts anew.
    private static var calmMs: UInt64 { 60_000 }
    /// Suspicions ask for one check in this time.
    private static var suspicionMs: UInt64 { 100 }
    /// What a trickle begins with, of 1,024.
    private static var trickleFirst: UInt64 { 102 }

    package init() {}

    // MARK: Facts

    /// Live replies have come: what failed before is no row any more.
    ///
    /// - Parameter ageMs: how old the first of them was, from its arrival.
    @inline(__always)
    /// - Parameter latencyMsMax: the policy's.
    package mutating func replied(ageMs: UInt64, latencyMsMax: UInt64) {
        failuresInRow = 0
        guard latencyMsMax > 0 else { return }
        sampleCount += 1
        if ageMs > latencyMsMax { slowCount += 1 }
    }

    /// Requests timed out, or were lost with a connection.
    package mutating func failed(
        _ count: Int, nowMs: UInt64, random: UInt32, policy: BreakerPolicy
    ) -> Action {
        windowFailures += count
        failuresInRow += count
        switch state {
        case .closed:
            guard policy.failureCountMax > 0, failuresInRow >= policy.failureCountMax else { return .nothing }
            return open(.failures, nowMs: nowMs, random: random, policy: policy)
        case .trickling: return open(.failures, nowMs: nowMs, random: random, policy: policy)
        case .open, .probing: return .nothing
        }
    }

    /// No connection came about for as long as requests wait for one.
    package mutating func unreachable(nowMs: UInt64, random: UInt32, policy: BreakerPolicy) -> Action {
        switch state {
        case .closed, .trickling: return open(.unreachable, nowMs: nowMs, random: random, policy: policy)
        case .probing:
            state = .open
            reason = .unreachable
            return .nothing
        case .open:
            reason = .unreachable
            return .nothing
        }
    }

    /// A connection stands. A shard that was only unreachable is checked at once, and one that is to be checked can be.
    package mutating func connected(nowMs: UInt64) -> Action {
        switch state {
        case .open where reason == .unreachable || nowMs >= nextCheckMs:
            state = .probing
            return .check
        case .probing: return .check
        case .open, .closed, .trickling: return .nothing
        }
    }

    /// A reply says that the server is not well. A client can provoke such words, so they only ask for a check.
    package mutating func suspected(nowMs: UInt64) -> Action {
        guard state == .closed || state == .trickling, nowMs >= suspectedAtMs + Self.suspicionMs else {
            return .nothing
        }
        suspectedAtMs = nowMs
        return .check
    }

    /// Another worker of this process has found the shard to be down.
    package mutating func forewarned() -> Action {
        guard state == .closed else { return .nothing }
        isForewarned = true
        return .check
    }

    /// A worker that has ended had it open; somebody must find out whether the shard is well.
    package mutating func inherited(nowMs: UInt64, random: UInt32, policy: BreakerPolicy) -> Action {
        guard state == .closed || state == .trickling else { return .nothing }
        return open(.inherited, nowMs: nowMs, random: random, policy: policy)
    }

    package mutating func checkPassed(nowMs: UInt64, policy: BreakerPolicy) -> Action {
        failedChecksInRow = 0
        isForewarned = false
        guard state == .probing || state == .open else { return .nothing }
        checksInRow += 1
        guard checksInRow >= policy.checksToClose else {
            state = .probing
            return .check
        }
        checksInRow = 0
        failuresInRow = 0
        sinceMs = nowMs
        startWindow(nowMs: nowMs, replyCount: windowReplies)
        guard policy.trickleMs > 0 else { return close(nowMs: nowMs) }
        state = .trickling
        return .trickles
    }

    /// - Parameter isCertain: the server itself said that it cannot serve, so that one check is enough.
    package mutating func checkFailed(
        isCertain: Bool, nowMs: UInt64, random: UInt32, policy: BreakerPolicy
    ) -> Action {
        checksInRow = 0
        failedChecksInRow += 1
        switch state {
        case .open: return .nothing
        case .probing, .trickling: break
        case .closed:
            guard isCertain || isForewarned || failedChecksInRow >= policy.checksToOpen else { return .nothing }
        }
        let wasClosed = state != .probing
        let action = open(.checkFailed, nowMs: nowMs, random: random, policy: policy)
        // Requests are refused already.
        return wasClosed ? action : .nothing
    }

    /// Some ten times a second.
    ///
    /// - Parameter replyCount: all replies of the shard so far.
    package mutating func tick(replyCount: Int, nowMs: UInt64, random: UInt32, policy: BreakerPolicy) -> Action {
        switch state {
        case .open:
            guard reason != .unreachable, nowMs >= nextCheckMs else { return .nothing }
            state = .probing
            return .check
        case .probing: return .nothing
        case .trickling:
            return nowMs >= sinceMs + policy.trickleMs ? close(nowMs: nowMs) : .nothing
        case .closed: break
        }
        if openingCount > 0, nowMs >= closedAtMs + Self.calmMs { openingCount = 0 }
        return judgeWindow(replyCount: replyCount, nowMs: nowMs, random: random, policy: policy)
    }

    // MARK: Questions

    /// Requests may pass without a question.
    package var isClosed: Bool { state == .closed }

    public var isTrickling: Bool { state == .trickling }

    /// - Parameter random: 32 random bits: which requests are in the trickle.
    package func admits(nowMs: UInt64, random: UInt32, policy: BreakerPolicy) -> Bool {
        switch state {
        case .closed: true
        case .open, .probing: false
        case .trickling: UInt64(random & 1_023) < trickle(nowMs: nowMs, policy: policy)
        }
    }

    /// Of 1,024 requests, how many are let through; grows steadily.
    package func trickle(nowMs: UInt64, policy: BreakerPolicy) -> UInt64 {
        let ageMs = min(nowMs - min(nowMs, sinceMs), policy.trickleMs)
        return Self.trickleFirst + (1_024 - Self.trickleFirst) * ageMs / max(1, policy.trickleMs)
    }

    // MARK: Steps

    private mutating func open(
        _ reason: BreakerReason, nowMs: UInt64, random: UInt32, policy: BreakerPolicy
    ) -> Action {
        if state == .closed, nowMs >= closedAtMs + Self.calmMs { openingCount = 0 }
        let doubledMs = policy.openMs << UInt64(min(openingCount, 16))
        let waitMs = min(doubledMs, max(policy.openMs, policy.openMsMax))
        // A tenth of jitter, so that workers and proxies do not come back as one.
        let jitterMs = waitMs * UInt64(random & 1_023) / 10_240
        openingCount += 1
        state = .open
        self.reason = reason
        sinceMs = nowMs
        nextCheckMs = nowMs + waitMs - jitterMs
        failuresInRow = 0
        checksInRow = 0
        failedChecksInRow = 0
        isForewarned = false
        return .opened
    }

    private mutating func close(nowMs: UInt64) -> Action {
        state = .closed
        closedAtMs = nowMs
        return .closed
    }

    private mutating func startWindow(nowMs: UInt64, replyCount: Int) {
        windowStartMs = nowMs
        windowReplies = replyCount
        windowFailures = 0
        slowCount = 0
        sampleCount = 0
    }

    private mutating func judgeWindow(
        replyCount: Int, nowMs: UInt64, random: UInt32, policy: BreakerPolicy
    ) -> Action {
        let requestCount = replyCount - windowReplies + windowFailures
        if policy.errorPercentMax > 0, requestCount >= policy.requestCountMin,
            windowFailures * 100 >= requestCount * policy.errorPercentMax
        {
            return open(.errorRate, nowMs: nowMs, random: random, policy: policy)
        }
        if policy.latencyMsMax > 0, sampleCount >= policy.requestCountMin, slowCount * 2 > sampleCount {
            return open(.slow, nowMs: nowMs, random: random, policy: policy)
        }
        if nowMs >= windowStartMs + policy.windowMs { startWindow(nowMs: nowMs, replyCount: replyCount) }
        return .nothing
    }
}
