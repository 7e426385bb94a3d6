// SimulatedBackend+Transactions: MULTI, EXEC and WATCH as a server has them. A block is executed whole, in one piece,
// unless a watched key has changed or a command of it was refused.
// What is held against Keyway here: a block that is not one client's transaction, or not all of it.
// Not here: what the client was told of its WATCH (Judge).

extension SimulatedBackend {
    func beginTransaction(_ connection: ServerConnection) {
        if connection.isInTransaction, !hasLied { ledger.accuse("shard \(index): MULTI inside of MULTI") }
        connection.isInTransaction = true
        connection.isTransactionRefused = false
        connection.queued.removeAll()
        connection.socket.toEngine.append("+OK\r\n")
    }

    func watch(_ parts: [Int], _ connection: ServerConnection) {
        for part in parts {
            let key = ledger.parts[part].key
            ledger.noteExecution(of: part)
            ledger.parts[part].begin()
            ledger.parts[part].outcome = .done
            ledger.parts[part].number = store.version(of: key)
            connection.watched.append((key, store.version(of: key)))
        }
        connection.socket.toEngine.append("+OK\r\n")
    }

    func execute(_ connection: ServerConnection) {
        guard connection.isInTransaction else {
            if !hasLied { ledger.accuse("shard \(index): EXEC without MULTI") }
            return connection.socket.toEngine.append("-ERR EXEC without MULTI\r\n")
        }
        connection.isInTransaction = false
        let hasChanged = connection.watched.contains { store.version(of: $0.key) != $0.version }
        connection.watched.removeAll()
        if connection.isTransactionRefused {
            for part in connection.queued.flatMap(\.parts) { ledger.parts[part].outcome = .error }
            return connection.socket.toEngine.append("-EXECABORT Transaction discarded because of previous errors.\r\n")
        }
        let requests = connection.queued.compactMap { $0.parts.first.map { ledger.parts[$0].request } }
        if !hasLied { checkBlock(requests) }
        if let first = requests.first {
            let multi = ledger.requests[first].transaction
            if multi >= 0 { judgeGuard(of: multi, hasChanged: hasChanged, connection) }
        }
        if hasChanged {
            return connection.socket.toEngine.append(connection.speaksRESP3 ? "_\r\n" : "*-1\r\n")
        }
        connection.socket.toEngine.append("*", connection.queued.count)
        for command in connection.queued { execute(command.kind, command.parts, connection) }
        connection.queued.removeAll()
    }

    /// All commands of one transaction, each in its place; where the pool splits transactions, those of this shard.
    private func checkBlock(_ requests: [Int]) {
        guard let first = requests.first, case let multi = ledger.requests[first].transaction, multi >= 0,
            requests.allSatisfy({ ledger.requests[$0].transaction == multi })
        else { return ledger.accuse("shard \(index): other than one transaction between one MULTI and EXEC") }
        let isWhole =
            ledger.splitsTransactions
            ? zip(requests, requests.dropFirst()).allSatisfy { $0 < $1 }
            : requests == Array(multi + 1..<multi + 1 + ledger.requests[multi].memberCount)
        if !isWhole { ledger.accuse("shard \(index): of the transaction \(multi) only the commands \(requests)") }
    }

    /// What the client watches must still be as it was, by the ledger: this connection saw each WATCH, and no watched
    /// key has changed since.
    private func judgeGuard(of multi: Int, hasChanged: Bool, _ connection: ServerConnection) {
        var (isBroken, isChanged) = (false, false)
        var watch = ledger.requests[multi].watch
        while watch >= 0 {
            for part in ledger.parts(of: watch) {
                let record = ledger.parts[part]
                let isWatched = record.outcome == .done && record.connection == connection.socket.number
                let isSame = isWatched && store.version(of: record.key) == record.number
                if isWatched, !isSame { isChanged = true }
                if !isSame { isBroken = true }
            }
            watch = ledger.requests[watch].watch
        }
        if hasChanged {
            ledger.requests[multi].isNull = true
            if !isChanged, !hasLied {
                ledger.accuse("transaction \(multi): not executed for keys that its client does not watch")
            }
        } else if isBroken {
            ledger.requests[multi].isGuardBroken = true
        }
    }
}
