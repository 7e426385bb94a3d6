// KernelShortage: what a worker remembers while the kernel refuses to move bytes: whether it has been told of, and
// whether the loop must rest.
// A socket that the kernel has no memory for stays ready, because readiness is about room and bytes: the poller reports
// it at once, the next call is refused as well, and without a rest the loop takes a core for nothing. So after some
// turns in a row in which calls were refused and no byte moved, it rests before the next one.
// Not here: the pauses of a loop that moves bytes (Pacer), running out of descriptors (Worker's accepting).

struct KernelShortage {
    /// A full socket refuses a call now and then; so many turns in a row are no chance.
    private static let turnsMax = 16
    static let restUs = 1_000
    /// It is over when for so long no call found the kernel without memory.
    private static let quietMs: UInt64 = 1_000

    private var futileTurns = 0
    private var hasRefused = false
    private var isOn = false
    private var lastMs: UInt64 = 0

    /// A call moved nothing, for whatever reason of the moment.
    mutating func refused() { hasRefused = true }

    /// The kernel had no memory for a call.
    ///
    /// - Returns: whether that is news.
    mutating func begin(nowMs: UInt64) -> Bool {
        hasRefused = true
        lastMs = nowMs
        defer { isOn = true }
        return !isOn
    }

    /// - Returns: whether it has just become clear that it is over.
    mutating func isOver(nowMs: UInt64) -> Bool {
        guard isOn, nowMs >= lastMs + Self.quietMs else { return false }
        isOn = false
        return true
    }

    /// A turn of the loop is over.
    mutating func endTurn(movedBytes: Int) {
        futileTurns = hasRefused && movedBytes == 0 ? futileTurns + 1 : 0
        hasRefused = false
    }

    var needsRest: Bool { futileTurns >= Self.turnsMax }
}
