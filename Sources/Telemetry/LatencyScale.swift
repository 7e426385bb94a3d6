// LatencyScale: how a time becomes the number of a bucket, and back: log-linear, four buckets for each doubling of a
// microsecond, so that a bucket is a quarter of its lower bound wide or less, and a fixed number of them reaches a
// minute.
// Not here: the cells that count (HistogramBlock), what is read of them (HistogramValues).

public enum LatencyScale {
    /// Buckets of every histogram.
    public static let bucketCount = 104
    @usableFromInline static let octaveMax = 26

    /// The last bucket takes whatever is longer.
    @inlinable
    public static func bucket(ofUs us: UInt32) -> Int {
        if us < 4 { return Int(us) }
        let octave = 31 &- us.leadingZeroBitCount
        if octave > octaveMax { return bucketCount &- 1 }
        return (octave &- 1) &* 4 &+ Int((us >> UInt32(truncatingIfNeeded: octave &- 2)) & 3)
    }

    /// The first microsecond that belongs to the next bucket.
    package static func endUs(ofBucket bucket: Int) -> Int {
        precondition(bucket >= 0 && bucket < bucketCount)
        return bucket < 4 ? bucket + 1 : (5 + bucket % 4) << (bucket / 4 - 1)
    }

    package static func startUs(ofBucket bucket: Int) -> Int { bucket == 0 ? 0 : endUs(ofBucket: bucket - 1) }
}
