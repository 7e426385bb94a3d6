// EngineRig: a test plays the kernel and the backends of one engine.
// Sockets are arrays of bytes; how many bytes a "system call" moves, and when a backend answers, is the test's to say.
// Not here: real sockets and servers (EndToEndTests).

import Glibc
import Hashing
import Logging
import Platform
import Routing

import Telemetry
import Upstream

@testable import Session

/// A backend that knows some commands of strings; what others need, a test makes up.
final class FakeBackend {
    var store: [String: [UInt8]] = [:]
    /// Requests as they came, for what must be seen on the wire.
    var seen: [[String]] = []
    var isFrozen = false
    var isRefusing = false
    var speaksRESP3 = true
    var runID = "1"
    private var clientCount = 0
    /// Between MULTI and EXEC.
    private var queued: [[[UInt8]]]?
    /// Answers instead of the real reply.
    var lie: (([String]) -> [UInt8]?)?

    func reply(to request: [[UInt8]]) -> [UInt8] {
        let words = request.map { String(decoding: $0, as: UTF8.self) }
        seen.append(words)
        return lie?(words) ?? inTransaction(request, words) ?? answer(request, words)
    }

    /// One transaction at a time will do: those of shared connections come in one piece.
    private func inTransaction(_ request: [[UInt8]], _ words: [String]) -> [UInt8]? {
        guard let commands = queued else { return nil }
        guard words[0].uppercased() == "EXEC" else {
            queued = commands + [request]
            return Array("+QUEUED\r\n".utf8)
        }
        queued = nil
        return Array("*\(commands.count)\r\n".utf8)
            + commands.flatMap { answer($0, $0.map { String(decoding: $0, as: UTF8.self) }) }
    }

    private func answer(_ request: [[UInt8]], _ words: [String]) -> [UInt8] {
        switch words[0].uppercased() {
        case "GET": return Self.bulk(store[words[1]])
        case "SET":
            store[words[1]] = request[2]
            return Array("+OK\r\n".utf8)
        case "DUMP": return Self.bulk(store[words[1]].map { [0] + $0 })
        case "RESTORE":
            if store[words[1]] != nil { return Array("-BUSYKEY Target key name already exists.\r\n".utf8) }
            store[words[1]] = Array(request[3].dropFirst())
            return Array("+OK\r\n".utf8)
        case "PTTL": return Array((store[words[1]] == nil ? ":-2\r\n" : ":-1\r\n").utf8)
        case "DEL", "UNLINK", "EXISTS":
            var count = 0
            for key in words.dropFirst() where store[key] != nil {
                count += 1
                if words[0].uppercased() != "EXISTS" { store[key] = nil }
            }
            return Array(":\(count)\r\n".utf8)
        case "MGET": return Array("*\(words.count - 1)\r\n".utf8) + words.dropFirst().flatMap { Self.bulk(store[$0]) }
        case "MSET":
            for index in stride(from: 1, to: words.count, by: 2) { store[words[index]] = request[index + 1] }
            return Array("+OK\r\n".utf8)
        case "DBSIZE": return Array(":\(store.count)\r\n".utf8)
        case "KEYS":
            return Array("*\(store.count)\r\n".utf8) + store.keys.sorted().flatMap { Self.bulk(Array($0.utf8)) }
        case "CLIENT" where words[1] == "ID":
            clientCount += 1
            return Array(":\(clientCount)\r\n".utf8)
        case "HELLO":
            return Array((speaksRESP3 ? "*0\r\n" : "-ERR unknown command 'HELLO'\r\n").utf8)
        case "INFO": return Self.bulk(Array("# Server\r\nrun_id:\(runID)\r\n".utf8))
        case "MULTI":
            queued = []
            return Array("+OK\r\n".utf8)
        case "CLIENT", "AUTH", "SELECT", "WATCH", "UNWATCH": return Array("+OK\r\n".utf8)
        case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE":
            return words.dropFirst().flatMap { name in
                Array("*3\r\n".utf8) + Self.bulk(Array(words[0].lowercased().utf8)) + Self.bulk(Array(name.utf8))
                    + Array(":1\r\n".utf8)
            }
        case "SCAN":
            let start = Int(words[1])!
            let keys = store.keys.sorted()
            let page = keys[min(start, keys.count)..<min(start + 2, keys.count)]
            let next = start + 2 < keys.count ? start + 2 : 0
            return Array("*2\r\n".utf8) + Self.bulk(Array("\(next)".utf8)) + Array("*\(page.count)\r\n".utf8)
                + page.flatMap { Self.bulk(Array($0.utf8)) }
        case "SMEMBERS":
            let members = store[words[1]].map { String(decoding: $0, as: UTF8.self).split(separator: " ") } ?? []
            return Array("*\(members.count)\r\n".utf8) + members.flatMap { Self.bulk(Array($0.utf8)) }
        case "PING": return Array("+PONG\r\n".utf8)
        default: return Array("-ERR unknown command\r\n".utf8)
        }
    }

    static func bulk(_ value: [UInt8]?) -> [UInt8] {
        guard let value else { return Array("$-1\r\n".utf8) }
        return Array("$\(value.count)\r\n".utf8) + value + [13, 10]
    }

}

/// One connection of the engine to a backend, seen from the backend.
final class FakeConnection {
    let backend: FakeBackend
    let line: LineRef
    /// Requests that are not answered yet, and replies on their way.
    var input: [UInt8] = []
    var output: [UInt8] = []
    var isStalled = false

    init(backend: FakeBackend, line: LineRef) {
        self.backend = backend
        self.line = line
    }

    func receive(_ bytes: [UInt8]) {
        input += bytes
        if !backend.isFrozen, !isStalled { work() }
    }

    func work() {
        var used = 0
        while let (request, end) = parse(from: used) {
            used = end
            output += backend.reply(to: request)
        }
        input.removeFirst(used)
    }

    /// A plain parser of its own, so that the engine's is not checked against itself.
    private func parse(from start: Int) -> (request: [[UInt8]], end: Int)? {
        var position = start
        func line() -> String? {
            guard let end = input[position...].firstIndex(of: 13), end + 1 < input.count else { return nil }
            defer { position = end + 2 }
            return String(decoding: input[position..<end], as: UTF8.self)
        }
        guard let header = line(), let count = Int(header.dropFirst()) else { return nil }
        var request: [[UInt8]] = []
        for _ in 0..<count {
            guard let sizeLine = line(), let size = Int(sizeLine.dropFirst()), position + size + 2 <= input.count else {
                return nil
            }
            request.append(Array(input[position..<(position + size)]))
            position += size + 2
        }
        return (request, position)
    }
}

/// One client of the rig: what it sent and was not taken yet, and what it got.
final class FakeClient {
    let ref: ClientRef
    let descriptor: Int32
    var pending: [UInt8] = []
    var got: [UInt8] = []
    /// Bytes that its socket takes before it is full; nil for no limit.
    var windowBytes: Int?
    var isOpen = true

    init(ref: ClientRef, descriptor: Int32) {
        self.ref = ref
        self.descriptor = descriptor
    }

    var text: String { String(decoding: got, as: UTF8.self) }
}

final class EngineRig {
    var engine: Engine
    let backends: [FakeBackend]
    var clients: [FakeClient] = []
    /// Who went to another process.
    private(set) var departed: [ClientRecord] = []
    let counters: Counters
    let mailbox: Mailbox
    /// By the line's descriptor.
    private(set) var connections: [Int32: FakeConnection] = [:]
    private var nextDescriptor: Int32 = 100
    private let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: Engine.vectorCountMax)
    /// Bytes that one send or receive moves at most, drawn anew each time.
    var moveBytesMax: () -> Int = { 1 << 20 }
    var nowMs: UInt64 = 10_000

    init(
        shardCount: Int = 3, spareCount: Int = 0, distribution: Distribution = .modula,
        options change: (inout ProxyOptions) -> Void = { _ in },
        pool changePool: (inout PoolOptions) -> Void = { _ in }, log: Logger = EngineRig.silence
    ) throws {
        var options = ProxyOptions()
        change(&options)
        var pools = [Self.pool("main", shards: 0..<shardCount, distribution)]
        changePool(&pools[0])
        if spareCount > 0 { pools.append(Self.pool("spare", shards: shardCount..<shardCount + spareCount, .modula)) }
        backends = (0..<shardCount + spareCount).map { _ in FakeBackend() }
        counters = Counters(
            layout: TelemetryLayout(
                workerCount: 1, pools: pools.map { .init(name: $0.name, servers: $0.shards.map(\.name)) },
                commands: CommandTable().wireNames))
        let shared = SharedState(
            clientsMax: options.clientsMax, hotKeys: HotKeyBoard(seed: 1, processNumber: 2))
        mailbox = try Mailbox()
        shared.mailboxes = [mailbox]
        engine = Engine(
            options: options, pools: pools, workerIndex: 0, counters: counters, shared: shared,
            commandTable: CommandTable(), nowMs: nowMs, log: log)
    }

    static let silence: Logger = {
        var log = Logger(label: "test")
        log.logLevel = .critical
        return log
    }()

    private static func pool(_ name: String, shards: Range<Int>, _ distribution: Distribution) -> PoolOptions {
        let servers = shards.map { RingServer(name: "s\($0)", weight: 1) }
        return PoolOptions(
            name: name,
            placement: Placement(
                distribution: distribution, hash: .crc16, charSign: .signed, hashTag: .braces, servers: servers),
            shards: zip(shards, servers).map { index, server in
                ShardName(pool: name, name: server.name, endpoint: .unix(path: "/nowhere/\(index)"))
            })
    }

    deinit { vectors.deallocate() }

    func shardIndex(of key: String) -> Int {
        let bytes = Array(key.utf8)
        return engine.pools[0].options.placement.view.serverIndex(key: bytes, count: bytes.count, random: 0)
    }

    /// A key with this prefix on that shard.
    func key(on shard: Int, _ prefix: String = "k") -> String {
        (0...).lazy.map { "\(prefix)\($0)" }.first { self.shardIndex(of: $0) == shard }!
    }

    // MARK: Clients

    func connect() -> FakeClient {
        _ = engine.shared.clientOpened()
        nextDescriptor += 1
        let ref = engine.addClient(descriptor: nextDescriptor, poolIndex: 0, isAdmitted: true)
        let client = FakeClient(ref: ref, descriptor: nextDescriptor)
        clients.append(client)
        return client
    }

    /// A client that another process has had; nil when there is no place for it.
    func adopt(_ record: ClientRecord) -> FakeClient? {
        _ = engine.shared.clientOpened()
        nextDescriptor += 1
        guard let ref = engine.adopt(record, descriptor: nextDescriptor) else { return nil }
        let client = FakeClient(ref: ref, descriptor: nextDescriptor)
        clients.append(client)
        settle()
        return client
    }

    func request(_ words: [[UInt8]]) -> [UInt8] {
        Array("*\(words.count)\r\n".utf8) + words.flatMap { FakeBackend.bulk($0) }
    }

    func request(_ words: String...) -> [UInt8] { request(words.map { Array($0.utf8) }) }

    /// Sends and lets everything settle.
    func send(_ client: FakeClient, _ bytes: [UInt8]) {
        client.pending += bytes
        settle()
    }

    func ask(_ client: FakeClient, _ words: String...) -> String { ask(client, words) }

    func ask(_ client: FakeClient, _ words: [String]) -> String {
        client.got = []
        send(client, request(words.map { Array($0.utf8) }))
        return client.text
    }

    // MARK: The kernel

    /// Ticks until nothing moves any more.
    func settle() { while tick() {} }

    func advance(ms: UInt64) {
        nowMs += ms
        engine.setTime(us: nowMs * 1_000)
        engine.runTimers()
        settle()
    }

    /// - Returns: whether anything moved.
    func tick() -> Bool {
        var hasMoved = !engine.heldClients.isEmpty
        engine.setTime(us: nowMs * 1_000)
        for client in clients where client.isOpen && !client.pending.isEmpty && wantsBytes(client) {
            hasMoved = true
            let room = engine.room(for: client.ref)
            let count = min(client.pending.count, room.count, max(1, moveBytesMax()))
            for index in 0..<count { room.start[index] = client.pending[index] }
            client.pending.removeFirst(count)
            engine.received(client.ref, count: count)
        }
        for (descriptor, connection) in connections.sorted(by: { $0.key < $1.key })
        where connections[descriptor] != nil {
            if receive(connection) { hasMoved = true }
        }
        for message in mailbox.takeAll() {
            hasMoved = true
            switch message {
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
            case .order(let order): engine.carryOut(order)
            case .resolved, .hostFound, .handOver, .adopt, .drain: break
            }
        }
        engine.runTimers()
        while let client = engine.takeResuming() {
            hasMoved = true
            engine.resume(client)
        }
        if flush() { hasMoved = true }
        return hasMoved
    }

    private func wantsBytes(_ client: FakeClient) -> Bool {
        if let transfer = client.ref.pointee.transfer { return engine.transferWantsBytes(transfer) }
        return client.ref.pointee.gate.isEmpty
    }

    private func receive(_ connection: FakeConnection) -> Bool {
        let line = connection.line
        guard !connection.output.isEmpty, !line.pointee.isReadPaused, line.pointee.descriptor >= 0 else { return false }
        let room = engine.room(for: line)
        let count = min(connection.output.count, room.count, max(1, moveBytesMax()))
        for index in 0..<count { room.start[index] = connection.output[index] }
        connection.output.removeFirst(count)
        if !engine.received(line, count: count) { engine.lost(line, failure: Engine.badReplies) }
        return true
    }

    private func flush() -> Bool {
        var hasMoved = false
        repeat {
            while let line = engine.takeDirtyLine() {
                if write(line) { hasMoved = true }
                _ = engine.settle(line)
            }
            while let client = engine.takeDirtyClient() { if write(client) { hasMoved = true } }
        } while engine.dirtyLines != nil || engine.dirtyClients != nil
        for descriptor in engine.closings.map(\.descriptor) {
            hasMoved = true
            connections[descriptor] = nil
            clients.first { $0.descriptor == descriptor }?.isOpen = false
        }
        engine.closings.removeAll()
        while let line = engine.openings.popLast() {
            hasMoved = true
            if line.pointee.link.state == .finding { open(line) }
        }
        engine.bury()
        return hasMoved
    }

    private func open(_ line: LineRef) {
        let backend = backends[number(of: line)]
        if backend.isRefusing { return engine.lost(line, failure: ECONNREFUSED) }
        nextDescriptor += 1
        engine.connecting(line, descriptor: nextDescriptor)
        connections[nextDescriptor] = FakeConnection(backend: backend, line: line)
        engine.connected(line)
        engine.markDirty(line)
    }

    private func write(_ line: LineRef) -> Bool {
        var hasMoved = false
        while case .vectors(let count, let sizeBytes) = engine.batch(for: line, vectors: vectors) {
            hasMoved = true
            let moved = min(sizeBytes, max(1, moveBytesMax()))
            let bytes = take(moved, vectors: count)
            connections[line.pointee.descriptor]!.receive(bytes)
            engine.sent(line, sizeBytes: moved, isFull: moved < sizeBytes)
            // The kernel takes more at the next tick.
            if moved < sizeBytes {
                engine.unblocked(line)
                break
            }
        }
        return hasMoved
    }

    /// A dictionary's own order is another one in each process.
    private var connectionsInOrder: [FakeConnection] {
        connections.sorted { $0.key < $1.key }.map(\.value)
    }

    private func connections(of shard: Int) -> [FakeConnection] {
        connectionsInOrder.filter { number(of: $0.line) == shard }
    }

    /// The shards of the spare pool are counted behind the others.
    private func number(of line: LineRef) -> Int {
        let shard = line.pointee.shard
        return shard.pointee.index + (shard.pointee.poolIndex == 0 ? 0 : engine.pools[0].shardCount)
    }

    /// The engine gets all that the client sent, and nothing else happens yet.
    func receiveAll(_ client: FakeClient) {
        let room = engine.room(for: client.ref)
        precondition(client.pending.count <= room.count)
        for (index, byte) in client.pending.enumerated() { room.start[index] = byte }
        let count = client.pending.count
        client.pending = []
        engine.received(client.ref, count: count)
    }

    /// The shard's shared connection takes so many bytes and no more.
    func writeOnce(shard: Int, bytes: Int) {
        let line = engine.pools[0].shards[shard].lines[0]
        guard case .vectors(let count, let sizeBytes) = engine.batch(for: line, vectors: vectors) else { return }
        let moved = min(bytes, sizeBytes)
        connections[line.pointee.descriptor]!.receive(take(moved, vectors: count))
        engine.sent(line, sizeBytes: moved, isFull: true)
    }

    /// A frozen backend goes on, with all that has come in the meantime.
    func thaw(_ shard: Int) {
        backends[shard].isFrozen = false
        for connection in connections(of: shard) { connection.work() }
        settle()
    }

    /// The shard's connections break.
    func lose(_ shard: Int) {
        for connection in connections(of: shard) { engine.lost(connection.line, failure: ECONNRESET) }
        settle()
    }

    /// One connection breaks.
    func lose(_ line: LineRef) {
        engine.lost(line, failure: ECONNRESET)
        settle()
    }

    /// The server has what comes on this connection, and does not get to it.
    func stall(_ line: LineRef) { connections[line.pointee.descriptor]!.isStalled = true }

    func unstall() {
        for connection in connectionsInOrder where connection.isStalled {
            connection.isStalled = false
            connection.work()
        }
    }

    /// The backend says this on one connection.
    func reply(_ line: LineRef, _ text: String) {
        connections[line.pointee.descriptor]!.output += Array(text.utf8)
        settle()
    }

    /// The client goes away, with what it had still to say: nobody reads a connection that has ended.
    func disconnect(_ client: FakeClient) {
        client.pending = []
        engine.close(client.ref, .byClient)
        settle()
    }

    private func write(_ client: ClientRef) -> Bool {
        var hasMoved = false
        let fake = clients.first { $0.ref == client && $0.isOpen }
        while !client.pointee.flags.contains(.closed) {
            let batch = engine.batch(for: client, vectors: vectors)
            let wanted: Int
            switch batch {
            case .nothing:
                settle(client)
                return hasMoved
            case .scratch(let count): wanted = count
            case .vectors(_, let sizeBytes): wanted = sizeBytes
            }
            var moved = min(wanted, max(1, moveBytesMax()))
            if let window = fake?.windowBytes {
                moved = min(moved, window)
                fake?.windowBytes = window - moved
            }
            hasMoved = hasMoved || moved > 0
            switch batch {
            case .nothing: break
            case .scratch:
                fake?.got += Array(UnsafeBufferPointer(start: engine.outScratch, count: moved))
            case .vectors(let count, _): fake?.got += take(moved, vectors: count)
            }
            engine.sent(client, batch, sizeBytes: moved, isFull: moved < wanted)
            // The kernel takes more at once, unless the client has closed its window.
            if moved < wanted, fake?.windowBytes == nil {
                engine.unblocked(client)
                settle(client)
                return hasMoved
            }
        }
        settle(client)
        return hasMoved
    }

    private func settle(_ client: ClientRef) {
        _ = engine.settle(client)
        guard let leaver = engine.takeDeparting() else { return }
        departed.append(engine.record(of: leaver))
        engine.close(leaver, .byProxy)
    }

    /// The client reads again.
    func openWindow(_ client: FakeClient, bytes: Int? = nil) {
        client.windowBytes = bytes
        engine.unblocked(client.ref)
        settle()
    }

    private func take(_ count: Int, vectors vectorCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<vectorCount where bytes.count < count {
            let piece = UnsafeRawBufferPointer(start: vectors[index].iov_base, count: vectors[index].iov_len)
            bytes += piece.prefix(count - bytes.count)
        }
        return bytes
    }
}
