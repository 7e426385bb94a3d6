// FaultProfile: what goes wrong in one run, how often, and how tight its limits are; all of it drawn from the seed.
// Odds are in 65,536ths, and many of them are 0, so that each run has a character of its own.
// Not here: carrying it out (Simulation, SimulatedService, SimulatedKernel, SimulatedBackend, SimulatedClient).

import Routing
import Session
import Upstream

struct FaultProfile {
    // MARK: The scene

    let shardCount: Int
    let clientCount: Int
    /// Requests that all clients may make until the run ends.
    var requestCount: Int
    var pipelineMax: Int
    let keyCount: Int
    /// Values are mostly small; this is the longest.
    let valueSizeBytesMax: Int
    let longValueOdds: Int
    /// Buffers may take little more than a worker cannot do without.
    let hasMemoryLimit: Bool
    let transactionOdds: Int
    let severalKeysOdds: Int
    let helloOdds: Int
    /// A client watches keys; waits for a list; pushes to one; publishes.
    var watchOdds: Int
    let popOdds: Int
    let pushOdds: Int
    let publishOdds: Int
    let listenerCount: Int
    let workerCount: Int
    /// What becomes of the keys of a shard that is down, and the shards of the pool that stands in for it.
    let failureMode: FailureMode
    let spareCount: Int

    // MARK: What is not in every run

    var swaps: SwapProfile
    var hot: HotKeyProfile

    // MARK: The kernel

    /// A move of 1 to 3 bytes; of up to 64 bytes.
    var tinyMoveOdds: Int
    var shortMoveOdds: Int
    var socketSizeBytes: Int
    /// A ready socket is passed over.
    var delayOdds: Int
    /// A send for which there is room is refused, as by a kernel without memory.
    var sendRefusedOdds: Int
    var socketFreezeOdds: Int
    var connectionResetOdds: Int
    var connectRefusedOdds: Int
    var connectHangOdds: Int
    var connectFailsAtOnceOdds: Int
    /// Addresses are looked up first, and not always found.
    let looksUp: Bool
    var lookUpFailsOdds: Int
    var lookUpMsMax = 40
    var idleMsMax = 20
    var stepMsMax: Int
    var clockJumpOdds: Int
    let clockJumpMsMax: Int

    // MARK: Backends

    var backendFreezeOdds: Int
    var backendDeathOdds: Int
    /// It answers an error and executes nothing.
    var serverErrorOdds: Int
    var greetingErrorOdds: Int
    /// -1: none.
    let lyingShard: Int
    var lieOdds: Int
    let downMsMax: Int

    // MARK: Clients

    var clientResetOdds: Int
    var clientEndOdds: Int
    var clientVanishesInRequestOdds: Int
    var slowReaderOdds: Int
    let slowReaderMsMax: Int

    /// - Parameters:
    ///   - lies: a server may answer what is not true.
    ///   - extras: what successors and hot keys are drawn with, so that a run without them is what it would be anyway.
    init(dice: inout Dice, lies: Bool, extras: inout Dice) {
        shardCount = dice.between(1, 4)
        clientCount = dice.oneOf([1, 2, 4, 8, 16, 32])
        requestCount = dice.oneOf([300, 1_000, 3_000])
        pipelineMax = dice.oneOf([1, 4, 16, 64])
        keyCount = dice.oneOf([2, 8, 100])
        let isTiny = dice.below(5) == 0
        hasMemoryLimit = dice.below(5) == 0
        valueSizeBytesMax =
            hasMemoryLimit ? 400_000 : isTiny ? 60 : dice.oneOf([100, 2_000, 20_000, 200_000, 400_000])
        longValueOdds = hasMemoryLimit ? 1_000 : dice.oddsUpTo(valueSizeBytesMax > 20_000 ? 400 : 4_000)
        transactionOdds = dice.oddsUpTo(8_000)
        severalKeysOdds = dice.oddsUpTo(20_000)
        helloOdds = dice.oddsUpTo(1_000)
        watchOdds = dice.oddsUpTo(8_000)
        popOdds = dice.oddsUpTo(2_000)
        pushOdds = 2 * popOdds
        listenerCount = dice.below(3) == 0 ? dice.oneOf([1, 2, 8]) : 0
        publishOdds = dice.oddsUpTo(listenerCount > 0 ? 16_000 : 500)
        workerCount = dice.below(3) == 0 ? 2 : 1
        failureMode = Self.failureMode(dice: &dice)
        if case .gutter = failureMode { spareCount = dice.between(1, 2) } else { spareCount = 0 }

        tinyMoveOdds = isTiny ? dice.oneOf([10_000, 40_000, 65_536]) : dice.oddsUpTo(3_000)
        shortMoveOdds = dice.oddsUpTo(16_000)
        socketSizeBytes = dice.oneOf([100, 1_000, 16_384, 131_072, 1 << 20])
        delayOdds = dice.oneOf([0, 8_000, 32_000, 50_000])
        sendRefusedOdds = dice.oddsUpTo(20_000)
        socketFreezeOdds = dice.oddsUpTo(200)
        connectionResetOdds = dice.oddsUpTo(500)
        connectRefusedOdds = dice.oddsUpTo(20_000)
        connectHangOdds = dice.oddsUpTo(10_000)
        connectFailsAtOnceOdds = dice.oddsUpTo(10_000)
        looksUp = dice.below(3) == 0
        lookUpFailsOdds = dice.oddsUpTo(10_000)
        stepMsMax = dice.oneOf([0, 1, 5, 50])
        clockJumpOdds = dice.oddsUpTo(300)
        clockJumpMsMax = dice.oneOf([100, 3_000, 3_600_000])

        // Where shards must fail for anything to be seen, they do.
        let leastOdds = failureMode == .failFast ? 0 : 20
        backendFreezeOdds = max(leastOdds, dice.oddsUpTo(300))
        backendDeathOdds = max(leastOdds, dice.oddsUpTo(200))
        serverErrorOdds = dice.oddsUpTo(3_000)
        greetingErrorOdds = dice.oddsUpTo(8_000)
        lyingShard = lies && dice.below(3) == 0 ? dice.below(shardCount) : -1
        lieOdds = max(10, dice.oddsUpTo(3_000))
        downMsMax = dice.oneOf([10, 300, 5_000])

        clientResetOdds = dice.oddsUpTo(150)
        clientEndOdds = dice.oddsUpTo(150)
        clientVanishesInRequestOdds = dice.oddsUpTo(150)
        slowReaderOdds = hasMemoryLimit ? 500 : dice.oddsUpTo(500)
        slowReaderMsMax = dice.oneOf([20, 1_000])

        swaps = SwapProfile(dice: &extras)
        // Where keys move a copy may be of what another shard had.
        hot = HotKeyProfile(
            keyCountMax: lyingShard < 0 && failureMode == .failFast ? keyCount : 0, clientCount: clientCount,
            dice: &extras)
        if hot.keyCount > 0 {
            requestCount = 3_000
            stepMsMax = extras.oneOf([5, 20])
            pipelineMax = min(4, pipelineMax)
            // Who watches stays where it is when the config is swapped, and writes there.
            if swaps.odds > 0 { watchOdds = extras.oneOf([watchOdds, 8_000]) }
            if extras.below(4) > 0 { beCalm() }
        }
    }

    /// So few faults that copies come about.
    private mutating func beCalm() {
        tinyMoveOdds = 0
        shortMoveOdds >>= 4
        socketSizeBytes = max(socketSizeBytes, 16_384)
        delayOdds = min(delayOdds, 32_000)
        sendRefusedOdds >>= 4
        socketFreezeOdds >>= 4
        connectionResetOdds >>= 3
        connectRefusedOdds >>= 4
        connectHangOdds >>= 4
        connectFailsAtOnceOdds >>= 4
        clockJumpOdds = 0
        backendFreezeOdds >>= 3
        backendDeathOdds >>= 4
        serverErrorOdds >>= 4
        greetingErrorOdds >>= 4
        clientResetOdds >>= 3
        clientEndOdds >>= 3
        clientVanishesInRequestOdds >>= 3
        slowReaderOdds >>= 3
    }

    /// Nothing goes wrong any more; what is lasting, such as sizes of sockets and limits, stays.
    mutating func heal() {
        tinyMoveOdds = 0
        shortMoveOdds = 0
        socketSizeBytes = max(socketSizeBytes, 65_536)
        delayOdds = 0
        sendRefusedOdds = 0
        lookUpMsMax = 1
        idleMsMax = 1
        socketFreezeOdds = 0
        connectionResetOdds = 0
        connectRefusedOdds = 0
        connectHangOdds = 0
        connectFailsAtOnceOdds = 0
        lookUpFailsOdds = 0
        clockJumpOdds = 0
        stepMsMax = 1
        backendFreezeOdds = 0
        backendDeathOdds = 0
        serverErrorOdds = 0
        greetingErrorOdds = 0
        lieOdds = 0
        clientResetOdds = 0
        clientEndOdds = 0
        clientVanishesInRequestOdds = 0
        slowReaderOdds = 0
        swaps.heal()
        hot.heal()
    }

    /// A shard that fails may leave the ring.
    var keysMove: Bool {
        if case .remap = failureMode { true } else { false }
    }

    private static func failureMode(dice: inout Dice) -> FailureMode {
        switch dice.below(6) {
        case 0, 1: .remap(percentMax: dice.oneOf([34, 67, 100]), onReturn: dice.oneOf(EjectReturn.allCases))
        case 2: .gutter(pool: "spare", ttlMs: dice.oneOf([50, 1_000]))
        default: .failFast
        }
    }

    // MARK: Limits

    func options(workerCount: Int, dice: inout Dice) -> ProxyOptions {
        var options = ProxyOptions()
        options.drainTimeoutMs = swaps.drainTimeoutMs
        options.workerCount = workerCount
        options.memoryBytesMax = hasMemoryLimit ? workerCount * dice.oneOf([700_000, 1_000_000, 3_000_000]) : 0
        options.outputPauseBytes = dice.oneOf([1, 200, 5_000, 1_048_576])
        options.outputSizeBytesMax = dice.oneOf([30_000, 1_000_000, 67_108_864])
        options.outputPauseBytes = min(options.outputPauseBytes, options.outputSizeBytesMax)
        options.inFlightMax = dice.oneOf([1, 2, 7, 64, 4_096])
        return options
    }

    func backend(dice: inout Dice) -> BackendOptions {
        var backend = BackendOptions()
        backend.timeoutMs = dice.oneOf([20, 100, 100, 1_000, 5_000])
        backend.connectTimeoutMs = dice.oneOf([30, 1_000])
        backend.reconnectBackoffMs = dice.oneOf([1, 50])
        backend.reconnectBackoffMaxMs = dice.oneOf([1, 200, 2_000])
        backend.connectionCount = dice.between(1, 3)
        backend.transferCountMax = dice.between(1, 3)
        backend.leaseCountMax = dice.oneOf([1, 2, 1_024])
        // What waits for servers comes on top of the limit, so it is little where there is one.
        backend.queueSizeBytesMax = dice.oneOf(
            hasMemoryLimit ? [1_500, 10_000, 100_000] : [1_500, 10_000, 1_000_000, 67_108_864])
        backend.inFlightMax = dice.oneOf([1, 3, 20, 65_536])
        backend.tombstonesMax = dice.oneOf([0, 1, 5, 1_024])
        backend.database = dice.oneOf([0, 3])
        backend.password = dice.below(2) == 0 ? nil : "secret"
        backend.preconnects = dice.below(2) == 0
        backend.hedgesReads = dice.below(2) == 0
        backend.shedsOldest = dice.below(2) == 0
        if dice.below(2) == 0 { backend.readTimeoutMs = dice.oneOf([20, 200]) }
        backend.queueTimeoutMs = dice.oneOf([0, 0, 10, 100])
        backend.breaker.failureCountMax = dice.oneOf(failureMode == .failFast ? [0, 1, 5] : [1, 5])
        backend.breaker.trickleMs = dice.oneOf([0, 100, 1_000])
        return backend
    }
}
