// SimulatedKernel: the worker's loop around the real engine, in the worker's order, with a kernel that is as unkind as
// the run's profile says: it moves few bytes, is late, and serves sockets in any order.
//
//     receive ─► timers, mail, house ─► flush ─► resume ─► memory ─► flush ─► close, connect ─► bury
//
// Descriptors are used again at once, as a real kernel does.
// Not here: what peers do (SimulatedClient, SimulatedBackend), when a tick is made (Simulation), how clients leave
// (SimulatedKernel+Handover).

import Glibc
import Platform
import Upstream

@testable import Session

final class SimulatedKernel {
    /// Among all of a run; and among those of its config.
    let number: Int
    let index: Int
    var engine: Engine
    let world: World
    let ledger: Ledger
    private let mailbox: Mailbox
    /// In the order in which they are served.
    private(set) var sockets: [SimulatedSocket] = []
    private var socketsByDescriptor: [SimulatedSocket?] = [nil, nil, nil]
    private var freeDescriptors: [Int32] = []
    private let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: Engine.vectorCountMax)
    private var houseAtMs: UInt64 = 0
    private var hotLookAtMs: UInt64 = 0
    private var hotLooksLeft: Int
    /// Lines whose address is being looked up, and when it is known.
    private var lookUps: [(line: LineRef, atMs: UInt64)] = []
    /// Makes the backend's end of a connection; false where it refuses.
    var connectToBackend: (SimulatedSocket, _ shard: Int) -> Bool = { _, _ in false }
    /// Another ring has come by mail.
    var noteRing: () -> Void = {}
    /// What its process has told it and it has not read.
    var orders: [Order] = []
    /// Takes a client to those who follow; false: they are gone. Nil while nobody follows.
    var give: ((ClientRecord, SimulatedSocket) -> Bool)?
    var patience = Patience.untilDrained
    var drainUntilMs: UInt64 = 0
    /// The worker's thread has come to its end; its engine has nothing any more.
    private(set) var hasEnded = false
    var hasGivenBack = false
    private let hasMail: Bool
    private let memoryWitness: MemoryWitness?

    init(number: Int, index: Int, engine: consuming Engine, world: World, ledger: Ledger) {
        self.number = number
        self.index = index
        let boxes = engine.shared.mailboxes
        mailbox = boxes[index]
        hotLooksLeft = world.profile.hot.keyCount > 0 ? 40 : 0
        hasMail = boxes.count > 1 || engine.pools[0].options.failureMode != .failFast
        memoryWitness =
            engine.options.memoryBytesMax > 0 ? MemoryWitness(worker: number, ledger: ledger, world: world) : nil
        self.engine = engine
        self.world = world
        self.ledger = ledger
    }

    deinit {
        vectors.deallocate()
        if hasGivenBack { return }
        // An engine leaves these to the end of its process; here one follows the other.
        engine.buffers.chunks.release(engine.requestChunk)
        engine.buffers.chunks.release(engine.receiveChunk)
    }

    var openSocketCount: Int { sockets.count }

    /// Until the engine wants to be called again, at most a house-keeping's time.
    var idleMs: UInt64 {
        let untilTimer = UInt64(engine.waitMs(nowMs: world.nowMs) ?? 1_000)
        return max(1, min(untilTimer, houseAtMs > world.nowMs ? houseAtMs - world.nowMs : 1))
    }

    /// No socket is frozen any more, and none is so small that a run takes for ever.
    func thaw() {
        for socket in sockets {
            socket.frozenUntilMs = 0
            socket.sizeBytes = world.profile.socketSizeBytes
        }
    }

    private func watchMemory() {
        guard let memoryWitness else { return engine.watchMemory() }
        memoryWitness.look(at: engine)
        engine.watchMemory()
        memoryWitness.compare(with: engine)
    }

    // MARK: Sockets

    func makeSocket() -> SimulatedSocket {
        let socket = SimulatedSocket(number: world.nextSocketNumber(), sizeBytes: world.profile.socketSizeBytes)
        add(socket)
        return socket
    }

    func add(_ socket: SimulatedSocket) {
        let descriptor: Int32
        if let free = freeDescriptors.popLast() {
            descriptor = free
        } else {
            descriptor = Int32(socketsByDescriptor.count)
            socketsByDescriptor.append(nil)
        }
        socket.come(to: number, descriptor: descriptor)
        sockets.append(socket)
        socketsByDescriptor[Int(descriptor)] = socket
    }

    func acceptClient() -> SimulatedSocket {
        let socket = makeSocket()
        _ = engine.shared.clientOpened()
        socket.client = engine.addClient(descriptor: socket.descriptor, poolIndex: 0, isAdmitted: true)
        return socket
    }

    /// How many of `count` bytes are moved at once.
    private func moved(_ count: Int) -> Int {
        let profile = world.profile
        if profile.tinyMoveOdds > 0, world.dice.happens(profile.tinyMoveOdds) {
            return min(count, world.dice.between(1, 3))
        }
        if profile.shortMoveOdds > 0, world.dice.happens(profile.shortMoveOdds) {
            return min(count, world.dice.between(1, 64))
        }
        return count
    }

    // MARK: The loop

    func tick() {
        engine.setTime(us: world.nowMs * 1_000)
        if !sockets.isEmpty {
            // A new order each time, of which every socket can be the first.
            let first = world.dice.below(sockets.count)
            let second = world.dice.below(sockets.count)
            sockets.swapAt(first, second)
            for index in sockets.indices { serve(sockets[(first + index) % sockets.count]) }
        }
        if !lookUps.isEmpty { finishLookUps() }
        engine.runTimers()
        if hasMail || !orders.isEmpty, world.dice.below(2) == 0 { readMail() }
        if world.nowMs >= houseAtMs {
            engine.keepHouse()
            houseAtMs = world.nowMs + 1_000
        }
        if hotLooksLeft > 0, world.nowMs >= hotLookAtMs, engine.clientCount > 0 { lookForHotKeys() }
        flush()
        while let client = engine.takeResuming() {
            world.hasMoved = true
            engine.resume(client)
        }
        watchMemory()
        flush()
        connectAndClose()
        engine.bury()
        if isOver { end() }
    }

    /// Sooner than a worker's house-keeping comes to it, as a run is short.
    private func lookForHotKeys() {
        hotLooksLeft -= 1
        hotLookAtMs = world.nowMs + Self.hotLookEveryMs
        engine.judgeHotKeys()
    }

    private static let hotLookEveryMs: UInt64 = 50

    /// All of its connections end at once, as those of a process that is gone.
    func closeAll() {
        hasEnded = true
        for socket in sockets { socket.isClosedByEngine = true }
        for case .adopt(_, let socket) in orders { socket.isClosedByEngine = true }
        sockets.removeAll()
        lookUps.removeAll()
    }

    /// As `contains`, which costs more than all the rest where nothing is optimized.
    private static func has(_ watched: Interest, _ interest: Interest) -> Bool {
        watched.rawValue & interest.rawValue != 0
    }

    private func serve(_ socket: SimulatedSocket) {
        if socket.frozenUntilMs > world.nowMs { return }
        if world.profile.delayOdds > 0, world.dice.happens(world.profile.delayOdds) { return }
        if world.profile.socketFreezeOdds > 0, world.dice.happens(world.profile.socketFreezeOdds) {
            socket.frozenUntilMs = world.nowMs + UInt64(world.dice.below(world.profile.downMsMax))
            world.trace.note("socket, until: freezes", Int(socket.descriptor), Int(socket.frozenUntilMs))
        }
        if let line = socket.line { serve(line, socket) } else { serveClient(socket) }
        if world.profile.hot.coverStallOdds > 0 { perhapsStall(socket) }
    }

    private func perhapsStall(_ socket: SimulatedSocket) {
        guard let line = socket.line, line.pointee.descriptor == socket.descriptor, line.pointee.role == .cover,
            world.dice.happens(world.profile.hot.coverStallOdds)
        else { return }
        if world.dice.below(8) == 0 {
            world.trace.note("descriptor: a cover is lost", Int(socket.descriptor))
            return socket.reset(keepsBytes: world.dice.below(2) == 0)
        }
        socket.frozenUntilMs = world.nowMs + UInt64(world.dice.below(3 * world.profile.hot.leaseMs))
        world.trace.note("socket, until: a cover stalls", Int(socket.descriptor), Int(socket.frozenUntilMs))
    }

    private func serveClient(_ socket: SimulatedSocket) {
        guard let client = socket.client, !client.pointee.flags.contains(.closed) else { return }
        if Self.has(client.pointee.watched, .write), socket.roomToPeer > 0 || socket.end == .reset {
            world.hasMoved = true
            engine.unblocked(client)
        }
        guard !socket.toEngine.isEmpty || socket.end != .none else { return }
        if Self.has(client.pointee.watched, .read) {
            world.hasMoved = true
            receive(client, socket)
        } else if socket.end == .reset || (socket.end == .finished && Self.has(client.pointee.watched, .end)) {
            world.hasMoved = true
            engine.close(client, .byError)
        }
    }

    func receive(_ client: ClientRef, _ socket: SimulatedSocket) {
        let room = engine.room(for: client)
        if !socket.toEngine.isEmpty {
            engine.received(client, count: take(from: socket, room.start, most: room.count))
        } else if socket.end == .reset {
            engine.close(client, .byError)
        } else {
            engine.receivedEnd(client)
        }
    }

    private func serve(_ line: LineRef, _ socket: SimulatedSocket) {
        guard line.pointee.descriptor == socket.descriptor else { return }
        if line.pointee.link.state == .connecting { return finishConnecting(line, socket) }
        let isBroken = socket.end == .reset
        let watched = line.pointee.watched
        let isReadable = (!socket.toEngine.isEmpty || socket.end != .none) && Self.has(watched, .read)
        let isWritable = Self.has(watched, .write) && (socket.roomToPeer > 0 || isBroken)
        if isWritable {
            world.hasMoved = true
            engine.unblocked(line)
        }
        guard isReadable || isBroken, !line.pointee.isReadPaused || isBroken else { return }
        world.hasMoved = true
        receive(line, socket)
    }

    private func receive(_ line: LineRef, _ socket: SimulatedSocket) {
        let room = engine.room(for: line)
        if !socket.toEngine.isEmpty {
            if !engine.received(line, count: take(from: socket, room.start, most: room.count)) {
                world.trace.note("descriptor: its bytes are no replies", Int(socket.descriptor))
                engine.lost(line, failure: Engine.badReplies)
            }
        } else {
            world.trace.note("descriptor: its line is lost", Int(socket.descriptor))
            engine.lost(line, failure: socket.end == .reset ? ECONNRESET : Engine.closedByServer)
        }
    }

    /// One read: as many bytes as the dice let it move.
    private func take(from socket: SimulatedSocket, _ room: UnsafeMutablePointer<UInt8>, most: Int) -> Int {
        let count = moved(min(most, socket.toEngine.count))
        memcpy(room, socket.toEngine.start, count)
        socket.toEngine.dropFirst(count)
        return count
    }

    private func finishConnecting(_ line: LineRef, _ socket: SimulatedSocket) {
        guard world.nowMs >= socket.connectedAtMs else { return }
        world.hasMoved = true
        if socket.connectResult == 0 {
            engine.connected(line)
            engine.markDirty(line)
        } else {
            engine.lost(line, failure: socket.connectResult)
        }
    }

    /// The shards of all pools are counted one after the other.
    private func number(of shard: ShardRef) -> Int {
        (0..<shard.pointee.poolIndex).reduce(shard.pointee.index) { $0 + engine.pools[$1].shardCount }
    }

    // MARK: Mail

    /// What its process and the other workers have to tell, and this one itself; threads do not wait for each other to
    /// post.
    func readMail() {
        if !orders.isEmpty { readOrders() }
        var messages = mailbox.takeAll()
        if messages.count > 1 { messages.swapAt(0, world.dice.below(messages.count)) }
        for message in messages {
            world.hasMoved = true
            switch message {
            case .shardOpened(let poolIndex, let shardIndex): engine.beForewarned(poolIndex, shardIndex)
            case .shardLeft(let poolIndex, let shardIndex): engine.inheritShard(poolIndex, shardIndex)
            case .ringChanged(let poolIndex, let placement, let revision):
                engine.use(placement, poolIndex: poolIndex, revision: revision)
                noteRing()
            default: preconditionFailure("SimulatedKernel: mail that nobody sends: \(message)")
            }
        }
    }

    // MARK: Writing

    private func flush() {
        while engine.dirtyLines != nil || engine.dirtyClients != nil {
            while let line = engine.takeDirtyLine() { flush(line) }
            while let client = engine.takeDirtyClient() { flush(client) }
        }
    }

    private func flush(_ line: LineRef) {
        while case .vectors(let count, let sizeBytes) = engine.batch(for: line, vectors: vectors) {
            world.hasMoved = true
            switch send(socket(line.pointee.descriptor), vectorCount: count, sizeBytes: sizeBytes) {
            case -1: engine.lost(line, failure: EPIPE)
            case let sent: engine.sent(line, sizeBytes: sent, isFull: sent < sizeBytes)
            }
        }
        guard let interest = engine.settle(line) else { return }
        line.pointee.watched = interest
    }

    private func flush(_ client: ClientRef) {
        while !client.pointee.flags.contains(.closed) {
            let batch = engine.batch(for: client, vectors: vectors)
            let wantedBytes: Int
            let sent: Int
            switch batch {
            case .nothing: return settle(client)
            case .scratch(let count):
                vectors[0] = iovec(iov_base: engine.outScratch, iov_len: count)
                wantedBytes = count
                sent = send(socket(client.pointee.descriptor), vectorCount: 1, sizeBytes: count)
            case .vectors(let count, let sizeBytes):
                wantedBytes = sizeBytes
                sent = send(socket(client.pointee.descriptor), vectorCount: count, sizeBytes: sizeBytes)
            }
            world.hasMoved = true
            if sent < 0 {
                engine.close(client, .byError)
            } else {
                engine.sent(client, batch, sizeBytes: sent, isFull: sent < wantedBytes)
            }
        }
        settle(client)
    }

    private func settle(_ client: ClientRef) {
        if let interest = engine.settle(client) {
            client.pointee.watched = interest
        } else if let leaver = engine.takeDeparting() {
            depart(leaver)
        }
    }

    func socket(_ descriptor: Int32) -> SimulatedSocket {
        guard let socket = socketsByDescriptor[Int(descriptor)] else {
            preconditionFailure("SimulatedKernel: descriptor \(descriptor) is not open")
        }
        return socket
    }

    /// - Returns: bytes taken; -1 for a connection that is of no more use.
    private func send(_ socket: SimulatedSocket, vectorCount: Int, sizeBytes: Int) -> Int {
        if socket.isAbandoned { socket.reset(keepsBytes: true) }
        if socket.end == .reset { return -1 }
        let room = socket.roomToPeer
        if room == 0 { return 0 }
        if world.profile.sendRefusedOdds > 0, world.dice.happens(world.profile.sendRefusedOdds) { return 0 }
        let count = moved(min(room, sizeBytes))
        var left = count
        var index = 0
        while left > 0 {
            let piece = min(left, vectors[index].iov_len)
            socket.toPeer.append(vectors[index].iov_base!.assumingMemoryBound(to: UInt8.self), count: piece)
            left -= piece
            index += 1
        }
        return count
    }

    // MARK: Connecting and closing

    private func connectAndClose() {
        for closing in engine.closings { close(closing.descriptor) }
        engine.closings.removeAll(keepingCapacity: true)
        while let line = engine.openings.popLast() {
            world.hasMoved = true
            if line.pointee.link.state == .finding { findAddress(line) }
        }
    }

    private func close(_ descriptor: Int32) {
        world.hasMoved = true
        let closed = socket(descriptor)
        // What was given to another worker is another descriptor there.
        if closed.worker == number {
            closed.isClosedByEngine = true
            world.trace.note("descriptor: closed by the engine", Int(descriptor))
        }
        socketsByDescriptor[Int(descriptor)] = nil
        let index = sockets.firstIndex { $0 === closed }!
        sockets.swapAt(index, sockets.count - 1)
        sockets.removeLast()
        freeDescriptors.append(descriptor)
    }

    private func findAddress(_ line: LineRef) {
        guard world.profile.looksUp else { return connect(line) }
        line.pointee.lookUpCount += 1
        lookUps.append((line, world.nowMs + UInt64(world.dice.below(world.profile.lookUpMsMax))))
    }

    private func finishLookUps() {
        let due = lookUps.filter { $0.atMs <= world.nowMs }
        lookUps.removeAll { $0.atMs <= world.nowMs }
        for (line, _) in due {
            world.hasMoved = true
            line.pointee.lookUpCount -= 1
            guard line.pointee.link.state == .finding else { continue }
            if world.dice.happens(world.profile.lookUpFailsOdds) {
                engine.lost(line, failure: Engine.addressNotFound)
            } else {
                connect(line)
            }
        }
    }

    private func connect(_ line: LineRef) {
        if world.dice.happens(world.profile.connectFailsAtOnceOdds) { return engine.lost(line, failure: ENETUNREACH) }
        let socket = makeSocket()
        socket.line = line
        engine.connecting(line, descriptor: socket.descriptor)
        guard line.pointee.descriptor == socket.descriptor else { return }
        line.pointee.watched = [.read, .write]
        let shard = number(of: line.pointee.shard)
        if world.dice.happens(world.profile.connectHangOdds) {
            socket.connectedAtMs = .max
        } else if world.dice.happens(world.profile.connectRefusedOdds) || !connectToBackend(socket, shard) {
            socket.connectResult = ECONNREFUSED
        }
        let result = socket.connectedAtMs == .max ? -1 : Int(socket.connectResult)
        world.trace.note("shard, descriptor, result: connects", shard, Int(socket.descriptor), result)
    }
}
