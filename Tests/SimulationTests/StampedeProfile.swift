// StampedeProfile: what clients meet that miss a hot key of a run, when one of them is to bring it and the others wait;
// drawn as FaultProfile is.
// Not here: who brings it (SimulatedClient+HotKeys), which generations guard the keys (SimulatedConfig).

import Session

struct StampedeProfile {
    let isOn: Bool
    /// Copies are made, too.
    let makesCopies: Bool
    let waitMs: Int
    let leaseMs: Int
    let waiterCountMax: Int
    let refusesLateWrites: Bool
    /// Of 1; 0: nobody is told before the key's end.
    let earlyFactor: Double
    let jitterPercent: Int
    /// Who was told that a key is missing sets it next.
    let bringOdds: Int

    init(dice: inout Dice) {
        isOn = dice.below(2) == 0
        makesCopies = dice.below(4) > 0
        waitMs = dice.oneOf([5, 100, 1_000])
        leaseMs = dice.oneOf([5, 100, 1_000])
        waiterCountMax = dice.oneOf([1, 3, 10_000])
        refusesLateWrites = dice.below(2) == 0
        earlyFactor = dice.oneOf([0, 0, 1, 20])
        jitterPercent = dice.oneOf([0, 50])
        bringOdds = dice.oneOf([5_000, 50_000])
    }

    /// A client may be told that a key is missing which is there.
    var tellsEarly: Bool { isOn && earlyFactor > 0 }

    /// - Parameter prefixes: of the keys.
    func options(_ prefixes: [[UInt8]]) -> StampedeOptions {
        var options = StampedeOptions()
        options.prefixes = prefixes
        options.waitMs = waitMs
        options.leaseMs = leaseMs
        options.waiterCountMax = waiterCountMax
        options.refusesLateWrites = refusesLateWrites
        options.earlyFactor = earlyFactor
        options.jitterPercent = jitterPercent
        return options
    }
}
