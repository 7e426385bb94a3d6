// Schedule: when the operations of one thread are due in an open loop. Moments are nanoseconds after the start of the
// run and depend on the rate, the seed and the thread alone, never on an answer.
// Threads take turns: evenly spaced, thread t of n has the moments t, t + n, t + 2n ... of the whole rate's.
// Not here: what is sent when, and late (LoadThread).

import Glibc

struct Schedule {
    private let arrivals: LoadOptions.Arrivals
    /// Between two operations of this thread.
    private let gapNs: Double
    private let phaseNs: Double
    private var count: UInt64 = 0
    private var lastNs = 0.0
    private var random: UInt64
    private(set) var nextDueNs: UInt64 = 0

    init(
        ratePerS: Double, arrivals: LoadOptions.Arrivals, threadIndex: Int, threadCount: Int, seed: UInt64
    ) {
        precondition(ratePerS > 0 && threadCount > 0 && (0..<threadCount).contains(threadIndex))
        self.arrivals = arrivals
        gapNs = 1e9 / ratePerS * Double(threadCount)
        phaseNs = 1e9 / ratePerS * Double(threadIndex)
        random = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(threadIndex) &* 0xD1B5_4A32_D192_ED03
        switch arrivals {
        case .even: nextDueNs = UInt64(phaseNs)
        case .poisson: advancePoisson()
        }
    }

    mutating func advance() {
        switch arrivals {
        case .even:
            // From the count and not from the last moment, so that no rounding adds up.
            count &+= 1
            nextDueNs = UInt64(phaseNs + Double(count) * gapNs)
        case .poisson: advancePoisson()
        }
    }

    /// Leaves out what was due before `timeNs`.
    mutating func skip(to timeNs: UInt64) {
        while nextDueNs < timeNs { advance() }
    }

    /// How many were due before `timeNs` and have not been taken; they are left out.
    mutating func countSkipped(to timeNs: UInt64) -> UInt64 {
        var skippedCount: UInt64 = 0
        while nextDueNs < timeNs {
            advance()
            skippedCount += 1
        }
        return skippedCount
    }

    private mutating func advancePoisson() {
        // Never 0, of which there is no logarithm.
        let share = (Double(nextRandom() >> 11) + 1) / Double(1 << 53)
        lastNs -= log(share) * gapNs
        nextDueNs = UInt64(lastNs)
    }

    /// SplitMix64, by Steele, Lea and Flood.
    private mutating func nextRandom() -> UInt64 {
        random &+= 0x9E37_79B9_7F4A_7C15
        var mixed = random
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
