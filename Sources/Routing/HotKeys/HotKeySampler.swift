// HotKeySampler: which requests of one pool and worker are looked at for hot keys.
// A request that is not costs a decrement and a branch. The gap to the next one is drawn evenly from 1 ... 2g - 1, for
// a fixed stride would fall in step with clients' pipelines and always see the same place in them. The mean gap g
// follows the load, so that a quiet pool is seen whole and a busy one costs no more than so many samples a second.
// Rule: each sample stands for g requests, the mean that its gap was drawn with, so sums stay true while g changes.
// Not here: what is done with a sample (HotKeySketch).

public struct HotKeySampler: Sendable, BitwiseCopyable {
    @usableFromInline var countdown: Int
    private let samplesPerSecondMax: Int
    /// Mean gap, and the one that was drawn with it.
    private var meanGap = 1
    private var gap = 1
    private var periodStartMs: UInt64
    private var requestCount = 0
    private var sampleCount = 0

    /// One request in 32 of 500,000 a second, and each one of a pool that has fewer than this.
    package static let samplesPerSecondDefault = 15_625
    /// Looks at nothing.
    package static var off: HotKeySampler { HotKeySampler(samplesPerSecondMax: 0, nowMs: 0) }

    private static let periodMs: UInt64 = 100
    /// A pool that falls silent at this gap is not blind for long when it speaks again.
    private static let meanGapMax = 256

    /// - Parameter samplesPerSecondMax: for this pool and worker; 0 for none at all.
    package init(samplesPerSecondMax: Int = Self.samplesPerSecondDefault, nowMs: UInt64) {
        self.samplesPerSecondMax = samplesPerSecondMax
        periodStartMs = nowMs
        countdown = samplesPerSecondMax > 0 ? 1 : Int.max
    }

    /// To be asked once for each request. A sample stays due until `next` is called.
    @inlinable @inline(__always)
    public mutating func isDue() -> Bool {
        countdown &-= 1
        return countdown <= 0
    }

    /// Draws the gap behind the sample that is due.
    ///
    /// - Parameter random: 32 random bits.
    /// - Returns: how many requests the sample stands for.
    package mutating func next(nowMs: UInt64, random: UInt32) -> Int {
        let weight = meanGap
        requestCount += gap
        sampleCount += 1
        follow(nowMs: nowMs)
        gap = 1 + Int((UInt64(random) * UInt64(2 * meanGap - 1)) >> 32)
        countdown = gap
        return weight
    }

    /// At the end of a period the gap follows its requests; a burst widens it before that.
    private mutating func follow(nowMs: UInt64) {
        let elapsedMs = nowMs - min(nowMs, periodStartMs)
        if elapsedMs >= Self.periodMs || nowMs < periodStartMs {
            let requestsPerSecond = Double(requestCount) * 1_000 / Double(max(1, elapsedMs))
            let wanted = (requestsPerSecond / Double(samplesPerSecondMax)).rounded(.up)
            meanGap = Int(min(Double(Self.meanGapMax), max(1, wanted)))
            periodStartMs = nowMs
            requestCount = 0
            sampleCount = 0
        } else if sampleCount >= max(1, samplesPerSecondMax * 2 * Int(Self.periodMs) / 1_000) {
            meanGap = min(Self.meanGapMax, meanGap * 2)
            sampleCount = 0
        }
    }
}
