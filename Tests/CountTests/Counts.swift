// Counts: what Keyway did in one window of rounds, per request.
// Noise only ever adds (a once-a-second trim, a delayed acknowledgement), so of several windows the least counts.
// Not here: what is allowed (Thresholds).

import TestKit

struct Counts {
    /// Names as in thresholds.csv, in the order in which they are told.
    static let names = ["allocations", "mappings", "client-sends", "server-sends", "segments"]
    var perRequest: [String: Double]

    mutating func takeLeast(of other: Counts) {
        perRequest.merge(other.perRequest) { min($0, $1) }
    }

    /// Plays one window. Looking at Keyway's own counters makes it work, too: that is measured and taken off.
    init(of load: CountLoad, on stage: Stage, _ counter: AllocationCounter) throws {
        let idleBefore = try stage.info()
        let before = try stage.info()
        let segmentsBefore = stage.segmentCount
        let memoryBefore = try counter.read()
        for _ in 0..<load.rounds { try stage.round(load) }
        let memory = try counter.read()
        let segments = stage.segmentCount - segmentsBefore
        let after = try stage.info()

        func grown(_ name: String) -> Int {
            let ofLooking = before[name, default: 0] - idleBefore[name, default: 0]
            return after[name, default: 0] - before[name, default: 0] - ofLooking
        }
        let totals = [
            "allocations": memory.allocations - memoryBefore.allocations,
            "mappings": memory.mappings - memoryBefore.mappings,
            "client-sends": grown("keyway_client_writes"), "server-sends": grown("backend_writes"),
            "segments": segments,
        ]
        perRequest = totals.mapValues { Double($0) / Double(load.requests) }
    }
}
