// ValueSampler: draws value sizes for one thread.
// Not here: what sizes there are (ValueSize).

struct ValueSampler: ~Copyable {
    private enum Kind { case fixed, range, weighted, zipf }

    private let kind: Kind
    private let low: Int
    private let span: UInt64
    private var zipf = ZipfSampler(count: 1, skew: 1)
    /// Sizes with the upper end of each one's part of 0 ... 2^64.
    private let choices: UnsafeMutableBufferPointer<(sizeBytes: Int, end: UInt64)>

    init(_ size: ValueSize) {
        var parts: [(sizeBytes: Int, end: UInt64)] = []
        switch size {
        case .fixed(let bytes):
            kind = .fixed
            low = bytes
            span = 1
        case .range(let range):
            kind = .range
            low = range.lowerBound
            span = UInt64(range.count)
        case .weighted(let list):
            kind = .weighted
            low = 0
            span = 1
            parts = zip(list, shares(list.map(\.weight))).map { (sizeBytes: $0.sizeBytes, end: $1) }
        case .zipf(let range, let skew):
            kind = .zipf
            low = range.lowerBound
            span = UInt64(range.count)
            zipf = ZipfSampler(count: range.count, skew: skew)
        }
        choices = .allocate(capacity: parts.count)
        _ = choices.initialize(from: parts)
    }

    deinit { choices.deallocate() }

    @inline(__always)
    mutating func next(_ random: inout RandomBits) -> Int {
        switch kind {
        case .fixed: return low
        case .range: return low &+ Int(truncatingIfNeeded: random.next(below: span))
        case .zipf: return low &+ zipf.next(&random)
        case .weighted:
            let drawn = random.next()
            var index = 0
            while drawn > choices[index].end { index &+= 1 }
            return choices[index].sizeBytes
        }
    }
}

/// The upper ends of consecutive parts of `0 ... UInt64.max`, as long as the weights; the last is `UInt64.max`.
func shares(_ weights: [Double]) -> [UInt64] {
    let sum = weights.reduce(0, +)
    var end = 0.0
    return weights.indices.map { index in
        end += weights[index]
        return index == weights.count - 1 ? .max : UInt64(Swift.min(end / sum, 1) * 0x1.fffffffffffffp63)
    }
}
