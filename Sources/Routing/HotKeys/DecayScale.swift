// DecayScale: exponential decay of any number of sums at the cost of one factor (forward decay; Cormode, Shkapenyuk,
// Srivastava and Xu, 2009). Old sums do not shrink: what comes in grows, and a sum is divided by `unit` when it is
// read, so that time alone never changes the order of two sums. Once `unit` has become large, all sums are multiplied
// by one factor and it begins at 1 again.
// Time that runs backwards is time that stands still.
// Not here: the sums.

import Glibc

struct DecayScale: BitwiseCopyable {
    let halfLifeMs: Double
    /// What one request of now adds to a sum.
    private(set) var unit = 1.0
    private var landmarkMs: UInt64
    private(set) var nowMs: UInt64
    private let stepMs: UInt64

    /// 2 to the power of this, and 24 bits for the sum itself, are within what a Float can hold.
    private static let halfLivesMax = 32.0

    init(halfLifeMs: UInt64, nowMs: UInt64) {
        self.halfLifeMs = Double(max(1, halfLifeMs))
        landmarkMs = nowMs
        self.nowMs = nowMs
        // An error of half a percent at most, for fewer powers.
        stepMs = max(1, halfLifeMs / 128)
    }

    /// - Returns: the factor for all sums where the scale begins anew.
    mutating func advance(to nowMs: UInt64) -> Double? {
        guard nowMs > self.nowMs, nowMs - self.nowMs >= stepMs else { return nil }
        self.nowMs = nowMs
        let halfLives = Double(nowMs - landmarkMs) / halfLifeMs
        guard halfLives > Self.halfLivesMax else {
            unit = exp2(halfLives)
            return nil
        }
        landmarkMs = nowMs
        unit = 1
        return exp2(-halfLives)
    }

    /// The seconds that a decayed sum stands for, when something has been counted for `elapsedMs`: a sum divided by
    /// `unit` and by these is a rate.
    func windowS(elapsedMs: UInt64) -> Double {
        // What was counted for less than a second says little of a second.
        let halfLives = Double(max(1_000, elapsedMs)) / halfLifeMs
        return halfLifeMs / 1_000 / M_LN2 * (1 - exp2(-halfLives))
    }
}
