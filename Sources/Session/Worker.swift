// Worker: the loop of one thread. It waits, receives, lets the engine decide, and writes once per tick: backends first,
// so that they work while clients are written to.
//
//     nap? ─► wait ─► receive ─► timers, mail ─► resume ─► flush lines ─► flush clients ─► close, connect ─► ...
//
// A descriptor is received from once per event; what is left is reported again, so nobody can starve the others.
// Not here: what bytes mean (Engine), how long a nap is (Pacer).

import Glibc
import Logging
import Platform
import Telemetry
import Upstream

struct Worker: ~Copyable {
    private var engine: Engine
    private let poller: Poller
    private var pacer: Pacer
    private let mailbox: Mailbox
    private let log: Logger
    private var listeners: [Listener]
    private let vectors: UnsafeMutablePointer<iovec>
    private let loopTimes: HistogramBlock
    private var receivedBytes = 0
    private var sentBytes = 0
    private var shortage = KernelShortage()
    private var houseAtMs: UInt64 = 0
    /// Accepting pauses until then, for lack of descriptors, memory or leave; 0: it does not.
    private var acceptAtMs: UInt64 = 0
    /// From the first accept that failed so until nobody waits: said once, however long it lasts.
    private var isAcceptingHindered = false
    private var drainUntilMs: UInt64 = 0
    private var acceptBudget: AcceptBudget
    /// Connections to servers, open or opening.
    private var serverSockets: Set<Int32> = []
    /// Where clients go while another process, or generation of workers, takes this one's place.
    private var handover: Handover?
    private var patience = Patience.untilDrained
    private static let never = UInt64.max

    /// One socket that takes in clients of one pool.
    struct Listener {
        let descriptor: Int32
        let poolIndex: Int
        var isWatched: Bool
    }

    /// The low bits of a tag say what it names.
    private enum Tag {
        static let client: UInt64 = 0
        static let line: UInt64 = 1
        static let listener: UInt64 = 2
        static let mailbox: UInt64 = 3
        static let mask: UInt64 = 3

        static func listener(_ index: Int) -> UInt64 { UInt64(index) << 2 | listener }
    }

    /// Few, so that a storm of new clients leaves time for those who are here.
    private static let acceptsPerEvent = 16
    private static let acceptPauseMs: UInt64 = 100
    /// Of what a client does not read, in the kernel.
    private static let unsentBytesMax: Int32 = 131_072
    private static let houseEveryMs: UInt64 = 1_000

    /// What a worker waits with. Made before its thread, so that a lack of descriptors is a reason not to start.
    static func makePoller(listeners: [(descriptor: Int32, poolIndex: Int)], mailbox: Mailbox) throws(SystemError)
        -> Poller
    {
        let poller = try Poller()
        try poller.watch(mailbox.wakeup.descriptor, .read, tag: Tag.mailbox)
        for (index, listener) in listeners.enumerated() {
            try poller.watch(listener.descriptor, .read, tag: Tag.listener(index))
        }
        return poller
    }

    /// - Parameter poller: of `makePoller`, with the same listeners and mailbox.
    init(
        engine: consuming Engine, poller: consuming Poller, listeners: [(descriptor: Int32, poolIndex: Int)],
        mailbox: Mailbox, log: Logger
    ) {
        pacer = Pacer(engine.options.pacing)
        loopTimes = engine.allCounters.loopTimes(worker: engine.workerIndex)
        acceptBudget = AcceptBudget(perSecond: engine.options.acceptRateMax)
        self.engine = engine
        self.poller = poller
        self.mailbox = mailbox
        self.log = log
        self.listeners = listeners.map {
            Listener(descriptor: $0.descriptor, poolIndex: $0.poolIndex, isWatched: true)
        }
        vectors = .allocate(capacity: Engine.vectorCountMax)
    }

    /// Clients are gone by now; the servers' ends of these connections would wait for ever.
    deinit {
        vectors.deallocate()
        for descriptor in serverSockets { Socket.close(descriptor) }
    }

    // MARK: The loop

    /// Returns when a drain is over.
    mutating func run() {
        WorkerThread.setExactNaps()
        var beforeNs = Clock.nowNs()
        while true {
            pause()
            engine.counters.set(.busySinceMs, 0)
            let readyCount = poller.wait(timeoutMs: waitMs(nowMs: beforeNs / 1_000_000))
            let wokenNs = Clock.nowNs()
            engine.counters.set(.busySinceMs, Int(wokenNs / 1_000_000))
            engine.setTime(us: wokenNs / 1_000)
            receivedBytes = 0
            sentBytes = 0
            for index in 0..<readyCount { serve(poller.readiness(at: index)) }
            engine.runTimers()
            if engine.nowMs >= houseAtMs { keepHouse() }
            flush()
            while let client = engine.takeResuming() { engine.resume(client) }
            // What clients that are cut leave behind is flushed with the rest.
            engine.watchMemory()
            flush()
            connectAndClose()
            engine.bury()
            shortage.endTurn(movedBytes: receivedBytes &+ sentBytes)
            let afterNs = Clock.nowNs()
            loopTimes.record(us: UInt32(clamping: (afterNs - wokenNs) / 1_000))
            pace(events: readyCount, timeNs: afterNs - beforeNs)
            engine.counters.add(.ticks)
            engine.counters.add(.events, readyCount)
            beforeNs = afterNs
            if isOver() { return engine.giveEverythingBack() }
        }
    }

    /// Nobody is left, or their time is over.
    private mutating func isOver() -> Bool {
        guard engine.isDraining || engine.isHandingOver else { return false }
        if engine.isDeserted || (engine.isDraining && engine.clientCount == 0) { return true }
        guard engine.nowMs >= drainUntilMs else { return false }
        if engine.isDraining {
            engine.cutEverybody()
            return false
        }
        // Those who were in the middle of something all the time are told now.
        switch patience {
        case .untilDrained: drain()
        case .lasting(let gone, let moved):
            engine.endLingering(gone: gone, moved: moved)
            drainUntilMs = Self.never
        }
        return false
    }

    private func pause() {
        guard !engine.hasWork else { return }
        if shortage.needsRest { return Clock.nap(microseconds: KernelShortage.restUs) }
        switch pacer.pause {
        case .none: break
        case .yield: Clock.yield()
        case .nap(let napUs):
            Clock.nap(microseconds: napUs)
            engine.counters.add(.naps)
            engine.counters.add(.napUs, napUs)
        }
    }

    @inline(__always)
    private mutating func pace(events: Int, timeNs: UInt64) {
        let tick = Pacer.Tick(
            events: events, sizeBytes: receivedBytes, replies: engine.takeAnswerCount(), timeNs: timeNs)
        guard pacer.record(tick) else { return }
        pacer.mark(cpuNs: Clock.threadCPUNs(), unansweredCount: engine.unansweredCount)
    }

    /// 0 while something can go on at once.
    private func waitMs(nowMs: UInt64) -> Int? {
        if engine.hasWork { return 0 }
        var wait = engine.waitMs(nowMs: nowMs)
        if engine.clientCount > 0 || engine.isDraining || acceptAtMs > 0 || engine.traceOrder != nil || !engine.isIdle {
            let untilHouse = houseAtMs > nowMs ? Int(houseAtMs - nowMs) : 0
            wait = min(wait ?? untilHouse, untilHouse)
        }
        if engine.isPaused {
            wait = min(wait ?? .max, engine.pause.untilMs > nowMs ? Int(engine.pause.untilMs - nowMs) : 0)
        }
        if acceptAtMs > 0 { wait = min(wait ?? .max, acceptAtMs > nowMs ? Int(acceptAtMs - nowMs) : 0) }
        if (engine.isDraining || engine.isHandingOver) && drainUntilMs != Self.never {
            wait = min(wait ?? .max, drainUntilMs > nowMs ? Int(drainUntilMs - nowMs) : 0)
        }
        return wait
    }

    private mutating func keepHouse() {
        engine.keepHouse()
        houseAtMs = engine.nowMs + Self.houseEveryMs
        if shortage.isOver(nowMs: engine.nowMs) { log.notice("the kernel has memory for sockets again") }
    }

    /// Nothing was moved; the call is made again while the socket is ready.
    private mutating func lackMemory(_ number: Int32) {
        engine.counters.add(.kernelShortages)
        guard shortage.begin(nowMs: engine.nowMs) else { return }
        log.warning(
            """
            the kernel has no memory for sockets (\(SystemError.text(number))): sends and receives are tried again \
            until it has; look at the machine's memory and at net.ipv4.tcp_mem
            """)
    }

    // MARK: Receiving

    @inline(__always)
    private mutating func serve(_ ready: Readiness) {
        switch ready.tag & Tag.mask {
        case Tag.client: serve(ClientRef(bitPattern: UInt(ready.tag)).unsafelyUnwrapped, ready)
        case Tag.line: serve(LineRef(bitPattern: UInt(ready.tag & ~Tag.mask)).unsafelyUnwrapped, ready)
        case Tag.listener: accept(Int(ready.tag >> 2))
        default: readMail()
        }
    }

    @inline(__always)
    private mutating func serve(_ client: ClientRef, _ ready: Readiness) {
        // Closed earlier in this tick; its struct waits for the end of it.
        if client.pointee.flags.contains(.closed) { return }
        if ready.isWritable { engine.unblocked(client) }
        if ready.isReadable && client.pointee.watched.contains(.read) {
            receive(client)
        } else if ready.isBroken {
            engine.close(client, .byError)
        }
    }

    @inline(__always)
    private mutating func receive(_ client: ClientRef) {
        let room = engine.room(for: client)
        engine.counters.add(.clientReads)
        switch Socket.receive(client.pointee.descriptor, into: room.start, count: room.count) {
        case .bytes(let count):
            receivedBytes &+= count
            engine.received(client, count: count)
        case .wouldBlock: shortage.refused()
        case .noMemory(let number): lackMemory(number)
        case .ended: engine.receivedEnd(client)
        case .failed: engine.close(client, .byError)
        }
    }

    @inline(__always)
    private mutating func serve(_ line: LineRef, _ ready: Readiness) {
        guard line.pointee.descriptor >= 0 else { return }
        if line.pointee.link.state == .connecting { return finishConnecting(line) }
        if ready.isWritable { engine.unblocked(line) }
        guard ready.isReadable || ready.isBroken, !line.pointee.isReadPaused || ready.isBroken else { return }
        let room = engine.room(for: line)
        engine.counters.add(.lineMoves)
        switch Socket.receive(line.pointee.descriptor, into: room.start, count: room.count) {
        case .bytes(let count):
            receivedBytes &+= count
            if !engine.received(line, count: count) { engine.lost(line, failure: Engine.badReplies) }
        case .wouldBlock: shortage.refused()
        case .noMemory(let number): lackMemory(number)
        case .ended: engine.lost(line, failure: Engine.closedByServer)
        case .failed(let number): engine.lost(line, failure: number)
        }
    }

    private mutating func finishConnecting(_ line: LineRef) {
        let number = Socket.error(of: line.pointee.descriptor)
        if number == 0 {
            Socket.keepWatch(line.pointee.descriptor)
            engine.connected(line)
            engine.markDirty(line)
        } else {
            engine.lost(line, failure: number)
        }
    }

    // MARK: Accepting

    private mutating func accept(_ index: Int) {
        // A drain, or a handover, may have begun earlier in this tick.
        guard !engine.isDraining, !engine.isHandingOver else { return }
        let poolIndex = listeners[index].poolIndex
        for _ in 0..<Self.acceptsPerEvent {
            guard acceptBudget.take(nowMs: engine.nowMs) else { return restFromAccepting(ms: AcceptBudget.slotMs) }
            // A shard that comes back needs a descriptor too: its requests would fail while clients fill the house.
            if engine.shared.connectedClients >= engine.options.clientDescriptorsMax {
                return pauseAccepting(SystemError("accept", EMFILE))
            }
            switch Socket.accept(listeners[index].descriptor) {
            case .client(let descriptor):
                do throws(SystemError) { try add(descriptor, poolIndex) } catch { return pauseAccepting(error) }
            case .nobody:
                if isAcceptingHindered { acceptingGoesOn() }
                return
            case .exhausted(let number): return pauseAccepting(SystemError("accept", number))
            }
        }
    }

    private mutating func acceptingGoesOn() {
        isAcceptingHindered = false
        log.notice("all clients that waited are accepted")
    }

    /// - Throws: when the client cannot be watched; it is closed then.
    private mutating func add(_ descriptor: Int32, _ poolIndex: Int) throws(SystemError) {
        let options = engine.pools[poolIndex].options
        if case .tcp = options.listen {
            Socket.setNoDelay(descriptor)
            Socket.limitUnsent(descriptor, sizeBytes: Self.unsentBytesMax)
        }
        if options.keepsAlive { Socket.setKeepAlive(descriptor) }
        let isWelcome =
            engine.shared.clientOpened()
            && (options.clientsMax == 0 || engine.pools[poolIndex].clientCount < options.clientsMax)
        engine.counters.add(isWelcome ? .clientsAccepted : .clientsRejected)
        let client = engine.addClient(descriptor: descriptor, poolIndex: poolIndex, isAdmitted: isWelcome)
        do throws(SystemError) {
            try poller.watch(descriptor, .read, tag: UInt64(UInt(bitPattern: client)) | Tag.client)
        } catch {
            engine.close(client, .byError)
            throw error
        }
    }

    /// Every accept would fail at once, and the loop would spin.
    private mutating func pauseAccepting(_ error: SystemError) {
        if !isAcceptingHindered {
            isAcceptingHindered = true
            log.warning(
                """
                cannot accept a client: \(error), with \(engine.shared.connectedClients) clients connected; new ones \
                wait, and it is tried again every \(Self.acceptPauseMs) ms; \(Self.remedy(error))
                """)
        }
        engine.counters.add(.acceptPauses)
        restFromAccepting(ms: Self.acceptPauseMs)
    }

    private static func remedy(_ error: SystemError) -> String {
        switch error.number {
        case EMFILE, ENFILE: "raise the limit of open files"
        case ENOSPC: "raise fs.epoll.max_user_watches"
        case ENOBUFS, ENOMEM: "look at the machine's memory"
        default: "look for what forbids it (seccomp, a security module, a firewall)"
        }
    }

    /// Whoever comes now waits in the kernel's queue.
    private mutating func restFromAccepting(ms: UInt64) {
        for index in listeners.indices where listeners[index].isWatched {
            poller.forget(listeners[index].descriptor)
            listeners[index].isWatched = false
        }
        acceptAtMs = engine.nowMs + ms
    }

    private mutating func resumeAccepting() {
        guard acceptAtMs > 0, engine.nowMs >= acceptAtMs, !engine.isDraining else { return }
        acceptAtMs = 0
        for index in listeners.indices {
            do throws(SystemError) {
                try poller.watch(listeners[index].descriptor, .read, tag: Tag.listener(index))
                listeners[index].isWatched = true
            } catch {
                return pauseAccepting(error)
            }
        }
    }

    // MARK: Writing

    private mutating func flush() {
        // Again for what a client's end did to a line, and a line's end to a client.
        while engine.dirtyLines != nil || engine.dirtyClients != nil {
            while let line = engine.takeDirtyLine() { flush(line) }
            while let client = engine.takeDirtyClient() { flush(client) }
        }
    }

    @inline(__always)
    private mutating func flush(_ line: LineRef) {
        while true {
            guard case .vectors(let count, let sizeBytes) = engine.batch(for: line, vectors: vectors) else { break }
            engine.counters.add(.lineMoves)
            switch Socket.send(line.pointee.descriptor, vectors: vectors, count: count) {
            case .bytes(let sent):
                sentBytes &+= sent
                engine.sent(line, sizeBytes: sent, isFull: sent < sizeBytes)
            case .wouldBlock:
                shortage.refused()
                engine.sent(line, sizeBytes: 0, isFull: true)
            case .noMemory(let number):
                lackMemory(number)
                engine.sent(line, sizeBytes: 0, isFull: true)
            case .ended: preconditionFailure("Worker: a send cannot end")
            case .failed(let number): engine.lost(line, failure: number)
            }
        }
        guard let interest = engine.settle(line) else { return }
        if interest != line.pointee.watched { watch(line, interest) }
    }

    private mutating func watch(_ line: LineRef, _ interest: Interest) {
        poller.change(line.pointee.descriptor, interest, tag: UInt64(UInt(bitPattern: line)) | Tag.line)
        line.pointee.watched = interest
    }

    @inline(__always)
    private mutating func flush(_ client: ClientRef) {
        while !client.pointee.flags.contains(.closed) {
            let batch = engine.batch(for: client, vectors: vectors)
            let wantedBytes: Int
            let outcome: SocketOutcome
            switch batch {
            case .nothing: return settle(client)
            case .scratch(let count):
                wantedBytes = count
                outcome = Socket.send(client.pointee.descriptor, engine.outScratch, count: count)
            case .vectors(let count, let sizeBytes):
                wantedBytes = sizeBytes
                outcome = Socket.send(client.pointee.descriptor, vectors: vectors, count: count)
            }
            switch outcome {
            case .bytes(let sent):
                sentBytes &+= sent
                engine.sent(client, batch, sizeBytes: sent, isFull: sent < wantedBytes)
            case .wouldBlock:
                shortage.refused()
                engine.sent(client, batch, sizeBytes: 0, isFull: true)
            case .noMemory(let number):
                lackMemory(number)
                engine.sent(client, batch, sizeBytes: 0, isFull: true)
            case .ended: preconditionFailure("Worker: a send cannot end")
            case .failed: engine.close(client, .byError)
            }
        }
        settle(client)
    }

    @inline(__always)
    private mutating func settle(_ client: ClientRef) {
        guard let interest = engine.settle(client) else {
            if let leaver = engine.takeDeparting() { depart(leaver) }
            return
        }
        guard interest != client.pointee.watched else { return }
        poller.change(client.pointee.descriptor, interest, tag: UInt64(UInt(bitPattern: client)) | Tag.client)
        client.pointee.watched = interest
    }

    // MARK: Connecting and closing

    private mutating func connectAndClose() {
        if !engine.closings.isEmpty {
            for closing in engine.closings {
                // A child process that is just being started may hold a copy, which would keep the descriptor watched.
                poller.forget(closing.descriptor)
                if closing.isReset { Socket.resetAtClose(closing.descriptor) }
                Socket.close(closing.descriptor)
                serverSockets.remove(closing.descriptor)
            }
            engine.closings.removeAll(keepingCapacity: true)
        }
        if acceptAtMs > 0 { resumeAccepting() }
        while let line = engine.openings.popLast() {
            // It may have been retired since.
            if line.pointee.link.state == .finding { findAddress(line) }
        }
    }

    private mutating func findAddress(_ line: LineRef) {
        let endpoint = engine.name(of: line.pointee.shard).endpoint
        if let address = endpoint.numericAddress { return connect(line, address) }
        line.pointee.lookUpCount += 1
        let mailbox = mailbox
        let word = UInt(bitPattern: line)
        engine.shared.resolver.resolve(endpoint, attempt: line.pointee.failureCount) {
            mailbox.post(.resolved(line: word, $0))
        }
    }

    private mutating func connect(_ line: LineRef, _ address: SocketAddress) {
        do throws(SystemError) {
            let descriptor = try Socket.connect(to: address)
            serverSockets.insert(descriptor)
            engine.connecting(line, descriptor: descriptor)
            guard line.pointee.descriptor == descriptor else { return }
            line.pointee.watched = [.read, .write]
            try poller.watch(
                descriptor, [.read, .write], tag: UInt64(UInt(bitPattern: line)) | Tag.line)
        } catch {
            engine.lost(line, failure: error.number)
        }
    }

    // MARK: Mail

    private mutating func readMail() {
        for message in mailbox.takeAll() {
            switch message {
            case .resolved(let word, let result): resolved(LineRef(bitPattern: word)!, result)
            case .hostFound(let poolIndex, let shardIndex, let addresses):
                hostFound(engine.pools[poolIndex].shards + shardIndex, addresses)
            case .survey(let survey): engine.answer(survey)
            case .surveyed(let survey): engine.finish(survey)
            case .monitorsChanged: engine.monitorsChanged()
            case .monitored(let line): engine.showHere(line)
            case .traceChanged: engine.traceChanged()
            case .pause(let pause): engine.apply(pause)
            case .shardOpened(let poolIndex, let shardIndex): engine.beForewarned(poolIndex, shardIndex)
            case .shardLeft(let poolIndex, let shardIndex): engine.inheritShard(poolIndex, shardIndex)
            case .ringChanged(let poolIndex, let placement, let revision):
                engine.use(placement, poolIndex: poolIndex, revision: revision)
            case .handOver(let handover, let patience): handOver(handover, patience)
            case .adopt(let record, let descriptor): adopt(record, descriptor)
            case .order(let order): engine.carryOut(order)
            case .drain: drain()
            }
        }
    }

    private mutating func resolved(_ line: LineRef, _ result: Result<SocketAddress, ResolveError>) {
        line.pointee.lookUpCount -= 1
        guard line.pointee.link.state == .finding else { return }
        switch result {
        case .success(let address): connect(line, address)
        case .failure(let error):
            engine.shared.remember(refusal: error.description, of: engine.name(of: line.pointee.shard))
            engine.lost(line, failure: Engine.addressNotFound)
        }
    }

    private mutating func hostFound(_ shard: ShardRef, _ addresses: [SocketAddress]) {
        engine.hostWasFound(shard) { line in
            guard line.pointee.descriptor >= 0, let peer = Socket.peerAddress(of: line.pointee.descriptor) else {
                return true
            }
            return addresses.contains(peer)
        }
    }

    private mutating func drain() {
        guard !engine.isDraining else { return }
        // After a handover they are another process's.
        if handover == nil { stopListening() }
        acceptAtMs = 0
        drainUntilMs = engine.nowMs + UInt64(engine.options.drainTimeoutMs)
        // What clients have sent so far counts as under way. Left in the kernel, it would also turn the close into a
        // reset, and a reset can take replies back that are on their way.
        for client in engine.clients {
            for _ in 0..<Self.drainReadsMax where isReading(client) { receive(client) }
        }
        engine.drain()
    }

    /// Who has connected is a client, accepted or not. Who comes later is refused at once and can go elsewhere; left in
    /// the kernel's queue they would wait for the end of the drain.
    private mutating func stopListening() {
        for index in listeners.indices {
            for _ in 0..<Self.drainAcceptsMax where acceptAtMs == 0 { accept(index) }
            if listeners[index].isWatched { poller.forget(listeners[index].descriptor) }
            Socket.stopListening(listeners[index].descriptor)
        }
    }

    private static let drainReadsMax = 16
    private static let drainAcceptsMax = 64

    private func isReading(_ client: ClientRef) -> Bool {
        !client.pointee.flags.contains(.closed) && client.pointee.gate.isEmpty
    }

    // MARK: Handover

    /// The other process accepts on the same sockets, so nobody waits in vain in the kernel's queue.
    private mutating func handOver(_ handover: Handover, _ patience: Patience) {
        for index in listeners.indices where listeners[index].isWatched {
            poller.forget(listeners[index].descriptor)
            listeners[index].isWatched = false
        }
        handover.release()
        guard !engine.isDraining else { return }
        acceptAtMs = 0
        self.handover = handover
        self.patience = patience
        drainUntilMs = engine.nowMs + UInt64(engine.options.drainTimeoutMs)
        engine.handOver()
    }

    /// Its socket goes to the other process; ours is closed, which ends nothing.
    private mutating func depart(_ client: ClientRef) {
        guard let handover else { preconditionFailure("Worker: a client leaves, and nobody is there to take it") }
        do throws(SystemError) {
            try handover.send(engine.record(of: client), descriptor: client.pointee.descriptor)
            engine.close(client, .byProxy)
        } catch {
            takeBack(error)
        }
    }

    /// The other process is gone: all who are still here stay, and new ones are taken in again.
    private mutating func takeBack(_ error: SystemError) {
        log.error(
            """
            \(error): the process that was to take over is gone; the clients that are still here stay \
            (\(engine.clientCount) of this worker), and those that it had taken are lost
            """)
        handover = nil
        drainUntilMs = 0
        engine.stay()
        acceptAtMs = engine.nowMs
    }

    private mutating func adopt(_ record: ClientRecord, _ descriptor: Int32) {
        _ = engine.shared.clientOpened()
        guard let client = engine.adopt(record, descriptor: descriptor) else {
            engine.shared.clientClosed()
            log.warning(
                """
                client \(record.id) of the process before is closed: pool \(record.pool) with \
                database \(record.database) is not in this config
                """)
            return Socket.close(descriptor)
        }
        engine.counters.add(.clientsAccepted)
        do throws(SystemError) {
            try poller.watch(descriptor, .read, tag: UInt64(UInt(bitPattern: client)) | Tag.client)
        } catch {
            engine.close(client, .byError)
        }
    }
}
