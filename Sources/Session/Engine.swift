// Engine: all that one worker knows and decides. It does no I/O: bytes go in with `received`, bytes come out of
// batches, and what is to be connected, closed or watched waits in lists. The worker carries it out; a test can play
// the kernel.
//
//     received(client) ─► requests ─► plan ─► line.out ─┐                    ┌─► batch(line) ─► worker ─► socket
//                                                        ├─ dirty lists ─────┤
//     received(line) ─► replies ─► slots / merges ───────┘                    └─► batch(client) ─► worker ─► socket
//
// Rules: one thread; time comes in once a tick as `nowMs`; a steady state allocates nothing, counts no references and
// takes no lock. Clients and lines are plain structs behind pointers, owned here and freed here.
// Not here: the socket calls and the poller (Worker), each verb (Engine+... files).

import Hashing
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

/// A pool as one worker sees it.
struct Pool {
    let options: PoolOptions
    let shards: UnsafeMutablePointer<Shard>
    let shardCount: Int
    let counters: CounterBlock<PoolMetric>
    let backoff: Backoff
    /// How keys are placed now, perhaps without shards that left the ring.
    var placement: Placement
    var ringRevision = 0
    var retryBudget: RetryBudget
    let needsPassword: Bool
    var clientCount = 0
    /// Protocols and databases in use, in the order of the shards' lines; the first is RESP2 and the pool's database.
    var dialects: [Dialect]
    /// What servers said of commands that the table lacks.
    let learned = LearnedCommands()
    /// A server said that it knows no RESP3.
    var lacksRESP3 = false
}

/// What the data path reads of a pool, without touching a reference.
struct PoolView: BitwiseCopyable {
    /// Lives as long as the pool's placement.
    var placement: PlacementView
    let shards: UnsafeMutablePointer<Shard>
    let shardCount: Int
    let counters: CounterBlock<PoolMetric>
    let commandTimes: CommandTimes
    let timeouts: Timeouts
    let queueSizeBytesMax: Int
    let inFlightMax: Int
    let latencyMsMax: UInt64
    let shedsOldest: Bool
    let hedgesReads: Bool
    /// Nil where nobody looks for hot keys.
    let hot: HotPoolRef?
    /// Nil where no key is guarded.
    let misses: MissPoolRef?
    /// Where writes end copies and kept values; nil where there are none.
    let slots: HotSlotsView?
    let jitterPercent: Int
    let coalesces: Bool
    /// Only what waits to be sent is joined.
    let coalescesByTick: Bool
    /// Any of these four: a request of a key must be looked at.
    let isWatched: Bool
}

struct Engine: ~Copyable {
    let options: ProxyOptions
    let workerIndex: Int
    let counters: CounterBlock<WorkerMetric>
    let allCounters: Counters
    let shared: SharedState
    let commandTable: CommandTable
    let commands: CommandTableView
    let log: Logger
    /// For lines that are bounded where they are made.
    let traceLog: Logger
    /// A request that takes so long goes into the slow log.
    let slowMs: UInt64
    /// One that took so long is looked at: for the slow log, or, while requests are traced, each.
    var lookMs: UInt64

    var buffers = BufferPool()
    var slots = SlotPool()
    var merges = MergePool()
    var intakes = RecordPool<Intake>()
    var transfers = RecordPool<Transfer>()
    var states = RecordPool<ClientState>()
    var transactions = TransactionPool()
    var fills = RecordPool<Fill>()
    var fillWaiters = RecordPool<FillWaiter>()
    let copyableReads = CopyableReads()
    var spreadReadRecords = RecordPool<SpreadRead>()
    let spreadReads = SpreadReads()
    var guardedReads = RecordPool<GuardedRead>()
    var missWaiters = RecordPool<MissWait.Waiter>()
    /// Nil where no pool coalesces.
    var recentReads: RecentReads?
    /// Missing keys that clients wait for.
    var missWaits: [MissPlace: MissWaitRef] = [:]
    /// What the reply to the request at hand is to end.
    var hotMark: HotMark = 0
    var subscriptions = Subscriptions()
    /// Scripts that the store has, and those that shards have, as far as this worker knows; by digests of their own.
    var seenScripts: Set<UInt64> = []
    var loadedScripts: Set<UInt64> = []
    /// This worker's, and whether any worker has some.
    var monitors: [ClientRef] = []
    var isMonitored = false { didSet { settleCare() } }
    var pause = ClientPause() { didSet { settleCare() } }
    var traceOrder: TraceOrder? { didSet { settleCare() } }
    var traces = Traces()
    /// Requests may not take the short way, whoever asks.
    private(set) var needsCare = false
    var memory: MemoryBudget
    var arguments = ArgumentList()
    var keys = KeyList()
    let keyFinder = KeyFinder()
    var timers: TimerWheel
    var nowMs: UInt64
    var random: UInt64

    /// Cold facts of each pool, and the view of them that requests use.
    var pools: [Pool]
    let poolViews: UnsafeMutablePointer<PoolView>

    /// Where clients' bytes are received; what is left of them moves to an intake. Replaced when long requests in it
    /// wait to be written and little room is left.
    var requestChunk: ChunkRef
    /// Where several small replies become one send.
    let outScratch: UnsafeMutablePointer<UInt8>
    static let outScratchBytes = 262_144
    /// Where backends' bytes are received; replaced when it is full.
    var receiveChunk: ChunkRef
    /// Replies that never change.
    let statics: StaticReplies

    var dirtyClients: ClientRef?
    var heldClients: [ClientRef] = []
    var dirtyLines: LineRef?
    var resumingClients: ClientRef?
    private var firstClient: ClientRef?
    var clients: ClientList { ClientList(from: firstClient) }
    var clientCount = 0
    /// Requests of all clients that wait for a line's or a merge's answer.
    private(set) var unansweredCount = 0
    /// Answers that have come since `takeAnswerCount`.
    private var answerCount = 0
    /// Lines to connect, and descriptors to close, for the worker.
    var openings: [LineRef] = []
    var closings: [Closing] = []
    /// Lines to free once nothing of this tick looks at them any more.
    var dead: [LineRef] = []
    var isDraining = false
    /// Clients are leaving for another process, and the one that the worker is to send there now.
    var isHandingOver = false
    var departing: ClientRef?
    /// The last look found requests that wait.
    private var hasQueues = false
    /// The request at hand was not taken: it is read again once all before it are answered.
    private(set) var isPutOff = false

    init(
        options: ProxyOptions, pools poolOptions: [PoolOptions], workerIndex: Int, counters: Counters,
        shared: SharedState, commandTable: CommandTable, nowMs: UInt64, log: Logger, traceLog: Logger? = nil
    ) {
        self.options = options
        slowMs = options.slowLog.slowMs > 0 ? UInt64(options.slowLog.slowMs) : .max
        lookMs = slowMs
        self.workerIndex = workerIndex
        self.counters = counters.worker(workerIndex)
        allCounters = counters
        self.shared = shared
        self.commandTable = commandTable
        commands = commandTable.view
        memory = MemoryBudget(processBytes: options.memoryBytesMax, workerCount: options.workerCount)
        self.log = log
        self.traceLog = traceLog ?? log
        self.nowMs = nowMs
        timers = TimerWheel(nowMs: nowMs)
        random = (UInt64(workerIndex) &+ 1) &* 0x9E37_79B9_7F4A_7C15 ^ Clock.nowNs()
        requestChunk = buffers.chunks.takeStandard()
        outScratch = .allocate(capacity: Self.outScratchBytes)
        receiveChunk = buffers.chunks.takeStandard()
        statics = StaticReplies()
        pools = poolOptions.enumerated().map { index, pool in
            Self.makePool(pool, index: index, worker: workerIndex, counters: counters, nowMs: nowMs)
        }
        poolViews = .allocate(capacity: max(1, pools.count))
        for (index, pool) in pools.enumerated() {
            let stampede = pool.options.stampede
            let misses = Self.makeMisses(pool.options, poolIndex: index, options, shared)
            let coalescing = pool.options.coalescing
            if coalescing != .off, recentReads == nil { recentReads = RecentReads() }
            (poolViews + index).initialize(
                to: PoolView(
                    placement: pool.options.placement.view, shards: pool.shards, shardCount: pool.shardCount,
                    counters: pool.counters,
                    commandTimes: counters.commandTimes(pool: index, worker: workerIndex),
                    timeouts: Timeouts(pool.options.backend),
                    queueSizeBytesMax: pool.options.backend.queueSizeBytesMax,
                    inFlightMax: pool.options.backend.inFlightMax,
                    latencyMsMax: pool.options.backend.breaker.latencyMsMax,
                    shedsOldest: pool.options.backend.shedsOldest,
                    hedgesReads: pool.options.backend.hedgesReads,
                    hot: pool.options.hotKeys.mode == .off
                        ? nil
                        : HotPool.make(
                            pool.options.hotKeys, pool.options.backend, poolIndex: index, shards: pool.shards,
                            shardCount: pool.shardCount, counters: pool.counters, seed: shared.hotKeys.seed,
                            slots: shared.hotKeys.slots(ofPool: pool.options.name),
                            workerCount: options.workerCount, nowMs: nowMs),
                    misses: misses,
                    slots: pool.options.hotKeys.mode != .off || stampede.staleMs > 0
                        ? shared.hotKeys.slots(ofPool: pool.options.name) : nil,
                    jitterPercent: stampede.jitterPercent,
                    coalesces: coalescing != .off, coalescesByTick: coalescing == .tick,
                    isWatched: pool.options.hotKeys.mode != .off || misses != nil || stampede.jitterPercent > 0
                        || coalescing != .off))
        }
        traceChanged()
        preconnect()
    }

    deinit {
        // A worker ends with its process; only tests make engines that end before.
        recentReads?.deallocate()
        outScratch.deallocate()
        poolViews.deallocate()
        statics.deallocate()
    }

    private static func makePool(
        _ options: PoolOptions, index: Int, worker: Int, counters: Counters, nowMs: UInt64
    ) -> Pool {
        let shards = UnsafeMutablePointer<Shard>.allocate(capacity: options.shards.count)
        let dialect = Dialect(version: .two, database: options.backend.database)
        for (shardIndex, name) in options.shards.enumerated() {
            let shard = shards + shardIndex
            shard.settle(
                Shard(
                    poolIndex: index, index: shardIndex, names: name, worker: worker, counters: counters,
                    backend: options.backend))
            shard.add(dialect)
        }
        return Pool(
            options: options, shards: shards, shardCount: options.shards.count,
            counters: counters.pool(index, worker: worker),
            backoff: Backoff(
                firstMs: options.backend.reconnectBackoffMs, maxMs: options.backend.reconnectBackoffMaxMs),
            placement: options.placement,
            retryBudget: RetryBudget(
                percent: options.backend.repeatPercent, perSecond: options.backend.repeatsPerSecond, nowMs: nowMs),
            needsPassword: options.password != nil, dialects: [dialect])
    }

    private static func makeMisses(
        _ pool: PoolOptions, poolIndex: Int, _ options: ProxyOptions, _ shared: SharedState
    ) -> MissPoolRef? {
        if pool.stampede.prefixes.isEmpty { return nil }
        return .make(pool.stampede, poolName: pool.name, poolIndex: poolIndex, workerCount: options.workerCount, shared)
    }

    private mutating func settleCare() { needsCare = isMonitored || pause.untilMs > 0 || traceOrder != nil }

    private mutating func preconnect() {
        for pool in pools where pool.options.backend.preconnects {
            for index in 0..<pool.shardCount {
                let shard = pool.shards + index
                for line in 0..<shard.pointee.lineCount { open(shard.pointee.lines[line]) }
            }
        }
    }

    /// 32 random bits, for the distribution `random`, jitter and RANDOMKEY; not for secrets.
    @inline(__always)
    mutating func nextRandom() -> UInt32 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return UInt32(truncatingIfNeeded: random >> 16)
    }

    // MARK: Lists for the worker

    /// Something waits in a list: the next tick must not wait for the kernel.
    var hasWork: Bool {
        resumingClients != nil || dirtyClients != nil || dirtyLines != nil || !openings.isEmpty || !closings.isEmpty
    }

    @inline(__always)
    mutating func markDirty(_ client: ClientRef) {
        guard !client.pointee.flags.contains(.dirty) else { return }
        client.pointee.flags.insert(.dirty)
        client.pointee.nextDirty = dirtyClients
        dirtyClients = client
    }

    @inline(__always)
    mutating func markDirty(_ line: LineRef) {
        guard !line.pointee.isDirty else { return }
        line.pointee.isDirty = true
        line.pointee.nextDirty = dirtyLines
        dirtyLines = line
    }

    /// A client that has something to send or to watch; nil when there is none left this tick.
    mutating func takeDirtyClient() -> ClientRef? {
        while let client = dirtyClients {
            dirtyClients = client.pointee.nextDirty
            client.pointee.nextDirty = nil
            client.pointee.flags.remove(.dirty)
            if !holds(client) { return client }
        }
        return nil
    }

    mutating func takeDirtyLine() -> LineRef? {
        guard let line = dirtyLines else { return nil }
        dirtyLines = line.pointee.nextDirty
        line.pointee.nextDirty = nil
        line.pointee.isDirty = false
        return line
    }

    /// Frees what this tick left behind; the worker calls it at the end of its turn. A connect that failed at once may
    /// have ended a line to which something was to be written: that goes when it has left the dirty list.
    mutating func bury() {
        guard !dead.isEmpty else { return }
        var awaited: [LineRef] = []
        for line in dead {
            if line.pointee.lookUpCount > 0 || line.pointee.isDirty {
                awaited.append(line)
            } else {
                line.free()
            }
        }
        dead = awaited
    }

    // MARK: Clients

    /// A new connection. `isAdmitted` false: it is answered with an error and closed.
    /// `id` and `ageS`: of one that another process has had before.
    mutating func addClient(
        descriptor: Int32, poolIndex: Int, isAdmitted: Bool, id: Int? = nil, ageS: Int = 0
    ) -> ClientRef {
        let client = ClientRef.allocate(capacity: 1)
        client.initialize(
            to: Client(
                descriptor: descriptor, poolIndex: poolIndex, id: id ?? shared.nextClientID(),
                database: pools[poolIndex].options.backend.database,
                nowS: UInt32(truncatingIfNeeded: nowMs / 1_000), ageS: ageS))
        if !pools[poolIndex].needsPassword { client.pointee.flags.insert(.authenticated) }
        // It has seen nothing yet.
        if let hot = (poolViews + poolIndex).pointee.hot { client.pointee.stampMin = hot.pointee.stamp }
        client.pointee.next = firstClient
        firstClient?.pointee.previous = client
        firstClient = client
        clientCount += 1
        pools[poolIndex].clientCount += 1
        pools[poolIndex].counters.add(.clientConnections)
        if !isAdmitted {
            let sequence = client.pushSlot(pool: &slots)
            answer(client, sequence, error: ProxyError.tooManyClients)
            end(client)
        }
        return client
    }

    /// How a client's connection came to its end.
    enum ClientEnd { case byClient, byError, byProxy, cut }

    struct Closing {
        let descriptor: Int32
        /// What the kernel still holds to be sent is thrown away: the peer does not read it.
        var isReset = false
    }

    /// The connection is over; what is still under way for it will be dropped when it comes.
    mutating func close(_ client: ClientRef, _ reason: ClientEnd) {
        guard !client.pointee.flags.contains(.closed) else { return }
        client.pointee.flags.insert(.closed)
        closings.append(Closing(descriptor: client.pointee.descriptor, isReset: reason == .cut))
        client.pointee.descriptor = -1
        let poolIndex = client.pointee.poolIndex
        pools[poolIndex].clientCount -= 1
        pools[poolIndex].counters.add(.clientConnections, -1)
        shared.clientClosed()
        switch reason {
        case .byClient: pools[poolIndex].counters.add(.clientEof)
        case .byError: pools[poolIndex].counters.add(.clientErr)
        case .byProxy, .cut: break
        }
        clientCount -= 1
        if let previous = client.pointee.previous {
            previous.pointee.next = client.pointee.next
        } else {
            firstClient = client.pointee.next
        }
        client.pointee.next?.pointee.previous = client.pointee.previous
        client.pointee.previous = nil
        client.pointee.next = nil
        giveLeasesUp(client)
        if client.pointee.transfer != nil { abandonTransfer(of: client) }
        if !subscriptions.waits.isEmpty { endWaits(of: client) }
        if client.pointee.state != nil { endState(of: client) }
        releaseBuffers(of: client)
        // Freed in its turn among the dirty clients: callers up the stack may still hold it.
        markDirty(client)
    }

    /// No further request is read; the connection closes when all replies are out.
    mutating func end(_ client: ClientRef) {
        client.pointee.gate.insert(.ending)
        markDirty(client)
    }

    private mutating func releaseBuffers(of client: ClientRef) {
        releaseIntake(of: client)
        client.pointee.out.removeAll(pool: &buffers)
        while client.pointee.head != client.pointee.tail {
            let slot = client.slot(client.pointee.head)
            if slot.pointee.marks.contains(.traced) {
                endTraced(unanswered: ReplyPlace(client: client, sequence: client.pointee.head))
            }
            switch slot.pointee.state {
            case .waiting: break
            case .ready: buffers.chunks.release(slot.pointee.chunk.unsafelyUnwrapped)
            case .streaming:
                let stream = slot.pointee.stream.unsafelyUnwrapped
                stream.pointee.pieces.removeAll(pool: &buffers)
                if let line = stream.pointee.line { letReadOn(line) }
                slots.giveBack(stream)
            }
            client.pointee.head &+= 1
        }
        // A reply that comes finds its other places from here.
        if !client.pointee.flags.contains(.sharesReplies) { client.giveBackEmptySlots(pool: &slots) }
        client.pointee.heldBytes = 0
    }

    /// From now until `noteAnswer` somebody else points at this client.
    @inline(__always)
    mutating func expectAnswer(for client: ClientRef) {
        client.pointee.unansweredCount &+= 1
        unansweredCount &+= 1
    }

    @inline(__always)
    mutating func noteAnswer(for client: ClientRef) {
        client.pointee.unansweredCount &-= 1
        unansweredCount &-= 1
        answerCount &+= 1
    }

    /// For a request that must not overtake, nor be overtaken: what comes before it is answered first.
    ///
    /// - Returns: true when the caller must leave the request as it is; it will be handled again.
    mutating func putsOff(_ client: ClientRef) -> Bool {
        guard client.pointee.inFlightCount > 0 else { return false }
        putOff(client, .barrier)
        return true
    }

    /// The request at hand waits, unread, until this gate opens.
    mutating func putOff(_ client: ClientRef, _ gate: Gate) {
        client.pointee.gate.insert(gate)
        markDirty(client)
        // It will be counted when it is handled.
        (poolViews + client.pointee.poolIndex).pointee.counters.add(.commands, -1)
        client.pointee.commandCount &-= 1
        isPutOff = true
    }

    mutating func takePutOff() -> Bool {
        defer { isPutOff = false }
        return isPutOff
    }

    mutating func takeAnswerCount() -> Int {
        defer { answerCount = 0 }
        return answerCount
    }

    /// A closed client is freed once no reply for it can come any more.
    mutating func freeIfUnused(_ client: ClientRef) {
        guard client.pointee.flags.contains(.closed), client.pointee.unansweredCount == 0,
            client.pointee.transfer == nil, client.pointee.flags.isDisjoint(with: [.dirty, .resuming, .held])
        else { return }
        client.giveBackEmptySlots(pool: &slots)
        client.pointee.details?.release()
        client.deallocate()
    }

    // MARK: Time

    /// Once a tick, before anything else.
    mutating func setTime(us nowUs: UInt64) {
        nowMs = nowUs / 1_000
        slots.nowUs = UInt32(truncatingIfNeeded: nowUs)
        merges.nowUs = slots.nowUs
        if isPaused { endPauseInTime() }
    }

    /// Until something is due; nil: nothing is.
    func waitMs(nowMs: UInt64) -> Int? {
        let waitMs = timers.waitMs(nowMs: nowMs)
        return heldClients.isEmpty ? waitMs : min(waitMs ?? Self.heldMsMax, Self.heldMsMax)
    }

    /// Once a tick, when all that has come is received.
    mutating func runTimers() {
        letGoHeld()
        while let timer = timers.expired(nowMs: nowMs) {
            let owner = timer.pointee.owner
            switch timer.pointee.kind {
            case Line.deadlineTimerKind: deadlinePassed(owner.assumingMemoryBound(to: Line.self))
            case Line.hedgeTimerKind: hedgeTimerFired(owner.assumingMemoryBound(to: Line.self))
            case Line.linkTimerKind: linkTimerFired(owner.assumingMemoryBound(to: Line.self))
            case Shard.healthTimerKind: healthTimerFired(owner.assumingMemoryBound(to: Shard.self))
            case Cover.timerKind: coverTimerFired(owner.assumingMemoryBound(to: Cover.self))
            case MissPool.timerKind: missTimerFired(owner.assumingMemoryBound(to: MissPool.self))
            case Transfer.timerKind: transferTimerFired(owner.assumingMemoryBound(to: Transfer.self))
            default: preconditionFailure("Engine: a timer of unknown kind \(timer.pointee.kind)")
            }
        }
    }

    private static var heapBytesWorthReturning: Int { 262_144 }

    /// About once a second.
    mutating func keepHouse() {
        if buffers.chunks.trim() >= Self.heapBytesWorthReturning { ResidentMemory.giveBackHeap() }
        arguments.shrink()
        closeIdleClients()
        closeIdleSpares()
        closeIdleDialects()
        endLateWaits()
        pingEars()
        breakSilence()
        measureQueues()
        measureBudgets()
        judgeShards()
        judgeHotKeys()
        dropOldKeptValues()
        cutSlowReaders()
        keepTraces()
        counters.set(.bufferBytes, buffers.chunks.totalBytes)
    }

    /// Sets the gauges of what waits for each server; exact once a second, which is more often than anybody looks.
    private mutating func measureQueues() {
        hasQueues = false
        for pool in pools {
            for index in 0..<pool.shardCount { measureQueues(of: pool.shards + index) }
        }
    }

    private mutating func measureBudgets() {
        for index in pools.indices {
            let requestCount = pools[index].counters.read(.commands)
            let left = pools[index].retryBudget.left(requestCount: requestCount, nowMs: nowMs)
            pools[index].counters.set(.retryBudget, left)
        }
    }

    private mutating func measureQueues(of shard: ShardRef) {
        var (unwritten, unwrittenBytes, written, writtenBytes, tombstones) = (0, 0, 0, 0, 0)
        for index in 0..<shard.pointee.allLineCount {
            let line = shard.pointee.lines[index]
            let queue = line.pointee.inFlight
            let unwrittenHere = line.unwrittenCount
            unwritten += unwrittenHere
            unwrittenBytes += line.pointee.out.sizeBytes
            written += queue.count - unwrittenHere
            tombstones += queue.tombstoneCount
            for position in 0..<(queue.count - unwrittenHere) { writtenBytes += Int(queue[position].sizeBytes) }
        }
        shard.pointee.counters.set(.inQueue, unwritten)
        shard.pointee.counters.set(.inQueueBytes, unwrittenBytes)
        shard.pointee.counters.set(.outQueue, written)
        shard.pointee.counters.set(.outQueueBytes, writtenBytes)
        shard.pointee.counters.set(.tombstones, tombstones)
        if unwritten + written > 0 { hasQueues = true }
    }

    /// A later look would change nothing: no memory to give back, no gauge to set to zero.
    var isIdle: Bool { buffers.chunks.freeCount == 0 && !hasQueues }

    /// Reads no more requests; every client is closed when its replies are out.
    mutating func drain() {
        isDraining = true
        for client in clients {
            // A server that keeps a client waiting is told not to, and answers as if its time were over.
            _ = unblock(client, isError: false)
            // A long request that has begun is read to its end.
            if client.pointee.transfer == nil { releaseIntake(of: client) }
            end(client)
        }
    }

    private mutating func closeIdleClients() {
        guard options.clientIdleTimeoutS > 0 else { return }
        let nowS = UInt32(truncatingIfNeeded: nowMs / 1_000)
        for client in clients {
            if client.pointee.inFlightCount == 0, client.pointee.transfer == nil,
                client.pointee.state?.pointee.topics == nil,
                Int(nowS &- client.pointee.activeAtS) >= options.clientIdleTimeoutS
            {
                close(client, .byProxy)
            }
        }
    }
}
