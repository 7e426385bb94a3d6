// RetryBudget: how many requests may be sent a second time, so that trouble is not made worse by asking twice.
// A fifth of the requests of late, and ten a second; each has a bucket, because the first is nothing in a quiet pool
// and the second is nothing in a busy one.
// Not here: which requests may be repeated at all (Session/Engine+Retries).

package struct RetryBudget: Sendable, BitwiseCopyable {
    /// Of a hundred requests.
    package let percent: Int
    package let perSecond: Int
    /// In thousandths of a request.
    private var earned = 0
    private var timed: Int
    private var requestCount = 0
    private var filledAtMs: UInt64

    /// Most that requests can save up.
    package static let earnedMax = 1_000
    /// Seconds that time can save up.
    package static let savedS = 10

    package init(percent: Int, perSecond: Int, nowMs: UInt64) {
        self.percent = percent
        self.perSecond = perSecond
        timed = perSecond * Self.savedS * 1_000
        filledAtMs = nowMs
    }

    /// - Parameter requestCount: all requests of the pool so far.
    /// - Returns: false when there is nothing left to spend.
    package mutating func spend(requestCount: Int, nowMs: UInt64) -> Bool {
        fill(requestCount: requestCount, nowMs: nowMs)
        if timed >= 1_000 {
            timed -= 1_000
            return true
        }
        if earned >= 1_000 {
            earned -= 1_000
            return true
        }
        return false
    }

    /// Requests that could be sent again now.
    package mutating func left(requestCount: Int, nowMs: UInt64) -> Int {
        fill(requestCount: requestCount, nowMs: nowMs)
        return (timed + earned) / 1_000
    }

    private mutating func fill(requestCount: Int, nowMs: UInt64) {
        earned = min(Self.earnedMax * 1_000, earned + max(0, requestCount - self.requestCount) * percent * 10)
        self.requestCount = requestCount
        let elapsedMs = Int(nowMs - min(nowMs, filledAtMs))
        timed = min(perSecond * Self.savedS * 1_000, timed + perSecond * elapsedMs)
        filledAtMs = nowMs
    }
}
