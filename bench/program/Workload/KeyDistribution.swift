// KeyDistribution: which keys are asked for how often, as the user writes it.
//
//   uniform             every key as often as any other
//   sequential          one after the other; the threads share the round between them
//   zipfian[:SKEW]      key of rank r in proportion to 1 / r^SKEW; SKEW above 0 up to 5, 0.99 when left out
//   hot:KEYS:SHARE      SHARE of the accesses on KEYS keys, the rest on the rest: `hot:10%:90%`, `hot:100:90%`
//
// Not here: the drawing (KeySampler).

enum KeyDistribution: Sendable, Equatable {
    case uniform
    case sequential
    case zipfian(skew: Double)
    case hot(keys: HotKeys, share: Double)

    enum HotKeys: Sendable, Equatable {
        /// Of all keys, above 0 up to 1.
        case share(Double)
        case count(Int)

        /// Keys among `keyCount` that are hot: at least 1, at most all.
        func count(of keyCount: Int) -> Int {
            switch self {
            case .share(let share): Swift.min(keyCount, Swift.max(1, Int((Double(keyCount) * share).rounded())))
            case .count(let count): Swift.min(keyCount, count)
            }
        }
    }

    static let skewDefault = 0.99

    static func parse(_ text: String) throws(WorkloadError) -> KeyDistribution {
        let words = text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        switch (words[0], words.count) {
        case ("uniform", 1), ("random", 1): return .uniform
        case ("sequential", 1), ("seq", 1): return .sequential
        case ("zipfian", 1), ("zipf", 1): return .zipfian(skew: skewDefault)
        case ("zipfian", 2), ("zipf", 2):
            guard let skew = WrittenNumber.amount(words[1]), ZipfSampler.skewRange.contains(skew) else {
                throw WorkloadError(
                    "key distribution \"\(text)\": the skew \"\(words[1])\" is no number above 0 up to 5; "
                        + "0.99 is usual, larger is more skewed")
            }
            return .zipfian(skew: skew)
        case ("hot", 3):
            return .hot(keys: try hotKeys(words[1], of: text), share: try hotShare(words[2], of: text))
        default:
            throw WorkloadError(
                "key distribution \"\(text)\": use uniform, sequential, zipfian, zipfian:SKEW or hot:KEYS:SHARE, "
                    + "for example hot:10%:90%")
        }
    }

    private static func hotKeys(_ word: Substring, of text: String) throws(WorkloadError) -> HotKeys {
        if let share = WrittenNumber.share(word), share > 0 { return .share(share) }
        if let count = Int(word), count > 0 { return .count(count) }
        throw WorkloadError(
            "key distribution \"\(text)\": \"\(word)\" hot keys: use a share of all keys above 0 up to 100, as 10%, "
                + "or a number of keys from 1 on")
    }

    private static func hotShare(_ word: Substring, of text: String) throws(WorkloadError) -> Double {
        if let share = WrittenNumber.share(word) { return share }
        throw WorkloadError(
            "key distribution \"\(text)\": \"\(word)\" is no share of the accesses; use 0% to 100%, as in hot:10%:90%")
    }

    /// As the summary says it.
    var summary: String {
        switch self {
        case .uniform: return "uniform"
        case .sequential: return "sequential"
        case .zipfian(let skew): return "zipfian \(WrittenNumber.short(skew, places: 6))"
        case .hot(let keys, let share):
            let percent = WrittenNumber.short(share * 100)
            switch keys {
            case .share(let hot): return "\(percent) % on the hottest \(WrittenNumber.short(hot * 100, places: 4)) %"
            case .count(let count): return "\(percent) % on the hottest \(WrittenNumber.grouped(count))"
            }
        }
    }
}
