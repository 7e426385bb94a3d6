// HistogramValues: a histogram as plain numbers, which may be added up, compared with an earlier look, and asked for
// quantiles. A quantile is found inside its bucket by proportion, so it is right to about an eighth.
// Not here: the cells that workers write (HistogramBlock).

package struct HistogramValues: Sendable, Equatable {
    package internal(set) var sumUs: UInt64 = 0
    package internal(set) var buckets = [UInt64](repeating: 0, count: LatencyScale.bucketCount)

    package init() {}

    package var count: UInt64 { buckets.reduce(0, &+) }

    package mutating func add(_ other: HistogramValues) {
        sumUs &+= other.sumUs
        for bucket in buckets.indices { buckets[bucket] &+= other.buckets[bucket] }
    }

    /// What has come since an earlier look at the same histogram.
    package func since(_ earlier: HistogramValues) -> HistogramValues {
        var change = self
        change.sumUs = sumUs &- min(sumUs, earlier.sumUs)
        for bucket in buckets.indices { change.buckets[bucket] &-= min(buckets[bucket], earlier.buckets[bucket]) }
        return change
    }

    /// - Parameter part: 0.99 for the 99th percentile.
    /// - Returns: nil when nothing was counted.
    package func quantileUs(_ part: Double) -> Double? {
        let count = count
        guard count > 0 else { return nil }
        let rank = part * Double(count)
        var before = 0.0
        for (bucket, inBucket) in buckets.enumerated() where inBucket > 0 {
            let after = before + Double(inBucket)
            if after >= rank {
                let start = Double(LatencyScale.startUs(ofBucket: bucket))
                let end = Double(LatencyScale.endUs(ofBucket: bucket))
                return start + (end - start) * max(0, rank - before) / Double(inBucket)
            }
            before = after
        }
        return Double(LatencyScale.endUs(ofBucket: LatencyScale.bucketCount - 1))
    }

    /// How many took less than so many microseconds; exact where a bucket ends there.
    package func count(belowUs limitUs: Int) -> UInt64 {
        var count: UInt64 = 0
        for (bucket, inBucket) in buckets.enumerated() {
            if LatencyScale.endUs(ofBucket: bucket) > limitUs { break }
            count &+= inBucket
        }
        return count
    }
}
