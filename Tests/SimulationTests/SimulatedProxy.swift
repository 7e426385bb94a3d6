// SimulatedProxy: the workers of one config, as Proxy has them, from their start until they have given all their
// clients to those who follow, or have drained.
// Not here: who follows, and when (SimulatedService), what a worker does (SimulatedKernel).

import Hashing
import Logging
import Platform
import Routing
import Telemetry
import Upstream

@testable import Session

final class SimulatedProxy {
    let config: SimulatedConfig
    /// Counts the processes of a run.
    let process: Int
    let shared: SharedState
    let ringWatch: RingWatch
    /// Those that have not ended.
    private(set) var kernels: [SimulatedKernel]
    /// How long they wait for those who cannot leave at once; nil while nobody follows.
    private(set) var patience: Patience?
    private let pools: [PoolOptions]
    private let heldBytesAtStart: Int
    private let counters: Counters
    private static let commandTable = CommandTable()

    /// - Parameters:
    ///   - older: another generation of the same process, or the process before; nil where there is none.
    ///   - firstNumber: of its workers.
    init(
        _ config: SimulatedConfig, process: Int, following older: SimulatedProxy?, engineSeed: UInt64,
        firstNumber: Int, world: World, ledger: Ledger, places: KeyPlaces
    ) throws {
        self.config = config
        self.process = process
        let pools = config.pools(world.profile)
        self.pools = pools
        let options = config.options
        let shared: SharedState
        if let older, older.process == process {
            shared = SharedState(
                clientsMax: options.clientsMax, slowCountMax: options.slowLog.countMax, following: older.shared)
        } else {
            shared = SharedState(
                clientsMax: options.clientsMax, lastClientID: older?.shared.lastClientIDForFollower ?? 0,
                hotKeys: HotKeyBoard(seed: engineSeed, processNumber: UInt64(process) << 32))
        }
        shared.mailboxes = try (0..<options.workerCount).map { _ in try Mailbox() }
        self.shared = shared
        let layout = TelemetryLayout(
            workerCount: options.workerCount,
            pools: pools.map { .init(name: $0.name, servers: $0.shards.map(\.name)) })
        let counters = Counters(layout: layout)
        self.counters = counters
        let kernels = (0..<options.workerCount).map { index in
            var engine = Self.engine(
                options, pools, workerIndex: index, shared: shared, counters: counters, nowMs: world.nowMs)
            engine.random = engineSeed &+ UInt64(index) | 1
            return SimulatedKernel(
                number: firstNumber + index, index: index, engine: engine, world: world, ledger: ledger)
        }
        self.kernels = kernels
        heldBytesAtStart = kernels[0].engine.buffers.chunks.totalBytes
        ringWatch = RingWatch(
            pool: pools[0], register: shared.register, places: places, ledger: ledger, world: world)
        for kernel in kernels {
            kernel.noteRing = { [ringWatch, unowned kernel] in ringWatch.allowRing(of: kernel) }
        }
    }

    private static func engine(
        _ options: ProxyOptions, _ pools: [PoolOptions], workerIndex: Int, shared: SharedState, counters: Counters,
        nowMs: UInt64
    ) -> Engine {
        var log = Logger(label: "simulation")
        log.logLevel = .critical
        return Engine(
            options: options, pools: pools, workerIndex: workerIndex, counters: counters, shared: shared,
            commandTable: commandTable, nowMs: nowMs, log: log)
    }

    func count(_ metric: PoolMetric) -> Int {
        (0..<config.options.workerCount).reduce(0) { $0 + counters.pool(0, worker: $1).read(metric) }
    }

    // MARK: Succession

    var isSucceeded: Bool { patience != nil }

    /// A config is not swapped while shards are out of the ring, for those who follow would not know.
    var hasShardsOutOfRing: Bool { pools.contains { $0.shards.contains { shared.register[$0].isEjected } } }

    /// Its clients leave; who cannot stays as long as the patience lasts.
    func handOver(_ patience: Patience, give: @escaping (ClientRecord, SimulatedSocket) -> Bool) {
        shared.hotKeys.close()
        self.patience = patience
        for kernel in kernels { kernel.orders.append(.handOver(patience, give)) }
    }

    func drain() {
        for kernel in kernels where !kernel.engine.isDraining && kernel.orders.isEmpty { kernel.orders.append(.drain) }
    }

    /// - Returns: whether none of its workers is left.
    func forgetEndedKernels() -> Bool {
        kernels.removeAll(where: \.hasEnded)
        return kernels.isEmpty
    }

    // MARK: After the chaos

    /// Nobody can bring back a shard that those who are succeeded hold out of their ring: operators reach those who
    /// follow.
    var isRingWhole: Bool {
        if case .remap(_, onReturn: .hold) = pools[0].failureMode, isSucceeded { return true }
        return ringWatch.isWhole
    }

    var hasGivenBackAll: Bool {
        kernels.allSatisfy { kernel in
            kernel.engine.dropAllCopies()
            kernel.engine.buffers.chunks.trim()
            kernel.engine.buffers.chunks.trim()
            return kernel.engine.buffers.chunks.totalBytes == heldBytesAtStart
        }
    }
}
