// ClientEnd: a client's end of its connection: bytes out as the socket takes them, replies in as they come, and the
// ways in which a client comes and goes.
// Not here: what is asked and what must be answered (SimulatedClient, SimulatedListener).

import Glibc

class ClientEnd {
    let index: Int
    let world: World
    let ledger: Ledger
    private let service: SimulatedService
    private(set) var socket: SimulatedSocket?
    /// Of the ledger.
    private(set) var session = -1
    var pending = ByteQueue()
    private var received = ByteQueue()
    /// Bytes of this connection that its socket took.
    private(set) var sentBytes = 0
    private var sleepsUntilMs: UInt64 = 0
    private(set) var hasEnded = false
    /// Of all clients together.
    private static let connectOdds = 20_000

    init(index: Int, world: World, ledger: Ledger, service: SimulatedService) {
        self.index = index
        self.world = world
        self.ledger = ledger
        self.service = service
    }

    var isConnected: Bool { socket != nil }
    /// That has its connection; -1 while none has.
    var process: Int { service.process(ofWorker: socket?.worker ?? -1) }

    // MARK: For those who ask

    /// New requests may be made.
    func ask() {}

    /// One whole reply.
    func accept(_ reply: UnsafeMutablePointer<UInt8>, count: Int) {}

    /// What stands behind the bytes sent will never leave whole.
    func refuseUnsent() {}

    func hasConnected() {}

    func hasGone() {}

    // MARK: Turns

    func act(mayAsk: Bool) {
        guard let socket else {
            if mayAsk, world.dice.happens(Self.connectOdds) { connect() }
            return
        }
        if socket.frozenUntilMs > world.nowMs, !socket.isClosedByEngine { return }
        if sleepsUntilMs <= world.nowMs || socket.isClosedByEngine { read(socket) }
        if socket.isClosedByEngine { return forget() }
        if mayAsk, !hasEnded, isBusy { ask() }
        send(socket)
        misbehave(socket)
    }

    /// Where keys are to become hot, time must pass, and clients ask less.
    private var isBusy: Bool {
        let odds = world.profile.hot.askOdds
        return odds > 0 ? world.dice.happens(odds) : world.dice.below(3) > 0
    }

    func connect() {
        let kernels = service.acceptingKernels
        guard !kernels.isEmpty else { return }
        let kernel = kernels[kernels.count == 1 ? 0 : world.dice.below(kernels.count)]
        let socket = kernel.acceptClient()
        self.socket = socket
        session = ledger.addSession(socket)
        world.trace.note("client, worker, descriptor: connects", index, kernel.number, Int(socket.descriptor))
        hasConnected()
    }

    private func forget() {
        refuseUnsent()
        socket = nil
        pending.removeAll()
        received.removeAll()
        sentBytes = 0
        hasEnded = false
        hasGone()
    }

    private func send(_ socket: SimulatedSocket) {
        let count = min(socket.roomToEngine, pending.count)
        guard count > 0 else { return }
        world.hasMoved = true
        socket.toEngine.append(pending.start, count: count)
        pending.dropFirst(count)
        sentBytes += count
    }

    private func misbehave(_ socket: SimulatedSocket) {
        let profile = world.profile
        if world.dice.happens(profile.slowReaderOdds) {
            sleepsUntilMs = world.nowMs + UInt64(world.dice.below(profile.slowReaderMsMax))
        }
        if world.dice.happens(profile.clientEndOdds) { end() }
        if world.dice.happens(profile.clientResetOdds) { leave(byReset: true) }
        if profile.clientVanishesInRequestOdds > 0, pending.count > 1 || world.dice.below(8) == 0,
            world.dice.happens(profile.clientVanishesInRequestOdds)
        {
            leave(byReset: world.dice.below(2) == 0)
        }
    }

    /// Sends no more, and reads on.
    private func end() {
        guard let socket, socket.end == .none else { return }
        world.trace.note("client: ends", index)
        refuseUnsent()
        hasEnded = true
        pending.removeAll()
        socket.end = .finished
    }

    /// Is gone, whatever is under way.
    func leave(byReset isReset: Bool) {
        guard let socket else { return }
        world.trace.note("client, by reset: leaves", index, isReset ? 1 : 0)
        if isReset {
            let unreadBytes = socket.toEngine.count
            socket.reset(keepsBytes: world.dice.below(2) == 0)
            sentBytes -= unreadBytes - socket.toEngine.count
        } else {
            if socket.end == .none { socket.end = .finished }
            socket.isAbandoned = true
            // As any kernel does when what has come was not read.
            if !socket.toPeer.isEmpty { socket.reset(keepsBytes: true) }
        }
        forget()
    }

    // MARK: Replies

    private func read(_ socket: SimulatedSocket) {
        if !socket.toPeer.isEmpty {
            world.hasMoved = true
            received.append(socket.toPeer.start, count: socket.toPeer.count)
            socket.toPeer.removeAll()
        }
        while !received.isEmpty {
            let size = Self.replySize(received.start, received.count)
            if size == 0 { return }
            if size < 0 { return ledger.accuse("client \(index): bytes that are no reply") }
            accept(received.start, count: size)
            received.dropFirst(size)
        }
    }

    /// The size of the reply at the front; 0 when it is not all there, -1 when it is none.
    private static func replySize(_ start: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        guard let lineEnd = memchr(start, 10, count) else { return 0 }
        let lineBytes = lineEnd.assumingMemoryBound(to: UInt8.self) - start + 1
        switch start[0] {
        case 0x2B, 0x2D, 0x3A, 0x5F: return lineBytes  // + - : _
        case 0x24:
            let sizeBytes = number(start, lineBytes)
            if sizeBytes < 0 { return lineBytes }
            return lineBytes + sizeBytes + 2 <= count ? lineBytes + sizeBytes + 2 : 0
        case 0x2A, 0x25, 0x3E:  // * % >
            var left = number(start, lineBytes) * (start[0] == 0x25 ? 2 : 1)
            var position = lineBytes
            while left > 0 {
                if position == count { return 0 }
                let size = replySize(start + position, count - position)
                if size <= 0 { return size }
                position += size
                left -= 1
            }
            return position
        default: return -1
        }
    }

    private static func number(_ start: UnsafeMutablePointer<UInt8>, _ lineBytes: Int) -> Int {
        if start[1] == 0x2D { return -1 }
        return max(0, Ledger.readDigits(start + 1, count: lineBytes - 3))
    }
}
