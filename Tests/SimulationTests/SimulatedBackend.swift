// SimulatedBackend: a model of one Valkey server with the commands that clients of the simulation send. It executes
// each connection's commands in their order, freezes, dies and comes back empty, refuses, and lies where the run's
// profile says so. Of a value it keeps who wrote it and how long it is; bytes are made when they are read.
// Not here: the socket's own faults (SimulatedKernel), what a client thinks of the reply (Judge).

import Glibc

final class SimulatedBackend {
    /// What one key holds: a value, a counter, or nothing.
    private struct Entry {
        var writer = -1
        var sizeBytes = 0
        var counter = 0
        var exists: Bool { writer >= 0 || counter > 0 }
    }

    /// One connection, from the server's side.
    final class Connection {
        let socket: SimulatedSocket
        var speaksRESP3 = false
        var isInTransaction = false
        var isTransactionRefused = false
        var queued: [(kind: RequestKind, parts: [Int])] = []

        init(socket: SimulatedSocket) { self.socket = socket }
    }

    let index: Int
    private let ledger: Ledger
    private let kernel: SimulatedKernel
    private let keyCount: Int
    private let entries: UnsafeMutablePointer<Entry>
    private var connections: [Connection] = []
    /// By key and client: the last part executed, for the order of one client's commands.
    private let lastParts: UnsafeMutablePointer<Int>
    private let clientCount: Int
    private(set) var hasLied = false
    var frozenUntilMs: UInt64 = 0
    var downUntilMs: UInt64 = 0
    private let argumentCountMax = 32
    private let arguments = UnsafeMutablePointer<UnsafeBufferPointer<UInt8>>.allocate(capacity: 32)
    private var argumentCount = 0
    private var parts: [Int] = []
    private var connectionCount = 0

    init(index: Int, ledger: Ledger, kernel: SimulatedKernel) {
        self.index = index
        self.ledger = ledger
        self.kernel = kernel
        keyCount = kernel.profile.keyCount
        clientCount = kernel.profile.clientCount
        entries = .allocate(capacity: keyCount)
        entries.initialize(repeating: Entry(), count: keyCount)
        lastParts = .allocate(capacity: keyCount * clientCount)
        lastParts.initialize(repeating: -1, count: keyCount * clientCount)
        parts.reserveCapacity(Ledger.partsPerRequestMax)
    }

    deinit {
        entries.deallocate()
        lastParts.deallocate()
        arguments.deallocate()
    }

    // MARK: Connections and faults

    func accept(_ socket: SimulatedSocket) -> Bool {
        guard kernel.nowMs >= downUntilMs else { return false }
        connections.append(Connection(socket: socket))
        return true
    }

    /// Everything is lost, and nobody can connect for a while.
    func die(untilMs: UInt64) {
        kernel.trace.note("shard, until: dies", index, Int(untilMs))
        downUntilMs = untilMs
        frozenUntilMs = 0
        for connection in connections {
            connection.socket.reset(keepsBytes: kernel.dice.below(2) == 0)
            leave(connection)
        }
        connections.removeAll()
        empty()
    }

    func empty() { entries.update(repeating: Entry(), count: keyCount) }

    /// One connection ends, in order or not.
    func dropConnection() {
        guard !connections.isEmpty else { return }
        let connection = connections.remove(at: kernel.dice.below(connections.count))
        if kernel.dice.below(2) == 0 {
            connection.socket.reset(keepsBytes: kernel.dice.below(2) == 0)
        } else {
            if connection.socket.end == .none { connection.socket.end = .finished }
            connection.socket.isAbandoned = true
        }
        leave(connection)
        kernel.trace.note("shard, descriptor: connection dropped", index, Int(connection.socket.descriptor))
    }

    /// What has come and will not be executed was seen all the same, if it was whole.
    private func leave(_ connection: Connection) {
        let socket = connection.socket
        while true {
            let size = parse(socket.toPeer.start, count: socket.toPeer.count)
            if size == 0 { break }
            if let kind = commandKind() { readParts(kind, connection) }
            socket.toPeer.dropFirst(size)
        }
        socket.toPeer.removeAll()
    }

    // MARK: Work

    func work() {
        let nowMs = kernel.nowMs
        guard nowMs >= frozenUntilMs, nowMs >= downUntilMs, !connections.isEmpty else { return }
        let first = kernel.dice.below(connections.count)
        var hasEnded = false
        for index in 0..<connections.count {
            let connection = connections[(first + index) % connections.count]
            let socket = connection.socket
            if socket.frozenUntilMs > nowMs { continue }
            if !socket.toPeer.isEmpty { serve(connection) }
            if socket.isClosedByEngine { hasEnded = true }
        }
        guard hasEnded else { return }
        for connection in connections where connection.socket.isClosedByEngine { leave(connection) }
        connections.removeAll { $0.socket.isClosedByEngine }
    }

    private func serve(_ connection: Connection) {
        let socket = connection.socket
        var used = 0
        // A busy server comes to a few commands, and to the rest later.
        var left = kernel.dice.below(4) == 0 ? kernel.dice.below(8) : 1_000
        while left > 0, socket.end == .none, socket.toEngine.count < 1 << 20 {
            let size = parse(socket.toPeer.start + used, count: socket.toPeer.count - used)
            if size == 0 { break }
            used += size
            left -= 1
            kernel.hasMoved = true
            answer(connection)
        }
        socket.toPeer.dropFirst(used)
    }

    /// A plain parser of its own, so that the engine's is not checked against itself.
    ///
    /// - Returns: the size of the command at the front; 0 when it is not all there.
    private func parse(_ start: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
        var position = 0
        let announced = number(start, count, &position, type: 0x2A)
        if announced < 0 { return 0 }
        if announced > argumentCountMax { ledger.accuse("shard \(index): a command of \(announced) arguments") }
        argumentCount = 0
        while argumentCount < announced {
            let size = number(start, count, &position, type: 0x24)
            if size < 0 || position + size + 2 > count { return 0 }
            arguments[argumentCount] = UnsafeBufferPointer(start: start + position, count: size)
            argumentCount += 1
            position += size + 2
            if start[position - 2] != 13 || start[position - 1] != 10 {
                ledger.accuse("shard \(index): an argument without its CR LF")
            }
        }
        return position
    }

    /// -1: not all there.
    private func number(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ position: inout Int, type: UInt8) -> Int {
        guard position < count else { return -1 }
        if start[position] != type {
            ledger.accuse("shard \(index): byte \(start[position]) where \(type) should stand")
            return -1
        }
        var value = 0
        var index = position &+ 1
        while index < count {
            let digit = start[index] &- 48
            if digit > 9 { break }
            value = value &* 10 &+ Int(digit)
            index &+= 1
        }
        guard index &+ 1 < count else { return -1 }
        position = index &+ 2
        return value
    }

    // MARK: Commands

    private static func word(_ text: StaticString) -> UInt64 {
        (0..<text.utf8CodeUnitCount).reduce(0) { $0 << 8 | UInt64(text.utf8Start[$1]) }
    }

    private static let names: [(UInt64, RequestKind)] = [
        (word("GET"), .get), (word("SET"), .set), (word("INCR"), .increment), (word("APPEND"), .append),
        (word("DEL"), .delete), (word("EXISTS"), .exists), (word("MGET"), .getMany), (word("MSET"), .setMany),
        (word("MULTI"), .multi), (word("EXEC"), .exec), (word("PING"), .ping),
    ]

    private func commandName() -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<min(8, arguments[0].count) { word = word << 8 | UInt64(arguments[0][index]) }
        return word
    }

    /// Nil for what Keyway asks on its own.
    private func commandKind() -> RequestKind? {
        let word = commandName()
        for (name, kind) in Self.names where name == word { return kind }
        return nil
    }

    private func answer(_ connection: Connection) {
        guard let kind = commandKind() else { return greet(connection) }
        readParts(kind, connection)
        if index == kernel.profile.lyingShard, kernel.dice.happens(kernel.profile.lieOdds) {
            return lie(kind, connection)
        }
        answer(kind, connection)
    }

    /// The parts of the command at hand, with what they write held against what was sent.
    private func readParts(_ kind: RequestKind, _ connection: Connection) {
        parts.removeAll(keepingCapacity: true)
        if kind == .multi || kind == .exec || kind == .ping { return }
        let step = kind == .setMany ? 2 : 1
        let end = kind == .set || kind == .append ? 2 : argumentCount
        var position = 1
        while position < end {
            let part = ledger.part(ofKey: arguments[position].baseAddress!, count: arguments[position].count)
            guard part >= 0 else { return ledger.accuse("shard \(index): a key that no client sent") }
            parts.append(part)
            ledger.note(part: part, seenBy: connection.socket.number)
            if kind == .set || kind == .append || kind == .setMany { checkValue(part, arguments[position + 1]) }
            position += step
        }
    }

    private func checkValue(_ part: Int, _ value: UnsafeBufferPointer<UInt8>) {
        if value.count != ledger.parts[part].writtenBytes
            || memcmp(value.baseAddress!, Ledger.value(of: part), value.count) != 0
        {
            ledger.accuse("part \(part): the value that reached shard \(index) is not the one that was sent")
        }
    }

    private func answer(_ kind: RequestKind, _ connection: Connection) {
        let isRefused = kernel.profile.serverErrorOdds > 0 && kernel.dice.happens(kernel.profile.serverErrorOdds)
        switch kind {
        case .multi:
            if connection.isInTransaction, !hasLied { ledger.accuse("shard \(index): MULTI inside of MULTI") }
            connection.isInTransaction = true
            connection.isTransactionRefused = false
            connection.queued.removeAll()
            connection.socket.toEngine.append("+OK\r\n")
        case .exec: execute(connection)
        case .ping: connection.socket.toEngine.append("+PONG\r\n")
        default:
            if isRefused {
                for part in parts {
                    ledger.parts[part].begin()
                    ledger.parts[part].outcome = .error
                }
                connection.isTransactionRefused = true
                connection.socket.toEngine.append("-OOM simulated\r\n")
            } else if connection.isInTransaction {
                connection.queued.append((kind, parts))
                connection.socket.toEngine.append("+QUEUED\r\n")
            } else {
                if let part = parts.first, ledger.requests[ledger.parts[part].request].transaction >= 0, !hasLied {
                    ledger.accuse("part \(part): belongs to a transaction and came outside of one")
                }
                execute(kind, parts, connection)
            }
        }
    }

    private func execute(_ connection: Connection) {
        guard connection.isInTransaction else {
            if !hasLied { ledger.accuse("shard \(index): EXEC without MULTI") }
            return connection.socket.toEngine.append("-ERR EXEC without MULTI\r\n")
        }
        connection.isInTransaction = false
        if connection.isTransactionRefused {
            for part in connection.queued.flatMap(\.parts) { ledger.parts[part].outcome = .error }
            return connection.socket.toEngine.append("-EXECABORT Transaction discarded because of previous errors.\r\n")
        }
        let transactions = Set(
            connection.queued.flatMap(\.parts).map { ledger.requests[ledger.parts[$0].request].transaction })
        if !hasLied, transactions.count > 1 || transactions.contains(-1) {
            ledger.accuse("shard \(index): commands of several transactions between one MULTI and EXEC")
        }
        connection.socket.toEngine.append("*", connection.queued.count)
        for command in connection.queued { execute(command.kind, command.parts, connection) }
        connection.queued.removeAll()
    }

    private func execute(_ kind: RequestKind, _ parts: [Int], _ connection: Connection) {
        for part in parts { execute(kind, part, connection) }
        let output = connection.socket
        switch kind {
        case .set, .setMany: output.toEngine.append("+OK\r\n")
        case .increment, .append: output.toEngine.append(":", ledger.parts[parts[0]].number)
        case .delete, .exists: output.toEngine.append(":", parts.reduce(0) { $0 + ledger.parts[$1].number })
        case .get: appendValue(parts[0], to: output)
        case .getMany:
            output.toEngine.append("*", parts.count)
            for part in parts { appendValue(part, to: output) }
        case .ping, .hello, .multi, .exec, .discard: preconditionFailure("SimulatedBackend: \(kind) has no parts")
        }
    }

    private func execute(_ kind: RequestKind, _ part: Int, _ connection: Connection) {
        ledger.noteExecution(of: part)
        if ledger.parts[part].executionCount > 1 {
            // The reply of a connection that is no more reaches nobody.
            if connection.socket.isClosedByEngine { return }
        } else {
            noteOrder(of: part)
        }
        let record = ledger.parts + part
        let entry = entries + record.pointee.key
        record.pointee.begin()
        record.pointee.outcome = .integer
        switch kind {
        case .set, .setMany:
            entry.pointee.writer = part
            entry.pointee.sizeBytes = record.pointee.writtenBytes
            record.pointee.outcome = .done
        case .append:
            entry.pointee.writer = part
            let sizeBytes = entry.pointee.sizeBytes + record.pointee.writtenBytes
            entry.pointee.sizeBytes = sizeBytes > Ledger.valueSizeBytesMax ? record.pointee.writtenBytes : sizeBytes
            record.pointee.number = entry.pointee.sizeBytes
        case .increment:
            entry.pointee.counter += 1
            record.pointee.number = entry.pointee.counter
        case .delete:
            record.pointee.number = entry.pointee.exists ? 1 : 0
            entry.pointee = Entry()
        case .exists: record.pointee.number = entry.pointee.exists ? 1 : 0
        case .get, .getMany:
            record.pointee.outcome =
                entry.pointee.writer >= 0 ? .value : connection.speaksRESP3 ? .null : .missing
            record.pointee.number = entry.pointee.writer
            record.pointee.sizeBytes = entry.pointee.sizeBytes
        case .ping, .hello, .multi, .exec, .discard: preconditionFailure("SimulatedBackend: \(kind) has no parts")
        }
    }

    /// Commands of one client's connection on one key are executed in their order, unless its client was told that the
    /// earlier one is lost.
    private func noteOrder(of part: Int) {
        let request = ledger.requests + ledger.parts[part].request
        let last = lastParts + ledger.parts[part].key * clientCount + request.pointee.client
        if last.pointee > part {
            let later = ledger.requests + ledger.parts[last.pointee].request
            if later.pointee.session == request.pointee.session { ledger.parts[part].wasOvertaken = true }
        } else {
            last.pointee = part
        }
    }

    private func appendValue(_ part: Int, to output: SimulatedSocket) {
        let record = ledger.parts[part]
        switch record.outcome {
        case .missing: output.toEngine.append("$-1\r\n")
        case .null: output.toEngine.append("_\r\n")
        default:
            output.toEngine.append("$", 8 + record.sizeBytes)
            let start = output.toEngine.grow(by: 8 + record.sizeBytes + 2)
            Ledger.writeDigits(part, count: 8, to: start)
            memcpy(start + 8, Ledger.value(of: record.number), record.sizeBytes)
            start[8 + record.sizeBytes] = 13
            start[9 + record.sizeBytes] = 10
        }
    }

    // MARK: Greeting

    private func greet(_ connection: Connection) {
        let output = connection.socket
        if kernel.dice.happens(kernel.profile.greetingErrorOdds) {
            return output.toEngine.append("-LOADING simulated\r\n")
        }
        switch String(decoding: arguments[0], as: UTF8.self) {
        case "HELLO":
            connection.speaksRESP3 = arguments[1][0] == 0x33
            output.toEngine.append(connection.speaksRESP3 ? "%1\r\n+proto\r\n:3\r\n" : "*2\r\n+proto\r\n:2\r\n")
        case "INFO": output.toEngine.appendBulk("# Server\r\nrun_id:simulated\r\n")
        case "CLIENT" where argumentCount == 2:
            connectionCount += 1
            output.toEngine.append(":", connectionCount)
        case "AUTH", "SELECT", "CLIENT": output.toEngine.append("+OK\r\n")
        case "ROLE": output.toEngine.append("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        case let name: ledger.accuse("shard \(index): a command that no client sent: \(name)")
        }
    }

    // MARK: Lies

    private func lie(_ kind: RequestKind, _ connection: Connection) {
        hasLied = true
        let output = connection.socket
        let choice = kernel.dice.below(8)
        kernel.trace.note("shard, descriptor, kind of lie: lies", index, Int(output.descriptor), choice)
        switch choice {
        case 0: output.toEngine.append("garbage\r\n")
        case 1: output.toEngine.append("$12x\r\n")
        case 2:
            output.toEngine.append("$5\r\nextra\r\n")
            answer(kind, connection)
        case 3:
            let before = output.toEngine.count
            answer(kind, connection)
            let made = output.toEngine.count - before
            output.toEngine.dropLast(kernel.dice.below(max(1, made)))
            output.end = .reset
        case 4: break
        case 5:
            output.toEngine.append("*3\r\n")
            answer(kind, connection)
        case 6:
            output.toEngine.append(">2\r\n+message\r\n+lie\r\n")
            answer(kind, connection)
        default: output.toEngine.append(":-1\r\n")
        }
    }
}
