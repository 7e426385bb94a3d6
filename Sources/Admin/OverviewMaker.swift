// OverviewMaker: looks at the counters about once a second and makes of two looks what happened between them. It keeps
// the last five minutes in short, so that a page which is opened later has a past.
// Not here: the shape (Overview), the port (AdminDesk).

import Glibc
import Platform
import Telemetry

/// One second in short.
struct Moment: Encodable, Sendable {
    var atMs: Int
    var commandsPerS: Double
    var errorsPerS: Double
    var p50Us: Double?
    var p99Us: Double?
    var p999Us: Double?
}

struct OverviewMaker {
    /// Everything that is read at one time.
    private struct Look {
        let source: Counters
        let atNs: UInt64
        let cpuSeconds: Double
        let counters: CounterSnapshot
        let workers: [MetricValues<WorkerMetric>]
        let latencies: LatencySnapshot
    }

    private static let momentCountMax = 300
    private static let commandCountMax = 20
    private static let slowCount = 20
    private static let eventCount = 40

    private let source: AdminSource
    private let hasActions: Bool
    private var before: Look
    private var now: Look
    private(set) var moments: [Moment] = []

    init(source: AdminSource, hasActions: Bool) {
        self.source = source
        self.hasActions = hasActions
        now = Self.look(source)
        before = now
    }

    private static func look(_ source: AdminSource) -> Look {
        let counters = source.counters()
        return Look(
            source: counters, atNs: Clock.nowNs(), cpuSeconds: ProcessUsage.current().cpuSeconds,
            counters: counters.snapshot(), workers: counters.workers(), latencies: counters.latencies())
    }

    /// A new look; what is made afterwards is of the time between it and the one before.
    mutating func tick() {
        let next = Self.look(source)
        // Other workers count anew.
        before = next.source === now.source ? now : next
        now = next
        let traffic = traffic()
        moments.append(
            Moment(
                atMs: Clock.unixMs(), commandsPerS: traffic.commandsPerS, errorsPerS: traffic.errorsPerS,
                p50Us: traffic.latency.p50Us, p99Us: traffic.latency.p99Us, p999Us: traffic.latency.p999Us))
        if moments.count > Self.momentCountMax { moments.removeFirst() }
    }

    mutating func overview() -> Overview {
        if source.counters() !== now.source { tick() }
        let facts = source.facts()
        var pools = source.pools()
        // A reload came between the two questions; the next second knows more.
        if !isOfLook(pools) { pools = [] }
        return Overview(
            keyway: Overview.Process(
                version: facts.version, processId: Int(getpid()), atMs: Clock.unixMs(), uptimeS: facts.uptimeSeconds,
                notReady: Self.whyNotReady(pools), clients: facts.connectedClients, clientsMax: facts.clientsMax,
                logLevel: source.logLevel(), hasActions: hasActions,
                cpuShare: (now.cpuSeconds - before.cpuSeconds) / seconds),
            traffic: traffic(),
            memory: Overview.Memory(
                residentBytes: facts.residentBytes, bufferBytes: now.counters.process[.bufferBytes],
                limitBytes: facts.memoryLimitBytes,
                copyBytes: now.counters.pools.reduce(0) { $0 + $1.values[.copyBytes] }),
            workers: now.workers.indices.map(worker), pools: pools.indices.map { pool($0, pools[$0]) },
            hotKeys: source.hotKeys(), slowLog: source.slowLog(Self.slowCount).map(Self.slow),
            events: source.events(Self.eventCount).map {
                Overview.Happening(atMs: $0.atMs, subject: $0.subject, text: $0.text)
            })
    }

    private func isOfLook(_ pools: [Overview.PoolFacts]) -> Bool {
        let known = now.source.layout.pools
        return pools.map(\.name) == known.map(\.name)
            && pools.map { $0.shards.map(\.name) } == known.map(\.servers)
    }

    /// Ready: in each pool more than half of the shards take requests.
    static func whyNotReady(_ pools: [Overview.PoolFacts]) -> String? {
        for pool in pools {
            let serving = pool.shards.count { $0.isServing }
            if serving * 2 <= pool.shards.count {
                return "pool \(pool.name): \(serving) of \(pool.shards.count) shards take requests"
            }
        }
        return nil
    }

    // MARK: Rates

    /// At least a moment, so that a rate is a number.
    private var seconds: Double { max(0.001, Double(now.atNs - before.atNs) / 1e9) }

    private func perS(_ now: Int, _ before: Int) -> Double { Double(max(0, now - before)) / seconds }

    private func share(_ part: Int, of whole: Int) -> Double? { whole > 0 ? Double(part) / Double(whole) : nil }

    private func latency(_ now: HistogramValues, _ before: HistogramValues?) -> Overview.Latency {
        let change = before.map { now.since($0) } ?? now
        return Overview.Latency(
            count: Int(change.count), p50Us: change.quantileUs(0.5), p90Us: change.quantileUs(0.9),
            p99Us: change.quantileUs(0.99), p999Us: change.quantileUs(0.999))
    }

    private static func sum(_ pools: [LatencySnapshot.Pool]) -> HistogramValues {
        var sum = HistogramValues()
        for pool in pools { for times in pool.commands.values { sum.add(times) } }
        return sum
    }

    private func traffic() -> Overview.Traffic {
        func of(_ metric: WorkerMetric) -> Int { now.counters.process[metric] - before.counters.process[metric] }
        func of(_ metric: PoolMetric) -> Int { total(now, metric) - total(before, metric) }
        func of(_ metric: ServerMetric) -> Int { total(now, metric) - total(before, metric) }
        let (commands, lookups) = (of(.commands), of(.lookups))
        let calls = of(.clientReads) + of(.clientWrites) + of(.lineMoves)
        return Overview.Traffic(
            commandsPerS: Double(commands) / seconds, errorsPerS: Double(of(.errorsMade)) / seconds,
            bytesInPerS: Double(of(.bytesIn)) / seconds, bytesOutPerS: Double(of(.bytesOut)) / seconds,
            hitShare: share(lookups - min(lookups, of(.misses)), of: lookups),
            callsPerCommand: share(calls, of: commands),
            latency: latency(Self.sum(now.latencies.pools), Self.sum(before.latencies.pools)))
    }

    private func total(_ look: Look, _ metric: PoolMetric) -> Int {
        look.counters.pools.reduce(0) { $0 + $1.values[metric] }
    }

    private func total(_ look: Look, _ metric: ServerMetric) -> Int {
        look.counters.pools.reduce(0) { $0 + $1.servers.reduce(0) { $0 + $1.values[metric] } }
    }

    // MARK: Parts

    private func worker(_ index: Int) -> Overview.Worker {
        let (new, old) = (now.workers[index], before.workers[index])
        let turns = new[.ticks] - old[.ticks]
        let bytes = new[.bytesIn] - old[.bytesIn] + new[.bytesOut] - old[.bytesOut]
        let loop = now.latencies.loops[index].since(before.latencies.loops[index])
        return Overview.Worker(
            busyShare: min(1, Double(loop.sumUs) / 1e6 / seconds),
            loop: latency(now.latencies.loops[index], before.latencies.loops[index]),
            eventsPerTurn: share(new[.events] - old[.events], of: turns), bytesPerTurn: share(bytes, of: turns),
            bufferBytes: new[.bufferBytes])
    }

    private func pool(_ index: Int, _ facts: Overview.PoolFacts) -> Overview.Pool {
        let (new, old) = (now.counters.pools[index], before.counters.pools[index])
        let (times, oldTimes) = (now.latencies.pools[index], before.latencies.pools[index])
        func rate(_ metric: PoolMetric) -> Double { perS(new.values[metric], old.values[metric]) }
        func sum(_ pool: CounterSnapshot.Pool, _ metric: ServerMetric) -> Int {
            pool.servers.reduce(0) { $0 + $1.values[metric] }
        }
        let lookups = sum(new, .lookups) - sum(old, .lookups)
        let misses = sum(new, .misses) - sum(old, .misses)
        let requests = sum(new, .requests) - sum(old, .requests)
        let errors = PoolMetric.allCases.compactMap { metric in
            metric.row.family.flatMap { $0.label == "code" ? ($0.value, new.values[metric]) : nil }
        }
        return Overview.Pool(
            name: facts.name, listen: facts.listen, distribution: facts.distribution, hash: facts.hash,
            onFailure: facts.onFailure, ringRevision: facts.ringRevision, clients: new.values[.clientConnections],
            commandsPerS: rate(.commands), errorsPerS: rate(.errorsMade),
            hitShare: share(lookups - min(lookups, misses), of: lookups),
            latency: latency(Self.sum([times]), Self.sum([oldTimes])),
            errors: Dictionary(errors, uniquingKeysWith: +), retryBudget: new.values[.retryBudget],
            copyHitsPerS: rate(.copyHits), missWaitsPerS: rate(.missWaits), commands: commands(times, oldTimes),
            shards: facts.shards.indices.map { shard($0, facts.shards[$0], pool: index, poolRequests: requests) })
    }

    /// Those that were called most of late first.
    private func commands(_ new: LatencySnapshot.Pool, _ old: LatencySnapshot.Pool) -> [Overview.Command] {
        let all = new.commands.map { index, times in
            Overview.Command(
                name: now.source.layout.commands[index], calls: Int(times.count),
                perS: perS(Int(times.count), Int(old.commands[index]?.count ?? 0)),
                latency: latency(times, old.commands[index]))
        }
        let sorted = all.sorted { ($1.perS, $1.calls, $0.name) < ($0.perS, $0.calls, $1.name) }
        return Array(sorted.prefix(Self.commandCountMax))
    }

    private func shard(
        _ index: Int, _ facts: Overview.PoolFacts.Shard, pool: Int, poolRequests: Int
    ) -> Overview.Shard {
        let new = now.counters.pools[pool].servers[index].values
        let old = before.counters.pools[pool].servers[index].values
        let times = now.latencies.pools[pool].servers[index]
        let oldTimes = before.latencies.pools[pool].servers[index]
        func rise(_ metric: ServerMetric) -> Int { max(0, new[metric] - old[metric]) }
        let failures: [ServerMetric] = [.requestsTimedOut, .overloaded, .shed, .lost, .refused]
        return Overview.Shard(
            name: facts.name, address: facts.address, weight: facts.weight, ringShare: facts.ringShare,
            breaker: facts.breaker, reason: facts.reason, ring: facts.ring,
            requestsPerS: Double(rise(.requests)) / seconds,
            trafficShare: share(rise(.requests), of: poolRequests) ?? 0,
            failuresPerS: Double(failures.reduce(0) { $0 + rise($1) }) / seconds, inFlight: new[.outQueue],
            queued: new[.inQueue], connections: new[.serverConnections],
            hitShare: share(rise(.lookups) - min(rise(.lookups), rise(.misses)), of: rise(.lookups)),
            queue: latency(times.queue, oldTimes.queue), backend: latency(times.backend, oldTimes.backend),
            tombstones: new[.tombstones], retries: new[.retried], ejections: new[.ejections],
            breakerOpenings: new[.breakerOpenings])
    }

    private static func slow(_ number: Int, _ request: SlowRequest) -> Overview.Slow {
        Overview.Slow(
            id: number, atMs: request.atMs, pool: request.pool, shard: request.shard, command: request.command,
            key: String(decoding: request.key, as: UTF8.self), client: request.clientID, totalUs: request.totalUs,
            queueUs: request.queueUs, backendUs: request.backendUs, mergeUs: request.mergeUs, outcome: request.outcome)
    }
}
