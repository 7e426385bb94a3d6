// LatencyQuantile: the age that 95 of 100 replies do not reach, found in constant memory: it climbs by 19 parts where a
// sample lies above it and sinks by one where it lies below, so that it rests where 19 samples in 20 are below.
// Not here: what is done after that time (Session/Engine+Hedges).

package struct LatencyQuantile: Sendable, BitwiseCopyable {
    private var valueMs = 0.0

    package init() {}

    package mutating func record(ageMs: UInt64) {
        let part = max(0.05, valueMs / 200)
        valueMs = Double(ageMs) > valueMs ? valueMs + 19 * part : max(0, valueMs - part)
    }

    /// Rounded up.
    package var p95Ms: UInt64 { UInt64(valueMs.rounded(.up)) }
}
