// Simulation: one run of the real engine between simulated clients and backends, all of it drawn from one seed.
//
//     chaos: anything may fail ─► healed: every request is answered ─► everybody asks and succeeds, every listener
//     hears, every shard is in the ring ─► all leave
//
// In each step clients act, backends work and each worker's loop turns once; between steps time passes. An attendant
// does what people do: it fills lists for which clients wait, and readmits shards. At any time the workers may be
// followed by others that have another config (SimulatedService).
// What must hold: docstrings of Judge, Ledger, Audience, HotKeyHistory, RingWatch, MemoryWitness, SimulatedBackend+...,
// SimulatedKernel+Handover and SimulatedClient, and the ends of the phases here.

import Routing
import Telemetry
import Upstream

@testable import Platform
@testable import Session

final class Simulation {
    let seed: UInt64
    private let world: World
    private let service: SimulatedService
    private let ledger: Ledger
    private let judge: Judge
    private let audience = Audience()
    private let clients: [SimulatedClient]
    private let listeners: [SimulatedListener]
    private let attendant: SimulatedClient
    private let backends: [SimulatedBackend]
    private var step = 0
    private var idleStepCount = 0

    /// - Parameter lies: servers may lie; what only honest servers can keep is not asked for then.
    init(seed: UInt64, lies: Bool) throws {
        self.seed = seed
        var dice = Dice(seed: seed)
        var extras = Dice(seed: seed &+ 0x5357_4150)
        let profile = FaultProfile(dice: &dice, lies: lies, extras: &extras)
        let config = SimulatedConfig(profile, dice: &dice)
        let engineSeed = dice.next()
        let world = World(profile: profile, dice: dice)
        self.world = world
        let requestCountMax = profile.requestCount + 20_000
        let ledger = Ledger(requestCountMax: requestCountMax, splitsTransactions: config.splitsTransactions)
        self.ledger = ledger
        let places = KeyPlaces(
            config.pools(profile)[0].placement, keyCount: profile.keyCount, spareCount: profile.spareCount)
        let audience = audience
        let history = HotKeyHistory(world: world)
        let backends = (0..<profile.shardCount + profile.spareCount).map {
            SimulatedBackend(
                index: $0, ledger: ledger, world: world, places: places, audience: audience, history: history)
        }
        self.backends = backends
        let service = try SimulatedService(
            config, engineSeed: engineSeed, world: world, ledger: ledger, places: places, backends: backends)
        self.service = service
        let judge = Judge(
            ledger: ledger, places: places, audience: audience, history: history, stampede: profile.hot.stampede
        ) {
            backends.reduce(0) { $1.hasLied ? $0 | 1 << UInt64($1.index) : $0 }
        }
        self.judge = judge
        let everybody = (0...profile.clientCount).map {
            SimulatedClient(index: $0, world: world, service: service, judge: judge, shards: places.homes)
        }
        clients = Array(everybody.dropLast())
        attendant = everybody[profile.clientCount]
        listeners = (0..<profile.listenerCount).map {
            SimulatedListener(index: $0, world: world, ledger: ledger, service: service, audience: audience)
        }
    }

    var answerCount: Int { judge.answerCount }
    var errorCount: Int { judge.errorCount }
    var requestCount: Int { ledger.requestCount }
    var stepCount: Int { step }
    var swapCount: Int { service.swapCount }
    var movedCount: Int { service.movedCount }
    /// - Parameter metric: one of those that the service shows.
    func count(_ metric: PoolMetric) -> Int { service.count(metric) }

    // MARK: The run

    /// - Returns: what was wrong, with the trace; nil when all was well.
    func run() -> String? {
        runChaos()
        heal()
        settle("requests of connected clients are not answered") { self.clients.allSatisfy { $0.awaitedCount == 0 } }
        settle("listeners are not answered") { self.listeners.allSatisfy(\.isAnswered) }
        askAll()
        leaveAll()
        guard let violation = ledger.violation else { return nil }
        return """
            \(violation)
            seed \(seed), step \(step), \(world.nowMs) ms
            \(world.profile)
            \(service.current.config)
            \(world.trace.text)
            """
    }

    private var isOver: Bool { ledger.violation != nil }

    /// So that a run in which nobody is answered comes to its end.
    private static let chaosStepsMax = 30_000

    private func runChaos() {
        let requestCount = world.profile.requestCount
        let stepMax = min(requestCount * 40, Self.chaosStepsMax)
        while !isOver, step < stepMax, ledger.requestCount < requestCount { turn(mayAsk: true) }
    }

    private func turn(mayAsk: Bool) {
        step += 1
        world.trace.step = step
        world.advance(ms: passingMs(wasIdle: !world.hasMoved))
        idleStepCount = world.hasMoved ? 0 : idleStepCount + 1
        world.hasMoved = false
        injectFaults()
        for client in clients { client.act(mayAsk: mayAsk) }
        for listener in listeners { listener.act(mayAsk: mayAsk) }
        if attendant.isConnected { attendant.act(mayAsk: false) }
        if idleStepCount % 8 == 7 { attend() }
        for backend in backends { backend.work() }
        for kernel in service.kernels {
            kernel.tick()
            if kernel.engine.unansweredCount < 0 { ledger.accuse("more answers than requests") }
        }
        service.turn()
        if world.profile.keysMove { watchRings() }
    }

    private func watchRings() {
        for proxy in service.proxies { proxy.ringWatch.look(at: backends) }
        guard world.dice.below(64) == 0 else { return }
        for proxy in service.proxies {
            for kernel in proxy.kernels { kernel.readMail() }
            proxy.ringWatch.compare(proxy.kernels)
        }
    }

    /// Nothing moves: somebody fills the lists that clients wait for, and brings shards back that wait for an operator.
    private func attend() {
        guard attendant.awaitedCount == 0, ledger.hasRoom else { return }
        let keys = Set(clients.compactMap(\.listKey))
        let shards = world.profile.keysMove ? service.current.ringWatch.heldShards : []
        guard !keys.isEmpty || !shards.isEmpty else { return }
        if !attendant.isConnected { attendant.connect() }
        guard attendant.isConnected else { return }
        for key in keys.sorted() { attendant.askPush(key: key) }
        for shard in shards { attendant.askReadmit(shard: shard) }
    }

    private func passingMs(wasIdle: Bool) -> UInt64 {
        let profile = world.profile
        if profile.clockJumpOdds > 0, world.dice.happens(profile.clockJumpOdds) {
            return UInt64(world.dice.below(profile.clockJumpMsMax))
        }
        if wasIdle { return UInt64(world.dice.between(1, profile.idleMsMax)) }
        return UInt64(world.dice.below(profile.stepMsMax + 1))
    }

    private func injectFaults() {
        let profile = world.profile
        for backend in backends {
            if world.dice.happens(profile.backendFreezeOdds) {
                backend.frozenUntilMs = world.nowMs + UInt64(world.dice.below(profile.downMsMax))
                world.trace.note("shard, until: freezes", backend.index, Int(backend.frozenUntilMs))
            }
            if world.dice.happens(profile.backendDeathOdds) {
                backend.die(untilMs: world.nowMs + UInt64(world.dice.below(profile.downMsMax)))
            }
            if world.dice.happens(profile.connectionResetOdds) { backend.dropConnection() }
            if profile.hot.keyCount > 0 { backend.beWrittenBeside() }
        }
        service.injectFaults()
    }

    // MARK: After the chaos

    private func heal() {
        world.profile.heal()
        for kernel in service.kernels { kernel.thaw() }
        service.heal()
        for backend in backends {
            backend.frozenUntilMs = 0
            backend.downUntilMs = 0
            // What else it sent can mean anything, to the end of its connections.
            if backend.hasLied { backend.die(untilMs: world.nowMs) }
        }
    }

    /// In simulated time: long enough for every deadline, silence and two rests of a breaker that the options of any
    /// worker allow.
    private var boundMs: UInt64 { service.proxies.map(\.config.boundMs).max()! }

    /// Lets time pass until something is so, and holds it against Keyway if that takes too long.
    private func settle(_ complaint: String, until isDone: () -> Bool) {
        let untilMs = world.nowMs + boundMs
        while !isOver, !isDone() {
            if world.nowMs > untilMs { return ledger.accuse("\(complaint) within \(boundMs) ms of health") }
            turn(mayAsk: false)
        }
    }

    private func pass(ms: UInt64) {
        let untilMs = world.nowMs + ms
        while !isOver, world.nowMs < untilMs {
            turn(mayAsk: false)
            if !world.hasMoved { world.advance(ms: service.kernels.map(\.idleMs).min()!) }
        }
    }

    /// With honest servers nobody is refused any more: one client after the other asks one request of each form.
    private func askAll() {
        guard !backends.contains(where: \.hasLied) else { return }
        pass(ms: boundMs)
        settle("a process that is succeeded goes on") { !self.service.isBeingSucceeded }
        settle("shards are out of the ring") { self.service.proxies.allSatisfy(\.isRingWhole) }
        for backend in backends.dropFirst(world.profile.shardCount) {
            if let key = backend.store.keyWithoutEnd { ledger.accuse("shard \(backend.index): keeps key \(key)") }
        }
        // A long value may be more than a client is allowed to have waiting.
        for backend in backends { backend.empty() }
        // Who watches has a connection to himself, and others may have to do without.
        for client in clients { client.unwatch() }
        settle("UNWATCH is not answered") { self.clients.allSatisfy { $0.awaitedCount == 0 } }
        judge.expectsSuccess = true
        // Nobody notices a reload, wherever it meets one of them.
        let swapsAt = world.profile.swaps.countMax > 1 ? world.dice.below(clients.count) : -1
        let staying = listeners.filter { $0.isConnected && !$0.hasEnded }
        for client in clients where !isOver {
            if client.index == swapsAt { service.reload() }
            settle("a client cannot leave") { !client.hasEnded }
            if !client.isConnected { client.connect() }
            for form in 0..<SimulatedClient.formCount where !isOver {
                client.ask(form: form)
                settle("client \(client.index): form \(form) is not answered") { client.awaitedCount == 0 }
                if !client.isConnected { ledger.accuse("client \(client.index): closed though all is well") }
            }
        }
        for listener in staying where !listener.isConnected {
            ledger.accuse("listener \(listener.index): closed though all is well")
        }
        tellAll()
        judge.expectsSuccess = false
    }

    /// Every listener hears what is published on each of its topics.
    private func tellAll() {
        for listener in listeners where !isOver {
            settle("a listener cannot leave") { !listener.hasEnded }
            if !listener.isConnected { listener.connect() }
            if listener.topics.isEmpty { listener.join() }
        }
        settle("listeners are not answered") { self.listeners.allSatisfy(\.isAnswered) }
        settle("messages are not heard") { self.audience.isContent }
        for topic in Set(listeners.flatMap(\.topics)).sorted(by: {
            ($0.kind.rawValue, $0.key) < ($1.kind.rawValue, $1.key)
        })
        where !isOver {
            let part = ledger.partCount
            clients[0].askPublish(key: max(0, topic.key), isOnShard: topic.kind == .shardChannel)
            settle("PUBLISH is not answered") { self.clients[0].awaitedCount == 0 }
            settle("a message is not heard by all") {
                self.listeners.allSatisfy { !$0.topics.contains(topic) || $0.hasHeard(part: part, on: topic) }
            }
        }
    }

    private func leaveAll() {
        guard !isOver else { return }
        for client in clients + [attendant] { client.leave(byReset: world.dice.below(2) == 0) }
        for listener in listeners { listener.leave(byReset: world.dice.below(2) == 0) }
        settle("clients that left are still there") {
            self.service.kernels.allSatisfy { $0.engine.clientCount == 0 && $0.engine.unansweredCount == 0 }
        }
        settle("workers whose clients have left go on") { self.service.isAlone }
        // What late replies still lie in goes back when they have come, or their connection has ended.
        settle("memory is held for nobody") { self.service.current.hasGivenBackAll }
    }
}
