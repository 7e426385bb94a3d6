// KeySampler: draws key indices for one thread.
// Where some keys are hotter than others, ranks are spread over the indices by a step that has no divisor in common
// with the number of keys: one-to-one, so that no two ranks fall together and the distribution stays exact.
// Not here: the text of a key (Program).

struct KeySampler: BitwiseCopyable {
    private enum Kind { case uniform, sequential, zipfian, hot }

    private let kind: Kind
    private let count: UInt64
    /// 1: ranks are indices.
    private let spreadStep: UInt64
    private let stride: UInt64
    private var upcoming: UInt64
    private var zipf = ZipfSampler(count: 1, skew: 1)
    private var hotCount: UInt64 = 1
    private var hotShare = 1.0

    init(_ distribution: KeyDistribution, keyCount: Int, isSpread: Bool, threadIndex: Int, threadCount: Int) {
        precondition(keyCount > 0 && threadIndex >= 0 && threadIndex < threadCount)
        count = UInt64(keyCount)
        stride = UInt64(threadCount)
        upcoming = UInt64(threadIndex % keyCount)
        spreadStep = isSpread ? Self.spreadStep(keyCount) : 1
        switch distribution {
        case .uniform: kind = .uniform
        case .sequential: kind = .sequential
        case .zipfian(let skew):
            kind = .zipfian
            zipf = ZipfSampler(count: keyCount, skew: skew)
        case .hot(let keys, let share):
            kind = .hot
            hotCount = UInt64(keys.count(of: keyCount))
            hotShare = share
        }
    }

    /// A key's index, below the number of keys.
    @inline(__always)
    mutating func next(_ random: inout RandomBits) -> Int {
        switch kind {
        case .uniform: return Int(truncatingIfNeeded: random.next(below: count))
        case .sequential: return nextInLine()
        case .zipfian: return place(UInt64(zipf.next(&random)))
        case .hot:
            // Where all keys are hot there is no rest.
            if hotCount == count || random.nextUnit() < hotShare { return place(random.next(below: hotCount)) }
            return place(hotCount &+ random.next(below: count &- hotCount))
        }
    }

    private mutating func nextInLine() -> Int {
        let index = upcoming
        upcoming += stride
        // Each thread comes back to its own first key: together they visit every key once a round.
        if upcoming >= count { upcoming = stride >= count ? index : upcoming % stride }
        return Int(index)
    }

    /// The index of a rank.
    private func place(_ rank: UInt64) -> Int {
        if count >> 32 == 0 { return Int(rank &* spreadStep % count) }
        return Int(count.dividingFullWidth(rank.multipliedFullWidth(by: spreadStep)).remainder)
    }

    /// About 0.618 of `count`, so that neighbours in rank lie far apart, and coprime to it.
    private static func spreadStep(_ count: Int) -> UInt64 {
        var step = Swift.max(1, UInt64(Double(count) * 0.618_033_988_75))
        while greatestCommonDivisor(step, UInt64(count)) != 1 { step += 1 }
        return step
    }

    private static func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var (larger, smaller) = (a, b)
        while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
        return larger
    }
}
