// SimulatedClient: one client that sends random pipelines, reads replies when it likes, and comes and goes.
// Exactly one reply for each request, in order, or the connection ends: a reply that nobody asked for, or bytes that
// are none, are held against Keyway.
// Not here: whether a reply is right (Judge).

import Glibc

final class SimulatedClient {
    private struct Awaited {
        let request: Int
        /// In the bytes of the connection.
        let endBytes: Int
    }

    let index: Int
    private let kernel: SimulatedKernel
    private let ledger: Ledger
    private let judge: Judge
    private let shards: [Int]
    private var socket: SimulatedSocket?
    private var session = 0
    private var pending = ByteQueue()
    private var received = ByteQueue()
    private var awaited: [Awaited] = []
    private var awaitedFront = 0
    /// Bytes of this connection that were made, and that its socket took.
    private var madeBytes = 0
    private var sentBytes = 0
    private var sleepsUntilMs: UInt64 = 0
    private(set) var hasEnded = false
    /// Of all clients together.
    static let connectOdds = 20_000

    init(index: Int, kernel: SimulatedKernel, judge: Judge, shards: [Int]) {
        self.index = index
        self.kernel = kernel
        self.judge = judge
        ledger = judge.ledger
        self.shards = shards
    }

    var awaitedCount: Int { awaited.count - awaitedFront }
    var isConnected: Bool { socket != nil }

    // MARK: Turns

    /// - Parameter mayAsk: new requests may be made.
    func act(mayAsk: Bool) {
        let profile = kernel.profile
        guard let socket else {
            if mayAsk, kernel.dice.happens(Self.connectOdds) { connect() }
            return
        }
        if socket.frozenUntilMs > kernel.nowMs, !socket.isClosedByEngine { return }
        if sleepsUntilMs <= kernel.nowMs || socket.isClosedByEngine { read(socket) }
        if socket.isClosedByEngine { return forget() }
        if mayAsk, !hasEnded, awaitedCount < profile.pipelineMax, kernel.dice.below(3) > 0 {
            ask(count: kernel.dice.between(1, profile.pipelineMax - awaitedCount))
        }
        send(socket)
        misbehave(socket)
    }

    func connect() {
        session += 1
        socket = kernel.acceptClient()
        kernel.trace.note("client, descriptor: connects", index, Int(socket!.descriptor))
    }

    private func forget() {
        kernel.trace.note("client, replies missing: was closed", index, awaitedCount)
        refuseUnsent()
        socket = nil
        pending.removeAll()
        received.removeAll()
        awaited.removeAll(keepingCapacity: true)
        awaitedFront = 0
        madeBytes = 0
        sentBytes = 0
        hasEnded = false
    }

    /// What never left this client whole can be executed nowhere.
    private func refuseUnsent() {
        for index in awaitedFront..<awaited.count where awaited[index].endBytes > sentBytes {
            let request = awaited[index].request
            ledger.noteRefusal(of: request)
            if ledger.requests[request].kind == .exec { judge.noteRefusalOfTransaction(request) }
        }
    }

    private func send(_ socket: SimulatedSocket) {
        let count = min(socket.roomToEngine, pending.count)
        guard count > 0 else { return }
        kernel.hasMoved = true
        socket.toEngine.append(pending.start, count: count)
        pending.dropFirst(count)
        sentBytes += count
    }

    private func misbehave(_ socket: SimulatedSocket) {
        let profile = kernel.profile
        if kernel.dice.happens(profile.slowReaderOdds) {
            sleepsUntilMs = kernel.nowMs + UInt64(kernel.dice.below(profile.slowReaderMsMax))
        }
        if kernel.dice.happens(profile.clientEndOdds) { end() }
        if kernel.dice.happens(profile.clientResetOdds) { leave(byReset: true) }
        if profile.clientVanishesInRequestOdds > 0, madeBytes > sentBytes + 1 || kernel.dice.below(8) == 0,
            kernel.dice.happens(profile.clientVanishesInRequestOdds)
        {
            leave(byReset: kernel.dice.below(2) == 0)
        }
    }

    /// Sends no more, and reads on.
    private func end() {
        guard let socket, socket.end == .none else { return }
        kernel.trace.note("client: ends", index)
        refuseUnsent()
        awaited.removeAll { $0.endBytes > sentBytes }
        hasEnded = true
        pending.removeAll()
        socket.end = .finished
    }

    /// Is gone, whatever is under way.
    func leave(byReset isReset: Bool) {
        guard let socket else { return }
        kernel.trace.note("client, by reset: leaves", index, isReset ? 1 : 0)
        if isReset {
            let unreadBytes = socket.toEngine.count
            socket.reset(keepsBytes: kernel.dice.below(2) == 0)
            sentBytes -= unreadBytes - socket.toEngine.count
        } else {
            if socket.end == .none { socket.end = .finished }
            socket.isAbandoned = true
        }
        forget()
    }

    // MARK: Replies

    private func read(_ socket: SimulatedSocket) {
        if !socket.toPeer.isEmpty {
            kernel.hasMoved = true
            received.append(socket.toPeer.start, count: socket.toPeer.count)
            socket.toPeer.removeAll()
        }
        while !received.isEmpty {
            let size = Self.replySize(received.start, received.count)
            if size == 0 { return }
            if size < 0 { return ledger.accuse("client \(index): bytes that are no reply") }
            guard awaitedCount > 0 else { return ledger.accuse("client \(index): a reply that it did not ask for") }
            judge.check(awaited[awaitedFront].request, received.start, count: size)
            awaitedFront += 1
            received.dropFirst(size)
            if awaitedFront == awaited.count {
                awaited.removeAll(keepingCapacity: true)
                awaitedFront = 0
            }
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

    // MARK: Requests

    func ask(count: Int) {
        for _ in 0..<count {
            let profile = kernel.profile
            guard ledger.requestCount < profile.requestCount else { return }
            kernel.hasMoved = true
            if kernel.dice.happens(profile.transactionOdds) {
                askTransaction()
            } else if kernel.dice.happens(profile.helloOdds) {
                askHello()
            } else {
                askOne(transaction: -1, shard: -1)
            }
        }
    }

    static let formCount = 11

    /// One request of each form, all small.
    func ask(form: Int) {
        let kinds: [RequestKind] = [.set, .get, .increment, .append, .delete, .exists, .setMany, .getMany]
        switch form {
        case 0: askHello()
        case 1...kinds.count:
            let kind = kinds[form - 1]
            let parts = kind == .getMany || kind == .setMany ? 4 : 1
            askOne(kind, parts: parts, transaction: -1, shard: -1)
        case 9: askOne(.ping, parts: 0, transaction: -1, shard: -1)
        default: askTransaction()
        }
    }

    private func askTransaction() {
        let multi = add(.multi, parts: 0, transaction: -1)
        pending.append("*1\r\n$5\r\nMULTI\r\n")
        note(multi)
        // Some have keys on several shards and are refused.
        let mixes = !judge.expectsSuccess && kernel.dice.below(8) == 0
        let shard = mixes ? -1 : shards[kernel.dice.below(shards.count)]
        if judge.expectsSuccess {
            for kind in [RequestKind.increment, .get] { askOne(kind, parts: 1, transaction: multi, shard: shard) }
        } else {
            for _ in 0..<kernel.dice.between(1, 4) { askOne(transaction: multi, shard: shard) }
        }
        let isDiscarded = kernel.dice.below(16) == 0
        let end = add(isDiscarded ? .discard : .exec, parts: 0, transaction: multi)
        pending.append(isDiscarded ? "*1\r\n$7\r\nDISCARD\r\n" : "*1\r\n$4\r\nEXEC\r\n")
        note(end)
    }

    private func askHello() {
        let request = add(.hello, parts: 0, transaction: -1)
        pending.append("*2\r\n$5\r\nHELLO\r\n$1\r\n")
        pending.append(kernel.dice.below(2) == 0 ? "2\r\n" : "3\r\n")
        note(request)
    }

    private func askOne(transaction: Int, shard: Int) {
        if kernel.dice.happens(kernel.profile.severalKeysOdds) {
            let kinds: [RequestKind] = [.getMany, .setMany, .delete, .exists]
            let count = kernel.dice.between(1, Ledger.partsPerRequestMax)
            return askOne(kernel.dice.oneOf(kinds), parts: count, transaction: transaction, shard: shard)
        }
        let kind: RequestKind
        switch kernel.dice.below(16) {
        case 0: kind = transaction < 0 ? .ping : .get
        case 1: kind = .delete
        case 2: kind = .exists
        case 3, 4: kind = .append
        case 5, 6, 7: kind = .increment
        case 8, 9, 10: kind = .set
        default: kind = .get
        }
        askOne(kind, parts: kind == .ping ? 0 : 1, transaction: transaction, shard: shard)
    }

    private func add(_ kind: RequestKind, parts: Int, transaction: Int) -> Int {
        ledger.addRequest(kind, client: index, session: session, partCount: parts, transaction: transaction)
    }

    private func note(_ request: Int) {
        madeBytes = sentBytes + pending.count
        awaited.append(Awaited(request: request, endBytes: madeBytes))
    }

    /// - Parameter shard: of its keys; -1 for any.
    private func askOne(_ kind: RequestKind, parts: Int, transaction: Int, shard: Int) {
        let request = add(kind, parts: parts, transaction: transaction)
        switch kind {
        case .ping:
            pending.append("*2\r\n$4\r\nPING\r\n$8\r\n")
            Ledger.writeDigits(request, count: 8, to: pending.grow(by: 8))
            pending.append("\r\n")
        case .get: pending.append("*2\r\n$3\r\nGET\r\n")
        case .set: pending.append("*3\r\n$3\r\nSET\r\n")
        case .increment: pending.append("*2\r\n$4\r\nINCR\r\n")
        case .append: pending.append("*3\r\n$6\r\nAPPEND\r\n")
        case .delete: appendName("DEL", arguments: parts)
        case .exists: appendName("EXISTS", arguments: parts)
        case .getMany: appendName("MGET", arguments: parts)
        case .setMany: appendName("MSET", arguments: parts * 2)
        case .hello, .multi, .exec, .discard: preconditionFailure("SimulatedClient: \(kind) has no keys")
        }
        for _ in 0..<parts { appendKey(hasValue: kind == .set || kind == .append || kind == .setMany, shard: shard) }
        note(request)
    }

    private func appendName(_ name: StaticString, arguments: Int) {
        pending.append("*", arguments + 1)
        pending.appendBulk(name)
    }

    private func appendKey(hasValue: Bool, shard: Int) {
        var key = kernel.dice.below(shards.count)
        while shard >= 0, shards[key] != shard { key = (key + 1) % shards.count }
        let sizeBytes = hasValue ? drawSizeBytes() : 0
        let part = ledger.addPart(key: key, writtenBytes: sizeBytes)
        pending.append("$", Ledger.keySizeBytes)
        Ledger.writeKey(key, part: part, to: pending.grow(by: Ledger.keySizeBytes))
        pending.append("\r\n")
        guard hasValue else { return }
        pending.append("$", sizeBytes)
        pending.append(Ledger.value(of: part), count: sizeBytes)
        pending.append("\r\n")
    }

    private func drawSizeBytes() -> Int {
        let isLong = !judge.expectsSuccess && kernel.dice.happens(kernel.profile.longValueOdds)
        return kernel.dice.below(isLong ? kernel.profile.valueSizeBytesMax : 64)
    }
}
