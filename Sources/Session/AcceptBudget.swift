// AcceptBudget: how many new clients one worker takes in at a time, where the config bounds that.
// Not here: the limits of how many there may be in all (SharedState, PoolOptions).

struct AcceptBudget {
    /// 0 for no limit.
    private let perSecond: Int
    private var tokens = 0
    private var slot: UInt64 = 0

    /// The rate holds over each slot of this length.
    static let slotMs: UInt64 = 50

    init(perSecond: Int) { self.perSecond = perSecond }

    /// - Returns: false when this slot's clients have all been taken in.
    mutating func take(nowMs: UInt64) -> Bool {
        guard perSecond > 0 else { return true }
        if nowMs / Self.slotMs != slot {
            slot = nowMs / Self.slotMs
            tokens = max(1, perSecond * Int(Self.slotMs) / 1_000)
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
