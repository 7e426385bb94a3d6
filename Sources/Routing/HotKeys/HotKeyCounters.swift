// HotKeyCounters: heavy hitters in fixed memory, by Space-Saving (Metwally, Agrawal and El Abbadi, 2005): a key that
// has no counter takes the coldest one over and inherits its heat. Counters stand in sets of eight by the key's
// hash, so that the coldest is found without a heap; a key with more than an eighth of its set's heat is never
// without a counter. Rates are made of what was counted for the key itself; the inherited heat only decides who goes
// next, and bounds what the key may have had before.
//
// Chosen by measurement, on Zipf traces of 100,000 keys over 10 s (recall of the true top 20, mean of 8 to 40 seeds),
// all with the same sets of eight; "exact" counts every key of the same samples and so shows what sampling alone
// costs:
//
//                              s = 0.8, all of 10,000 requests    s = 0.8, one in 32 of 5,000,000
//      counters                     512     1,024     2,048            512     1,024     2,048
//      Space-Saving, own part     0.923     0.985     0.984          0.950     0.969     0.969
//      Space-Saving, whole        0.783     0.975     0.981          0.738     0.969     0.969
//      admission by lot (RAP)     0.981     0.983     0.984          0.969     0.975     0.969
//      HeavyKeeper                0.984     0.985     0.984          0.969     0.969     0.969
//      exact                                0.983                              0.969
//
// With 1,024 counters all are as good as exact (for s of 0.99 and 1.2 with 512 already). Space-Saving needs no dice,
// has a bound that holds for every trace, and counts a key that becomes hot from its first sample on; RAP and
// HeavyKeeper make it wait until it has worn somebody down. What Redis' LFU and TinyLFU have (some bits a key,
// halved now and then) serves to compare two keys, not to tell a rate.
// Not here: the bytes of keys (HotKeyNames), decay (DecayScale).

struct HotKeyCounter: BitwiseCopyable {
    /// Of the hash; 0 for a counter that nobody has used.
    var tag: UInt32 = 0
    /// Index in HotKeyNames.
    var name: Int32 = Self.noName
    /// Heat of the key that had the counter before.
    var inherited: Float = 0
    var reads: Float = 0
    var writes: Float = 0

    static let noName: Int32 = -1

    /// What was counted for the key itself.
    var own: Float { reads + writes }
}

struct HotKeyCounters: BitwiseCopyable {
    private let counters: UnsafeMutablePointer<HotKeyCounter>
    private let setCount: Int
    private static let setSize = 8

    /// - Parameter counterCount: a multiple of 8, and a power of two.
    static func allocate(counterCount: Int) -> HotKeyCounters {
        precondition(counterCount >= setSize && counterCount & (counterCount - 1) == 0)
        let counters = UnsafeMutablePointer<HotKeyCounter>.allocate(capacity: counterCount)
        counters.initialize(repeating: HotKeyCounter(), count: counterCount)
        return HotKeyCounters(counters: counters, setCount: counterCount / setSize)
    }

    func deallocate() { counters.deallocate() }

    var count: Int { setCount * Self.setSize }

    subscript(index: Int) -> HotKeyCounter {
        get { counters[index] }
        nonmutating set { counters[index] = newValue }
    }

    /// The counter of a hash.
    ///
    /// - Returns: its index, and the name that the counter's last key leaves behind where it was taken over.
    @inline(__always)
    func claim(_ hash: UInt64) -> (index: Int, orphan: Int32) {
        let tag = Self.tag(of: hash)
        let first = firstOfSet(hash)
        var coldest = first
        var coldestHeat = Float.infinity
        for index in first..<(first &+ Self.setSize) {
            let counter = counters + index
            if counter.pointee.tag == tag { return (index, HotKeyCounter.noName) }
            let heat = counter.pointee.inherited + counter.pointee.own
            if heat < coldestHeat {
                coldest = index
                coldestHeat = heat
            }
        }
        let orphan = counters[coldest].name
        counters[coldest] = HotKeyCounter(tag: tag, inherited: coldestHeat)
        return (coldest, orphan)
    }

    /// The counter of a hash; nil if it has none.
    func find(_ hash: UInt64) -> Int? {
        let tag = Self.tag(of: hash)
        let first = firstOfSet(hash)
        return (first..<(first + Self.setSize)).first { counters[$0].tag == tag }
    }

    private func firstOfSet(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash & UInt64(setCount &- 1)) &* Self.setSize
    }

    private static func tag(of hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash &>> 32) | 1 }

    /// - Parameter factor: of DecayScale.
    func scale(by factor: Float) {
        for index in 0..<count {
            counters[index].inherited *= factor
            counters[index].reads *= factor
            counters[index].writes *= factor
        }
    }
}
