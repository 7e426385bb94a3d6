// SimulatedBackend: a model of one Valkey server with the commands that clients of the simulation send. It executes
// each connection's commands in their order, freezes, dies and comes back empty, refuses, and lies where the run's
// profile says so.
// Not here: its data (SimulatedStore), its verbs (SimulatedBackend+...), the socket's own faults (SimulatedKernel),
// what a client thinks of the reply (Judge).

import Glibc

final class SimulatedBackend {
    let index: Int
    let ledger: Ledger
    let world: World
    let places: KeyPlaces
    let audience: Audience
    let history: HotKeyHistory
    let store: SimulatedStore
    let command: CommandReader
    var connections: [ServerConnection] = []
    var hasLied = false
    var frozenUntilMs: UInt64 = 0
    var downUntilMs: UInt64 = 0
    /// Of the command at hand.
    private var parts: [Int] = []
    private var connectionCount = 0
    /// Of hot keys, by name; and all names that were ever used.
    var copies: [String: HotKeyCopy] = [:]
    var copyNames: Set<String> = []
    /// Those whose connections wait for a list, first come first served.
    var waiting: [ServerConnection] = []

    init(
        index: Int, ledger: Ledger, world: World, places: KeyPlaces, audience: Audience, history: HotKeyHistory
    ) {
        self.index = index
        self.ledger = ledger
        self.world = world
        self.places = places
        self.audience = audience
        self.history = history
        store = SimulatedStore(ledger: ledger, world: world)
        command = CommandReader(shard: index, ledger: ledger)
        parts.reserveCapacity(Ledger.partsPerRequestMax)
    }

    // MARK: Connections and faults

    func accept(_ socket: SimulatedSocket) -> Bool {
        guard world.nowMs >= downUntilMs else { return false }
        connections.append(ServerConnection(socket: socket))
        return true
    }

    /// Everything is lost, and nobody can connect for a while.
    func die(untilMs: UInt64) {
        world.trace.note("shard, until: dies", index, Int(untilMs))
        downUntilMs = untilMs
        frozenUntilMs = 0
        for connection in connections {
            connection.socket.reset(keepsBytes: world.dice.below(2) == 0)
            leave(connection)
        }
        connections.removeAll()
        empty()
    }

    /// It has nothing any more.
    func empty() {
        store.empty()
        emptyHotKeys()
        copies.removeAll()
    }

    /// One connection ends, in order or not.
    func dropConnection() {
        guard !connections.isEmpty else { return }
        let connection = connections.remove(at: world.dice.below(connections.count))
        if world.dice.below(2) == 0 {
            connection.socket.reset(keepsBytes: world.dice.below(2) == 0)
        } else {
            if connection.socket.end == .none { connection.socket.end = .finished }
            connection.socket.isAbandoned = true
        }
        leave(connection)
        world.trace.note("shard, descriptor: connection dropped", index, Int(connection.socket.descriptor))
    }

    /// What has come and will not be executed was seen all the same, if it was whole.
    private func leave(_ connection: ServerConnection) {
        let socket = connection.socket
        while true {
            let size = command.parse(socket.toPeer.start, count: socket.toPeer.count)
            if size == 0 { break }
            if let verb = hotVerb {
                noteHotWrite(verb, connection)
            } else if isForCopy {
                // Keyway's own.
            } else if let kind = commandKind() {
                readParts(kind, connection)
            }
            socket.toPeer.dropFirst(size)
        }
        socket.toPeer.removeAll()
        waiting.removeAll { $0 === connection }
        store.forgive(connection: socket.number)
    }

    // MARK: Work

    func work() {
        let nowMs = world.nowMs
        guard nowMs >= frozenUntilMs, nowMs >= downUntilMs, !connections.isEmpty else { return }
        let first = world.dice.below(connections.count)
        var hasEnded = false
        for index in 0..<connections.count {
            let connection = connections[(first + index) % connections.count]
            let socket = connection.socket
            if socket.isClosedByEngine { hasEnded = true }
            if socket.frozenUntilMs > nowMs { continue }
            if !socket.toPeer.isEmpty { serve(connection) }
        }
        if !waiting.isEmpty { endWaits() }
        if world.profile.hot.keyCount > 0 { tellOfExpiries() }
        guard hasEnded else { return }
        for connection in connections where connection.socket.isClosedByEngine { leave(connection) }
        connections.removeAll { $0.socket.isClosedByEngine }
    }

    private func serve(_ connection: ServerConnection) {
        let socket = connection.socket
        var used = 0
        // A busy server comes to a few commands, and to the rest later.
        var left = world.dice.below(4) == 0 ? world.dice.below(8) : 1_000
        while left > 0, socket.end == .none, connection.wait == nil, socket.toEngine.count < 1 << 20 {
            let size = command.parse(socket.toPeer.start + used, count: socket.toPeer.count - used)
            if size == 0 { break }
            used += size
            left -= 1
            world.hasMoved = true
            answer(connection)
        }
        socket.toPeer.dropFirst(used)
    }

    // MARK: Commands

    private static let kinds: [UInt64: RequestKind] = [
        CommandReader.word("GET"): .get, CommandReader.word("SET"): .set, CommandReader.word("INCR"): .increment,
        CommandReader.word("APPEND"): .append, CommandReader.word("DEL"): .delete,
        CommandReader.word("EXISTS"): .exists, CommandReader.word("MGET"): .getMany,
        CommandReader.word("MSET"): .setMany, CommandReader.word("MULTI"): .multi, CommandReader.word("EXEC"): .exec,
        CommandReader.word("WATCH"): .watch, CommandReader.word("RPUSH"): .push, CommandReader.word("BLPOP"): .pop,
        CommandReader.word("PUBLISH"): .publish, CommandReader.word("SPUBLISH"): .publish,
    ]

    /// Nil for what Keyway asks on its own.
    private func commandKind() -> RequestKind? { Self.kinds[command.name] }

    private func answer(_ connection: ServerConnection) {
        let isTracked = connection.tracksNext
        connection.tracksNext = false
        if let verb = hotVerb { return answerHot(verb, connection, isTracked: isTracked) }
        if isForCopy { return answerForCopy(connection) }
        guard let kind = commandKind() else { return answerKeyway(connection) }
        readParts(kind, connection)
        if index == world.profile.lyingShard, world.dice.happens(world.profile.lieOdds) {
            return lie(kind, connection)
        }
        answer(kind, connection)
    }

    /// The parts of the command at hand, with what they write held against what was sent.
    private func readParts(_ kind: RequestKind, _ connection: ServerConnection) {
        parts.removeAll(keepingCapacity: true)
        switch kind {
        case .multi, .exec: return
        case .publish: return readMessage(connection)
        default: break
        }
        let step = kind == .setMany ? 2 : 1
        let hasValue = kind == .set || kind == .append || kind == .setMany || kind == .push
        let end = hasValue && kind != .setMany || kind == .pop ? 2 : command.count
        var position = 1
        while position < end {
            let part = ledger.part(ofKey: command[position].baseAddress!, count: command[position].count)
            guard part >= 0 else { return ledger.accuse("shard \(index): a key that no client sent") }
            note(part, connection)
            if hasValue { checkValue(part, command[position + 1]) }
            position += step
        }
    }

    private func note(_ part: Int, _ connection: ServerConnection) {
        parts.append(part)
        noteArrival(of: part, connection)
    }

    func noteArrival(of part: Int, _ connection: ServerConnection) {
        ledger.note(part: part, seenBy: connection.socket.number, shard: index)
        if !places.allows(ledger.parts[part].key, on: index) {
            ledger.accuse("part \(part): its key \(ledger.parts[part].key) has no business on shard \(index)")
        }
    }

    private func readMessage(_ connection: ServerConnection) {
        let message = command[2]
        let part = message.count >= 8 ? Ledger.readDigits(message.baseAddress!, count: 8) : -1
        guard part >= 0, part < ledger.partCount else { return ledger.accuse("shard \(index): a message of nobody") }
        note(part, connection)
        checkValue(part, UnsafeBufferPointer(rebasing: message[8...]))
    }

    func checkValue(_ part: Int, _ value: UnsafeBufferPointer<UInt8>) {
        if value.count != ledger.parts[part].writtenBytes
            || memcmp(value.baseAddress!, Ledger.value(of: part), value.count) != 0
        {
            ledger.accuse("part \(part): the value that reached shard \(index) is not the one that was sent")
        }
    }

    func answer(_ kind: RequestKind, _ connection: ServerConnection) {
        let isRefused = world.profile.serverErrorOdds > 0 && world.dice.happens(world.profile.serverErrorOdds)
        switch kind {
        case .multi: beginTransaction(connection)
        case .exec: execute(connection)
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
        if !store.grownKeys.isEmpty { serveWaiting() }
    }

    func execute(_ kind: RequestKind, _ parts: [Int], _ connection: ServerConnection) {
        let output = connection.socket
        switch kind {
        case .watch: return watch(parts, connection)
        case .pop: return pop(parts[0], connection)
        case .publish: return publish(parts[0], connection)
        default: break
        }
        let missing: Outcome = connection.speaksRESP3 ? .null : .missing
        for part in parts { store.execute(kind, part, over: output, missing: missing) }
        switch kind {
        case .set, .setMany: output.toEngine.append("+OK\r\n")
        case .increment, .append, .push: output.toEngine.append(":", ledger.parts[parts[0]].number)
        case .delete, .exists: output.toEngine.append(":", parts.reduce(0) { $0 + ledger.parts[$1].number })
        case .get: appendValue(parts[0], to: output)
        case .getMany:
            output.toEngine.append("*", parts.count)
            for part in parts { appendValue(part, to: output) }
        default: preconditionFailure("SimulatedBackend: \(kind) has no parts")
        }
    }

    private func appendValue(_ part: Int, to output: SimulatedSocket) {
        let record = ledger.parts[part]
        switch record.outcome {
        case .missing: output.toEngine.append("$-1\r\n")
        case .null: output.toEngine.append("_\r\n")
        default: appendMarked(part, bytesOf: record.number, sizeBytes: record.sizeBytes, to: output)
        }
    }

    /// A value: the number of the part that reads it, and bytes of the part that wrote it.
    func appendMarked(_ part: Int, bytesOf writer: Int, sizeBytes: Int, to output: SimulatedSocket) {
        output.toEngine.append("$", 8 + sizeBytes)
        let start = output.toEngine.grow(by: 8 + sizeBytes + 2)
        Ledger.writeDigits(part, count: 8, to: start)
        memcpy(start + 8, Ledger.value(of: writer), sizeBytes)
        start[8 + sizeBytes] = 13
        start[9 + sizeBytes] = 10
    }

    // MARK: What Keyway asks on its own

    private func answerKeyway(_ connection: ServerConnection) {
        let output = connection.socket
        let name = command.text(0).uppercased()
        // These a server does even while it loads.
        if name == "UNWATCH" {
            connection.watched.removeAll()
            return output.toEngine.append("+OK\r\n")
        }
        if let verb = TopicVerb(name) { return changeTopics(verb, connection) }
        if name == "CLIENT", track(connection) { return }
        if world.dice.happens(world.profile.greetingErrorOdds) {
            if name == "PEXPIRE" { store.forgive(connection: output.number) }
            return output.toEngine.append("-LOADING simulated\r\n")
        }
        switch name {
        case "HELLO":
            connection.speaksRESP3 = command[1][0] == 0x33
            output.toEngine.append(connection.speaksRESP3 ? "%1\r\n+proto\r\n:3\r\n" : "*2\r\n+proto\r\n:2\r\n")
        case "INFO": output.toEngine.appendBulk("# Server\r\nrun_id:simulated\r\n")
        case "CLIENT" where command.count == 2:
            connectionCount += 1
            connection.clientID = connectionCount
            output.toEngine.append(":", connectionCount)
        case "CLIENT" where command.text(1) == "UNBLOCK": unblock(Int(command.text(2)) ?? 0, output)
        case "PING" where connection.topics.isEmpty: output.toEngine.append("+PONG\r\n")
        case "PING": output.toEngine.append("*2\r\n$4\r\npong\r\n$0\r\n\r\n")
        case "AUTH", "SELECT", "CLIENT": output.toEngine.append("+OK\r\n")
        case "ROLE": output.toEngine.append("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        case "PEXPIRE": limitLife(output)
        case "FLUSHALL":
            store.flush()
            output.toEngine.append("+OK\r\n")
        default: ledger.accuse("shard \(index): a command that no client sent: \(name)")
        }
    }

    /// A spare pool keeps nothing for long.
    private func limitLife(_ output: SimulatedSocket) {
        let part = ledger.part(ofKey: command[1].baseAddress!, count: command[1].count)
        let ms = Ledger.readDigits(command[2].baseAddress!, count: command[2].count)
        guard part >= 0, ms > 0 else { return ledger.accuse("shard \(index): PEXPIRE of what no client sent") }
        store.limitLife(of: ledger.parts[part].key, ms: ms)
        output.toEngine.append(":1\r\n")
    }
}
