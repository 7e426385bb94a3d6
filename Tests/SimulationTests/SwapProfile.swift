// SwapProfile: how often the config of a run is swapped for another, and how; drawn as FaultProfile is.
// Not here: carrying it out (SimulatedService), what configs differ in (SimulatedConfig).

struct SwapProfile {
    var odds: Int
    /// In one run.
    let countMax: Int
    /// It is another process that follows, and not another generation of workers of the same one.
    let upgradeOdds: Int
    /// A process that follows dies while it is given the clients.
    var successorDeathOdds: Int
    let drainTimeoutMs: Int
    /// From the start of those who follow until those before are told; and so long a client is on its way.
    let connectMsMax: Int
    let passageMsMax: Int

    init(dice: inout Dice) {
        odds = dice.below(2) == 0 ? 0 : dice.oneOf([100, 400, 1_500, 6_000])
        countMax = dice.oneOf([1, 3, 10])
        upgradeOdds = dice.oneOf([0, 20_000, 65_536])
        successorDeathOdds = dice.below(3) == 0 ? dice.oneOf([50, 500, 5_000]) : 0
        drainTimeoutMs = dice.oneOf([0, 50, 1_000, 20_000])
        connectMsMax = dice.oneOf([1, 1_000])
        passageMsMax = dice.oneOf([1, 10, 1_000])
    }

    mutating func heal() {
        odds = 0
        successorDeathOdds = 0
    }
}
