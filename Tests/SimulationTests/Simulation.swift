// Simulation: one run of the real engine between simulated clients and backends, all of it drawn from one seed.
//
//     chaos: anything may fail ─► healed: every request is answered ─► everybody asks and succeeds ─► all leave
//
// In each step clients act, backends work and the worker's loop turns once; between steps time passes.
// What must hold: docstrings of Judge, Ledger and SimulatedClient, and the ends of the phases here.

import Hashing
import Logging
import Routing
import Telemetry
import Upstream

@testable import Platform
@testable import Session

final class Simulation {
    let seed: UInt64
    private let profile: FaultProfile
    private let kernel: SimulatedKernel
    private let ledger: Ledger
    private let judge: Judge
    private let clients: [SimulatedClient]
    private let backends: [SimulatedBackend]
    private let backendOptions: BackendOptions
    private let heldBytesAtStart: Int
    private var step = 0

    private static let commandTable = CommandTable()

    /// - Parameter lies: servers may lie; what only honest servers can keep is not asked for then.
    init(seed: UInt64, lies: Bool) throws {
        self.seed = seed
        var dice = Dice(seed: seed)
        profile = FaultProfile(dice: &dice, lies: lies)
        let options = FaultProfile.options(dice: &dice)
        let backendOptions = FaultProfile.backend(dice: &dice)
        self.backendOptions = backendOptions
        let pool = Self.makePool(profile, backendOptions, splitsTransactions: dice.below(4) == 0)
        var engine = try Self.makeEngine(options, pool)
        engine.random = dice.next() | 1
        heldBytesAtStart = engine.buffers.chunks.totalBytes
        let shards = (0..<profile.keyCount).map { key in
            let bytes = Array("k\(String(key + 1_000).dropFirst())".utf8)
            return pool.placement.view.serverIndex(key: bytes, count: bytes.count, random: 0)
        }
        kernel = SimulatedKernel(engine: engine, profile: profile, dice: dice)
        ledger = Ledger(requestCountMax: profile.requestCount + 64 + profile.clientCount * 24)
        let (kernel, ledger) = (kernel, ledger)
        let backends = (0..<profile.shardCount).map { SimulatedBackend(index: $0, ledger: ledger, kernel: kernel) }
        self.backends = backends
        judge = Judge(ledger: ledger, shards: shards) {
            backends.reduce(0) { $1.hasLied ? $0 | 1 << UInt64($1.index) : $0 }
        }
        let judge = judge
        clients = (0..<profile.clientCount).map {
            SimulatedClient(index: $0, kernel: kernel, judge: judge, shards: shards)
        }
        kernel.connectToBackend = { socket, shard in backends[shard].accept(socket) }
    }

    private static func makePool(
        _ profile: FaultProfile, _ backend: BackendOptions, splitsTransactions: Bool
    ) -> PoolOptions {
        let servers = (0..<profile.shardCount).map { RingServer(name: "s\($0)", weight: 1) }
        var pool = PoolOptions(
            name: "main",
            placement: Placement(
                distribution: .modula, hash: .crc16, charSign: .signed, hashTag: .braces, servers: servers),
            shards: servers.enumerated().map { index, server in
                ShardName(pool: "main", name: server.name, endpoint: .unix(path: "/nowhere/\(index)"))
            })
        pool.backend = backend
        pool.splitsTransactions = splitsTransactions
        return pool
    }

    private static func makeEngine(_ options: ProxyOptions, _ pool: PoolOptions) throws -> Engine {
        let counters = Counters(
            layout: TelemetryLayout(workerCount: 1, pools: [.init(name: "main", servers: pool.shards.map(\.name))]))
        let shared = SharedState(clientsMax: options.clientsMax)
        shared.mailboxes = [try Mailbox()]
        var log = Logger(label: "simulation")
        log.logLevel = .critical
        return Engine(
            options: options, pools: [pool], workerIndex: 0, counters: counters, shared: shared,
            commandTable: commandTable, nowMs: 10_000, log: log)
    }

    var answerCount: Int { judge.answerCount }
    var errorCount: Int { judge.errorCount }
    var requestCount: Int { ledger.requestCount }
    var stepCount: Int { step }

    // MARK: The run

    /// - Returns: what was wrong, with the trace; nil when all was well.
    func run() -> String? {
        // Ends the ring of references.
        defer { kernel.connectToBackend = { _, _ in false } }
        runChaos()
        heal()
        settle("requests of connected clients are not answered") { self.clients.allSatisfy { $0.awaitedCount == 0 } }
        askAll()
        leaveAll()
        guard let violation = ledger.violation else { return nil }
        return """
            \(violation)
            seed \(seed), step \(step), \(kernel.nowMs) ms
            \(profile)
            \(kernel.engine.options)
            \(backendOptions)
            \(kernel.trace.text)
            """
    }

    private var isOver: Bool { ledger.violation != nil }

    private func runChaos() {
        let requestCount = profile.requestCount
        let stepMax = requestCount * 40
        while !isOver, step < stepMax, ledger.requestCount < requestCount { turn(mayAsk: true) }
    }

    private func turn(mayAsk: Bool) {
        step += 1
        kernel.trace.step = step
        kernel.advance(ms: passingMs(wasIdle: !kernel.hasMoved))
        kernel.hasMoved = false
        injectFaults()
        for client in clients { client.act(mayAsk: mayAsk) }
        for backend in backends { backend.work() }
        kernel.tick()
        if kernel.engine.unansweredCount < 0 { ledger.accuse("more answers than requests") }
    }

    private func passingMs(wasIdle: Bool) -> UInt64 {
        let profile = kernel.profile
        if profile.clockJumpOdds > 0, kernel.dice.happens(profile.clockJumpOdds) {
            return UInt64(kernel.dice.below(profile.clockJumpMsMax))
        }
        if wasIdle { return UInt64(kernel.dice.between(1, profile.idleMsMax)) }
        return UInt64(kernel.dice.below(profile.stepMsMax + 1))
    }

    private func injectFaults() {
        let profile = kernel.profile
        for backend in backends {
            if kernel.dice.happens(profile.backendFreezeOdds) {
                backend.frozenUntilMs = kernel.nowMs + UInt64(kernel.dice.below(profile.downMsMax))
                kernel.trace.note("shard, until: freezes", backend.index, Int(backend.frozenUntilMs))
            }
            if kernel.dice.happens(profile.backendDeathOdds) {
                backend.die(untilMs: kernel.nowMs + UInt64(kernel.dice.below(profile.downMsMax)))
            }
            if kernel.dice.happens(profile.connectionResetOdds) { backend.dropConnection() }
        }
    }

    // MARK: After the chaos

    private func heal() {
        kernel.profile.heal()
        kernel.thaw()
        for backend in backends {
            backend.frozenUntilMs = 0
            backend.downUntilMs = 0
            // What else it sent can mean anything, to the end of its connections.
            if backend.hasLied { backend.die(untilMs: kernel.nowMs) }
        }
    }

    /// In simulated time: long enough for every deadline, rest and silence that the options allow.
    private var boundMs: UInt64 {
        UInt64(
            8 * backendOptions.timeoutMs + 4 * backendOptions.connectTimeoutMs
                + 4 * backendOptions.reconnectBackoffMaxMs + 30_000)
    }

    /// Lets time pass until something is so, and holds it against Keyway if that takes too long.
    private func settle(_ complaint: String, until isDone: () -> Bool) {
        let untilMs = kernel.nowMs + boundMs
        while !isOver, !isDone() {
            if kernel.nowMs > untilMs { return ledger.accuse("\(complaint) within \(boundMs) ms of health") }
            turn(mayAsk: false)
        }
    }

    private func pass(ms: UInt64) {
        let untilMs = kernel.nowMs + ms
        while !isOver, kernel.nowMs < untilMs {
            turn(mayAsk: false)
            if !kernel.hasMoved { kernel.advance(ms: kernel.idleMs) }
        }
    }

    /// With honest servers nobody is refused any more: one client after the other asks one request of each form.
    private func askAll() {
        guard !backends.contains(where: \.hasLied) else { return }
        pass(ms: boundMs)
        // A long value may be more than a client is allowed to have waiting.
        for backend in backends { backend.empty() }
        judge.expectsSuccess = true
        for client in clients where !isOver {
            settle("a client cannot leave") { !client.hasEnded }
            if !client.isConnected { client.connect() }
            for form in 0..<SimulatedClient.formCount where !isOver {
                client.ask(form: form)
                settle("client \(client.index): form \(form) is not answered") { client.awaitedCount == 0 }
                if !client.isConnected { ledger.accuse("client \(client.index): closed though all is well") }
            }
        }
        judge.expectsSuccess = false
    }

    private func leaveAll() {
        for client in clients { client.leave(byReset: kernel.dice.below(2) == 0) }
        settle("clients that left are still there") {
            self.kernel.engine.clientCount == 0 && self.kernel.engine.unansweredCount == 0
        }
        // What late replies still lie in goes back when they have come, or their connection has ended.
        settle("memory is held for nobody") {
            self.kernel.engine.buffers.chunks.trim()
            self.kernel.engine.buffers.chunks.trim()
            return self.kernel.engine.buffers.chunks.totalBytes == self.heldBytesAtStart
        }
    }
}
