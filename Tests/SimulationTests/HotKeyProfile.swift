// HotKeyProfile: which keys of a run may be hot, how they are asked for, and what goes wrong with their copies; drawn
// as FaultProfile is.
// Not here: the requests (SimulatedClient+HotKeys), what servers do (SimulatedBackend+HotKeys, +Copies).

struct HotKeyProfile {
    /// Keys that are read from copies when they are hot; 0: none.
    let keyCount: Int
    /// So long a copy is used without a sign of its server.
    let leaseMs: Int
    let replyBytesMax: Int
    /// Copies are on servers, and not in memory; those who follow draw for themselves.
    let spreads: Bool
    /// A server that takes no value of another one; -1: none.
    let refusingShard: Int
    /// A request is for one of them, and is a write.
    let odds: Int
    let writeOdds: Int
    /// A client asks for something in a turn: less than elsewhere, because time must pass before keys are hot.
    let askOdds: Int
    /// Somebody writes one of them past Keyway; empties a server. A server drops a copy.
    var bypassOdds: Int
    var flushOdds: Int
    var evictionOdds: Int
    /// A connection on which a server tells of changes stands still, or is lost.
    var coverStallOdds: Int
    let stampede: StampedeProfile

    init(keyCountMax: Int, clientCount: Int, dice: inout Dice) {
        keyCount = keyCountMax > 0 && dice.below(2) == 0 ? min(keyCountMax, dice.oneOf([1, 4])) : 0
        leaseMs = dice.oneOf([40, 100, 1_000])
        replyBytesMax = dice.oneOf([100, 65_536])
        spreads = dice.below(2) == 0
        refusingShard = dice.below(8) == 0 ? 0 : -1
        odds = dice.oneOf([30_000, 60_000])
        writeOdds = dice.oneOf([500, 2_000, 8_000])
        askOdds = keyCount > 0 ? min(43_000, 160_000 / clientCount) : 0
        coverStallOdds = keyCount > 0 ? dice.oneOf([0, 300, 3_000]) : 0
        // Where news come late there is some.
        bypassOdds = coverStallOdds > 0 ? dice.oneOf([100, 1_000, 4_000]) : dice.oddsUpTo(2_000)
        flushOdds = dice.oddsUpTo(coverStallOdds > 0 ? 2_000 : 300)
        evictionOdds = dice.oddsUpTo(3_000)
        stampede = StampedeProfile(dice: &dice)
    }

    mutating func heal() {
        bypassOdds = 0
        flushOdds = 0
        evictionOdds = 0
        coverStallOdds = 0
    }
}
