// ReplyTimes: how long the requests of one line took that are answered by one receive: in Keyway's queue, and at the
// server. Requests that came in one tick and went out in one send have equal times, so they are counted as one run:
// the histograms are written once a run, and a reply costs a comparison.
// Arrivals are known to a millisecond, so a request that left in the millisecond of its arrival did not wait.
// Not here: when bytes were sent (Upstream/SentMarks), how long clients waited (Engine+Output).

import Telemetry
import Upstream

struct ReplyTimes {
    private let nowUs: UInt32
    /// `arrivedMs` of the clock whose low bits `nowUs` has.
    private let nowMs: UInt32
    private var runSentUs: UInt32 = 0
    private var runArrivedMs: UInt32 = 0
    private var runCount = 0

    init(nowMs: UInt64, nowUs: UInt32) {
        self.nowUs = nowUs
        self.nowMs = UInt32(truncatingIfNeeded: nowMs)
    }

    @inline(__always)
    mutating func note(_ entry: InFlight, sentUs: UInt32, _ queue: HistogramBlock, _ backend: HistogramBlock) {
        if sentUs != runSentUs || entry.arrivedMs != runArrivedMs {
            end(queue, backend)
            runSentUs = sentUs
            runArrivedMs = entry.arrivedMs
        }
        // What has no bytes of its own stands behind a reply that has.
        runCount &+= entry.sizeBytes > 0 ? 1 : 0
    }

    @inline(__always)
    mutating func end(_ queue: HistogramBlock, _ backend: HistogramBlock) {
        guard runCount > 0 else { return }
        let backendUs = nowUs &- runSentUs
        backend.record(us: backendUs, count: runCount)
        queue.record(us: queueUs(backendUs: backendUs), count: runCount)
        runCount = 0
    }

    /// What is left of the age when the server's part is taken away; a millisecond of it may be rounding.
    private func queueUs(backendUs: UInt32) -> UInt32 {
        let ageMs = nowMs &- runArrivedMs
        let backendMs = backendUs / 1_000
        return ageMs > backendMs &+ 1 ? min(ageMs &- backendMs, 4_000_000) &* 1_000 : 0
    }
}
