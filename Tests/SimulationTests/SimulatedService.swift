// SimulatedService: who follows whom, as Service has it. Workers with another config start beside those that run, and
// when they have had time to connect they are given the clients, one by one:
//
//     reload    another generation of workers of the same process; who cannot leave stays as long as it likes
//     upgrade   another process; who cannot leave is cut at the end of the drain
//
// A process that follows may die while it is given the clients: it takes those that it has with it, and the others
// stay. A reload may follow another at any time; an upgrade waits until the workers of earlier configs have ended.
// Not here: how a client leaves (SimulatedKernel+Handover), what configs differ in (SimulatedConfig).

import Platform
import Telemetry

@testable import Session

final class SimulatedService {
    /// A client on its way.
    private struct Passage {
        let record: ClientRecord
        let socket: SimulatedSocket
        let process: Int
        let atMs: UInt64
    }

    private let world: World
    private let ledger: Ledger
    private let places: KeyPlaces
    private let backends: [SimulatedBackend]
    /// In the order in which they began; never empty.
    private(set) var proxies: [SimulatedProxy] = []
    private(set) var kernels: [SimulatedKernel] = []
    private var passages: [Passage] = []
    /// Those who begin have time to connect until then.
    private var connecting: (untilMs: UInt64, patience: Patience)?
    private var wantsUpgrade = false
    /// A process that followed has died; the one before is succeeded no more.
    private var hasFailed = false
    private(set) var swapCount = 0
    /// Clients that have come to those who follow.
    private(set) var movedCount = 0
    /// Of proxies that have ended.
    private var pastCounts: [PoolMetric: Int] = [:]
    /// What tells how much of a run was about hot and missing keys.
    static let shownMetrics: [PoolMetric] = [.copyHits, .spreadReads, .missWaits, .earlyMisses, .lateWritesRefused]
    private var kernelCount = 0
    private var processCount = 0
    /// By worker.
    private var processes: [Int] = []
    /// Generations with clients that may be there at once.
    private static let proxyCountMax = 4

    init(
        _ config: SimulatedConfig, engineSeed: UInt64, world: World, ledger: Ledger, places: KeyPlaces,
        backends: [SimulatedBackend]
    ) throws {
        self.world = world
        self.ledger = ledger
        self.places = places
        self.backends = backends
        try start(config, process: 0, following: nil, engineSeed: engineSeed)
    }

    /// Whose clients new ones are, or will be.
    var current: SimulatedProxy { proxies[proxies.count - 1] }
    var acceptingKernels: [SimulatedKernel] {
        proxies.count == 1 && !hasFailed ? kernels : kernels.filter(\.isAccepting)
    }
    var isAlone: Bool { proxies.count == 1 && passages.isEmpty }
    /// Clients may yet be cut.
    var isBeingSucceeded: Bool {
        proxies[0].process != current.process || (hasFailed && kernels.contains { !$0.isAccepting })
    }

    private func start(
        _ config: SimulatedConfig, process: Int, following older: SimulatedProxy?, engineSeed: UInt64
    ) throws {
        let proxy = try SimulatedProxy(
            config, process: process, following: older, engineSeed: engineSeed, firstNumber: kernelCount,
            world: world, ledger: ledger, places: places)
        kernelCount += proxy.kernels.count
        processes += proxy.kernels.map { _ in process }
        for kernel in proxy.kernels {
            kernel.connectToBackend = { [backends] socket, shard in backends[shard].accept(socket) }
        }
        proxies.append(proxy)
        kernels += proxy.kernels
    }

    func process(ofWorker worker: Int) -> Int { worker < 0 ? -1 : processes[worker] }

    func count(_ metric: PoolMetric) -> Int { proxies.reduce(pastCounts[metric, default: 0]) { $0 + $1.count(metric) } }

    // MARK: Swaps

    func injectFaults() {
        let profile = world.profile
        if profile.swaps.odds > 0, swapCount < profile.swaps.countMax, world.dice.happens(profile.swaps.odds) {
            if world.dice.happens(profile.swaps.upgradeOdds) { wantsUpgrade = true } else { reload() }
        }
        if profile.swaps.successorDeathOdds > 0, isBeingSucceeded, connecting == nil,
            world.dice.happens(profile.swaps.successorDeathOdds)
        {
            killSuccessor()
        }
    }

    func heal() { wantsUpgrade = false }

    /// Nobody is cut but, perhaps, those who listen: they would be where the servers are others.
    func reload() {
        guard connecting == nil, !wantsUpgrade, !hasFailed, proxies.count < Self.proxyCountMax,
            !current.hasShardsOutOfRing
        else { return }
        let endsListeners = world.profile.swaps.odds > 0 && world.dice.below(3) == 0
        follow(process: current.process, .lasting(gone: [], moved: endsListeners ? ["main"] : []))
    }

    /// As soon as those of earlier configs have ended.
    private func upgradeWhenAlone() {
        guard connecting == nil, !hasFailed else { return }
        if isAlone {
            wantsUpgrade = false
            processCount += 1
            follow(process: processCount, .untilDrained)
        } else {
            for proxy in proxies.dropLast() where proxy.patience != .untilDrained { proxy.drain() }
        }
    }

    private func follow(process: Int, _ patience: Patience) {
        swapCount += 1
        world.trace.note("swap, process: begins", swapCount, process)
        let config = SimulatedConfig(following: current.config, world.profile, dice: &world.dice)
        do {
            try start(config, process: process, following: current, engineSeed: world.dice.next())
        } catch {
            return ledger.accuse("\(error)")
        }
        let connectMs = world.dice.below(world.profile.swaps.connectMsMax)
        connecting = (world.nowMs + UInt64(connectMs), patience)
    }

    private func giveClients(_ patience: Patience) {
        let process = current.process
        connecting = nil
        proxies[proxies.count - 2].handOver(patience) { [unowned self] record, socket in
            guard current.process == process else { return false }
            let ms = world.dice.below(world.profile.swaps.passageMsMax)
            passages.append(
                Passage(record: record, socket: socket, process: process, atMs: world.nowMs + UInt64(ms)))
            return true
        }
    }

    // MARK: A process that dies

    private func killSuccessor() {
        let process = current.process
        world.trace.note("process: dies", process)
        hasFailed = true
        for passage in passages where passage.process == process { passage.socket.isClosedByEngine = true }
        passages.removeAll { $0.process == process }
        for proxy in proxies where proxy.process == process {
            for kernel in proxy.kernels { kernel.closeAll() }
        }
        forgetEnded()
    }

    /// Whoever looks after processes starts a new one when there is none.
    private func startAnew(_ config: SimulatedConfig) {
        processCount += 1
        hasFailed = false
        world.trace.note("process: starts anew", processCount)
        do {
            try start(config, process: processCount, following: nil, engineSeed: world.dice.next())
        } catch {
            ledger.accuse("\(error)")
        }
    }

    // MARK: Turns

    func turn() {
        if wantsUpgrade { upgradeWhenAlone() }
        if let connecting, connecting.untilMs <= world.nowMs { giveClients(connecting.patience) }
        if !passages.isEmpty { deliver() }
        if proxies.count > 1 || hasFailed { forgetEnded() }
    }

    private func deliver() {
        for passage in passages where passage.atMs <= world.nowMs {
            let taker = proxies.first { $0.process == passage.process && !$0.isSucceeded }!
            movedCount += 1
            world.dice.oneOf(taker.kernels).orders.append(.adopt(passage.record, passage.socket))
        }
        passages.removeAll { $0.atMs <= world.nowMs }
    }

    private func forgetEnded() {
        let config = current.config
        for proxy in proxies where proxy.forgetEndedKernels() {
            for metric in Self.shownMetrics { pastCounts[metric, default: 0] += proxy.count(metric) }
        }
        proxies.removeAll(where: \.kernels.isEmpty)
        kernels = proxies.flatMap(\.kernels)
        if proxies.isEmpty { startAnew(config) }
    }
}
