// Latencies: the histogram that every latency of the bench goes into, and its unit.
// Not here: when a latency begins (Load/Schedule) and how it is shown (Report).

import Histogram

/// Latencies in nanoseconds, 100 ns to one hour, exact to three digits. What is above is counted at one hour.
typealias Latencies = Histogram<UInt64>

extension Histogram where Count == UInt64 {
    static let highestNs: UInt64 = 3_600_000_000_000

    static func latencies() -> Latencies {
        Latencies(lowestDiscernibleValue: 100, highestTrackableValue: highestNs, numberOfSignificantValueDigits: .three)
    }
}
