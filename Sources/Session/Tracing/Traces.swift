// Traces: the requests of one worker that are traced and not answered yet, by their places in their clients' order.
// Rule: there are so many at most; what comes beyond is counted and left out.
// Not here: which requests are traced (Engine+Tracing), the bound on lines (TraceBoard).

import Routing
import Upstream

/// One request, from its arrival until its reply goes out.
struct TracedRequest {
    let command: CommandID
    /// Its first one, cut; empty where keys are not shown.
    let key: [UInt8]
    /// That key's, which is shown where no server was asked; nil where there is none.
    let home: ShardRef?
    /// Where the time of its slowest part went; nil while no server has answered.
    private(set) var part: SlowPart?
    /// When the reply was there: low bits of the worker's clock.
    private(set) var readyUs: UInt32?

    init(command: CommandID, key: [UInt8], home: ShardRef?) {
        self.command = command
        self.key = key
        self.home = home
    }

    mutating func note(_ part: SlowPart, nowUs: UInt32) {
        if part.totalUs >= self.part?.totalUs ?? 0 { self.part = part }
        readyUs = nowUs
    }

    /// The reply is made of its parts.
    mutating func isMade(nowUs: UInt32) { readyUs = nowUs }
}

struct Traces {
    /// As many as a second may have lines.
    static let requestCountMax = TraceBoard.linesPerSecondMax

    private(set) var requests: [ReplyPlace: TracedRequest] = [:]
    /// The second that has had all its lines.
    var fullS: UInt64 = 0
    /// Since the last time that it was told.
    var leftOutCount = 0

    var isEmpty: Bool { requests.isEmpty }

    func hasRoom(nowMs: UInt64) -> Bool { requests.count < Self.requestCountMax && nowMs / 1_000 != fullS }

    subscript(place: ReplyPlace) -> TracedRequest? {
        get { requests[place] }
        set { requests[place] = newValue }
    }
}
