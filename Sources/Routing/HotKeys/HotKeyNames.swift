// HotKeyNames: the hottest of the counted keys, with their bytes. A counter knows only a hash; it is given a name as
// soon as it is hotter than the coldest that has one, by a quarter, so that two keys do not change places all the time.
// Not here: how often a key is used (HotKeyCounters).

struct HotKeyName: BitwiseCopyable {
    /// Index in HotKeyCounters; -1 for a name that is free.
    var counter: Int32 = -1
    /// Where the key lived when it was last seen.
    var shardIndex: Int32 = 0
    /// Decayed: samples, and the bytes of their requests; then the same of replies.
    var sampleCount = 0.0
    var requestBytes = 0.0
    var replyCount = 0.0
    var replyBytes = 0.0
}

struct HotKeyNames: BitwiseCopyable {
    private let names: UnsafeMutablePointer<HotKeyName>
    let shelf: KeyShelf
    let count: Int
    /// No named counter is colder than this; heat only grows, so that it stays true until it is found anew.
    private var coldestHeat: Float = 0
    private static let lead: Float = 1.25

    static func allocate(nameCount: Int) -> HotKeyNames {
        let names = UnsafeMutablePointer<HotKeyName>.allocate(capacity: nameCount)
        names.initialize(repeating: HotKeyName(), count: nameCount)
        return HotKeyNames(names: names, shelf: .allocate(keyCount: nameCount), count: nameCount)
    }

    private init(names: UnsafeMutablePointer<HotKeyName>, shelf: KeyShelf, count: Int) {
        self.names = names
        self.shelf = shelf
        self.count = count
    }

    func deallocate() {
        names.deallocate()
        shelf.deallocate()
    }

    subscript(index: Int) -> UnsafeMutablePointer<HotKeyName> { names + index }

    /// The counter was taken over.
    mutating func release(_ index: Int32) {
        guard index >= 0 else { return }
        names[Int(index)].counter = -1
        coldestHeat = 0
    }

    /// Gives the counter's key a name where it is hot enough.
    ///
    /// - Returns: the name's index; nil if it gets none.
    mutating func give(_ key: HashedKey, counter index: Int, of counters: HotKeyCounters) -> Int? {
        guard counters[index].own > coldestHeat * Self.lead else { return nil }
        var coldest = 0
        coldestHeat = .infinity
        for name in 0..<count {
            let heat = names[name].counter < 0 ? 0 : counters[Int(names[name].counter)].own
            if heat < coldestHeat {
                coldest = name
                coldestHeat = heat
                if names[name].counter < 0 { break }
            }
        }
        guard counters[index].own > coldestHeat * Self.lead else { return nil }
        if names[coldest].counter >= 0 { counters[Int(names[coldest].counter)].name = HotKeyCounter.noName }
        names[coldest] = HotKeyName(counter: Int32(index))
        counters[index].name = Int32(coldest)
        shelf.put(key, at: coldest)
        return coldest
    }

    /// - Parameter factor: of DecayScale.
    mutating func scale(by factor: Double) {
        coldestHeat *= Float(factor)
        for index in 0..<count {
            names[index].sampleCount *= factor
            names[index].requestBytes *= factor
            names[index].replyCount *= factor
            names[index].replyBytes *= factor
        }
    }
}
