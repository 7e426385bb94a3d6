// SimulatedBackend+HotKeys: keys that many ask for, under one name each, and server-assisted tracking as Valkey has it
// and Keyway uses it (CLIENT TRACKING ON OPTIN):
//
//     CLIENT CACHING YES | GET      the very next command only: the connection is told when that key changes next, once
//     SET, DEL, end of life         a push to each connection that is to be told; FLUSHALL: one for all keys
//
// The end of a key's life is told some time after it. Others write these keys, too, past Keyway.
// Not here: what a read may see (HotKeyHistory), copies of other servers' keys (SimulatedBackend+Copies).

import Glibc

extension SimulatedBackend {
    enum HotVerb { case get, getMany, set, rename, delete, value, life }

    private static let hotVerbs: [UInt64: HotVerb] = [
        CommandReader.word("GET"): .get, CommandReader.word("MGET"): .getMany, CommandReader.word("SET"): .set,
        CommandReader.word("MSET"): .set, CommandReader.word("RENAME"): .rename, CommandReader.word("DEL"): .delete,
        CommandReader.word("DUMP"): .value, CommandReader.word("PTTL"): .life,
    ]
    private static let nameBytes = 6

    /// Of the command at hand; nil when it is not for a hot key.
    var hotVerb: HotVerb? {
        guard command.count > 1, let verb = Self.hotVerbs[command.name] else { return nil }
        let position = verb == .rename ? 2 : 1
        return command.count > position && command[position].count == Self.nameBytes ? verb : nil
    }

    private func hotKey(_ position: Int) -> Int {
        let key = Ledger.readDigits(command[position].baseAddress! + 2, count: 3)
        if key < 0 || key >= world.profile.hot.keyCount || places.homes[key] != index {
            ledger.accuse("shard \(index): the hot key \(command.text(position)) that no client sent here")
            return 0
        }
        return key
    }

    // MARK: Commands

    func answerHot(_ verb: HotVerb, _ connection: ServerConnection, isTracked: Bool) {
        noteHotWrite(verb, connection)
        if world.profile.serverErrorOdds > 0, world.dice.happens(world.profile.serverErrorOdds) {
            if let part = hotPart(verb) {
                ledger.parts[part].begin()
                ledger.parts[part].outcome = .error
            }
            return connection.socket.toEngine.append("-OOM simulated\r\n")
        }
        if isTracked, !connection.isTracking { ledger.accuse("shard \(index): CLIENT CACHING without tracking") }
        switch verb {
        case .get: appendHot(hotKey(1), to: connection, isTracked: isTracked)
        case .getMany:
            connection.socket.toEngine.append("*", command.count - 1)
            for position in 1..<command.count { appendHot(hotKey(position), to: connection, isTracked: isTracked) }
        case .set: setHot(hotKey(1), .set, connection)
        case .rename: setHot(hotKey(2), .rename, connection)
        case .delete: deleteHot(hotKey(1), connection)
        case .value: appendDump(hotKey(1), to: connection, isTracked: isTracked)
        case .life: connection.socket.toEngine.append(":", lifeMs(hotKey(1)))
        }
    }

    /// Of a command that writes.
    private func hotPart(_ verb: HotVerb) -> Int? {
        switch verb {
        case .set:
            let part = command[2].count < 8 ? -1 : Ledger.readDigits(command[2].baseAddress!, count: 8)
            return part >= 0 && part < ledger.partCount ? part : nil
        case .delete, .rename:
            let name = command[verb == .delete ? 2 : 1]
            let part = ledger.part(ofKey: name.baseAddress!, count: name.count)
            return part >= 0 ? part : nil
        case .get, .getMany, .value, .life: return nil
        }
    }

    /// A connection has the whole of it.
    func noteHotWrite(_ verb: HotVerb, _ connection: ServerConnection) {
        guard verb == .set || verb == .rename || verb == .delete else { return }
        guard let part = hotPart(verb) else { return ledger.accuse("shard \(index): a write that no client sent") }
        noteArrival(of: part, connection)
        if verb == .set {
            checkValue(part, UnsafeBufferPointer(rebasing: command[2][8...]))
        }
    }

    /// What it is; who is to be told of its next change is noted.
    private func read(_ key: Int, over connection: ServerConnection, isTracked: Bool) -> HotKeyHistory.State {
        let state = history.current(key)
        if history.expired.contains(key) { invalidate(key) }
        if isTracked { connection.tracked |= 1 << UInt64(key) }
        return state
    }

    private func appendHot(_ key: Int, to connection: ServerConnection, isTracked: Bool) {
        let state = read(key, over: connection, isTracked: isTracked)
        let output = connection.socket
        if state.writer < 0 { return output.toEngine.append(connection.speaksRESP3 ? "_\r\n" : "$-1\r\n") }
        appendMarked(
            state.writer, bytesOf: state.writer, sizeBytes: ledger.parts[state.writer].writtenBytes, to: output)
    }

    private func appendDump(_ key: Int, to connection: ServerConnection, isTracked: Bool) {
        let state = read(key, over: connection, isTracked: isTracked)
        if state.writer < 0 {
            connection.socket.toEngine.append(connection.speaksRESP3 ? "_\r\n" : "$-1\r\n")
        } else {
            appendDump(ofWriter: state.writer, to: connection.socket)
        }
    }

    private func lifeMs(_ key: Int) -> Int {
        let state = history.current(key)
        if state.writer < 0 { return -2 }
        return state.expiresAtMs == .max ? -1 : Int(state.expiresAtMs - world.nowMs)
    }

    /// What is renamed is taken to have the value of the part whose number is in its name.
    private func setHot(_ key: Int, _ verb: HotVerb, _ connection: ServerConnection) {
        guard let part = hotPart(verb) else { return }
        let lifeMs = command.count > 4 ? Ledger.readDigits(command[4].baseAddress!, count: command[4].count) : 0
        ledger.noteExecution(of: part)
        ledger.parts[part].begin()
        ledger.parts[part].outcome = .done
        ledger.parts[part].state = history.change(
            key, writer: part, expiresAtMs: lifeMs > 0 ? world.nowMs + UInt64(lifeMs) : .max)
        connection.socket.toEngine.append("+OK\r\n")
        invalidate(key)
    }

    private func deleteHot(_ key: Int, _ connection: ServerConnection) {
        guard let part = hotPart(.delete) else { return }
        store.execute(.delete, part, over: connection.socket, missing: .missing)
        let isThere = history.current(key).writer >= 0
        if isThere { ledger.parts[part].number += 1 }
        ledger.parts[part].state = isThere ? history.change(key, writer: -1) : history.currentIndex(key)
        connection.socket.toEngine.append(":", ledger.parts[part].number)
        if isThere { invalidate(key) }
    }

    // MARK: Tracking

    /// - Returns: whether the command at hand is about tracking.
    func track(_ connection: ServerConnection) -> Bool {
        guard command.count > 2 else { return false }
        switch command.text(1) {
        case "TRACKING": connection.isTracking = true
        case "CACHING": connection.tracksNext = true
        default: return false
        }
        connection.socket.toEngine.append("+OK\r\n")
        return true
    }

    private func invalidate(_ key: Int) {
        history.noteExpiryTold(key)
        for connection in connections where connection.tracked & 1 << UInt64(key) != 0 {
            connection.tracked &= ~(1 << UInt64(key))
            connection.socket.toEngine.append(">2\r\n$10\r\ninvalidate\r\n*1\r\n")
            connection.socket.toEngine.appendBulk(SimulatedTopic(.channel, key: key).name)
        }
    }

    /// Of keys that nobody asks for, when the server comes to it.
    func tellOfExpiries() {
        guard world.dice.below(32) == 0 else { return }
        for key in history.expired where places.homes[key] == index { invalidate(key) }
    }

    // MARK: Beside Keyway

    /// Perhaps somebody writes a hot key past Keyway, or empties the server.
    func beWrittenBeside() {
        let isAwake = world.nowMs >= frozenUntilMs && world.nowMs >= downUntilMs
        guard isAwake, ledger.hasRoom else { return }
        if world.dice.happens(world.profile.hot.flushOdds) { return empty() }
        if world.dice.happens(world.profile.hot.evictionOdds) { evictCopy() }
        guard world.dice.happens(world.profile.hot.bypassOdds) else { return }
        let key = world.dice.below(world.profile.hot.keyCount)
        guard places.homes[key] == index else { return }
        if world.dice.below(4) == 0 {
            _ = history.change(key, writer: -1)
        } else {
            _ = ledger.addRequest(.hotSet, client: -1, session: -1, partCount: 1, transaction: -1)
            let part = ledger.addPart(key: key, writtenBytes: world.dice.below(64))
            ledger.noteExecution(of: part)
            ledger.parts[part].state = history.change(key, writer: part)
        }
        invalidate(key)
    }

    /// All of its hot keys are gone.
    func emptyHotKeys() {
        for key in 0..<world.profile.hot.keyCount where places.homes[key] == index {
            if history.current(key).writer >= 0 { _ = history.change(key, writer: -1) }
            history.noteExpiryTold(key)
        }
        for connection in connections where connection.isTracking {
            connection.tracked = 0
            connection.socket.toEngine.append(">2\r\n$10\r\ninvalidate\r\n_\r\n")
        }
    }
}
