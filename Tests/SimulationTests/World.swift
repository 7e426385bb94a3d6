// World: what everybody in a run shares: its time, its dice, what goes wrong, and the trace of what happened.
// Not here: who lives in it (Simulation).

final class World {
    var profile: FaultProfile
    var dice: Dice
    var trace = Trace()
    private(set) var nowMs: UInt64 = 10_000
    /// Whether the turn moved anything.
    var hasMoved = false

    private var socketCount = 0

    init(profile: FaultProfile, dice: Dice) {
        self.profile = profile
        self.dice = dice
        trace.nowMs = nowMs
    }

    func advance(ms: UInt64) {
        nowMs += ms
        trace.nowMs = nowMs
    }

    /// Descriptors are used again; these are not.
    func nextSocketNumber() -> Int {
        socketCount += 1
        return socketCount
    }
}
