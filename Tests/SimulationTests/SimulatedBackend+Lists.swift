// SimulatedBackend+Lists: BLPOP and CLIENT UNBLOCK as a server has them: whoever finds a list empty waits, nothing of
// that connection is read meanwhile, and what is pushed goes to whoever has waited longest. A connection that ends
// waits no longer.
// What is held against Keyway here: a value for a client that Keyway itself has closed.
// Not here: the lists (SimulatedStore).

extension SimulatedBackend {
    func pop(_ part: Int, _ connection: ServerConnection) {
        if store.hasList(ledger.parts[part].key) { return giveFirst(to: part, connection) }
        let ms = Self.milliseconds(command[2])
        connection.wait = ServerConnection.Wait(part: part, untilMs: ms == 0 ? .max : world.nowMs + UInt64(ms))
        waiting.append(connection)
    }

    /// Of seconds with three decimals.
    private static func milliseconds(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        text.reduce(0) { $1 == 0x2E ? $0 : $0 * 10 + Int($1 &- 48) }
    }

    private func giveFirst(to part: Int, _ connection: ServerConnection) {
        // What was sent before a connection ended a server does all the same.
        if !connection.isOver, ledger.isClosed(ledger.parts[part].request) {
            ledger.accuse("part \(part): takes a value, and its client is closed")
        }
        store.pop(part)
        let output = connection.socket
        output.toEngine.append("*2\r\n$14\r\n")
        Ledger.writeKey(ledger.parts[part].key, part: part, to: output.toEngine.grow(by: Ledger.keySizeBytes))
        output.toEngine.append("\r\n")
        appendMarked(
            part, bytesOf: ledger.parts[part].number, sizeBytes: ledger.parts[part].sizeBytes, to: output)
    }

    /// After a command: those who waited for what it pushed.
    func serveWaiting() {
        waiting.removeAll { $0.isOver }
        for key in store.grownKeys {
            while store.hasList(key), let index = waiting.firstIndex(where: { waits($0, for: key) }) {
                let connection = waiting.remove(at: index)
                giveFirst(to: connection.wait!.part, connection)
                connection.wait = nil
            }
        }
        store.grownKeys.removeAll(keepingCapacity: true)
    }

    private func waits(_ connection: ServerConnection, for key: Int) -> Bool {
        connection.wait.map { ledger.parts[$0.part].key == key } ?? false
    }

    /// Those who have waited long enough get nothing.
    func endWaits() {
        waiting.removeAll { connection in
            guard !connection.isOver, let wait = connection.wait else { return true }
            guard wait.untilMs <= world.nowMs else { return false }
            end(wait, of: connection)
            return true
        }
    }

    private func end(_ wait: ServerConnection.Wait, of connection: ServerConnection) {
        connection.wait = nil
        world.hasMoved = true
        ledger.noteExecution(of: wait.part)
        ledger.parts[wait.part].begin()
        ledger.parts[wait.part].outcome = connection.speaksRESP3 ? .null : .missing
        connection.socket.toEngine.append(connection.speaksRESP3 ? "_\r\n" : "*-1\r\n")
    }

    /// As if its time were over.
    func unblock(_ clientID: Int, _ output: SimulatedSocket) {
        let index = waiting.firstIndex { $0.clientID == clientID && !$0.isOver }
        output.toEngine.append(":", index == nil ? 0 : 1)
        guard let index, let wait = waiting[index].wait else { return }
        end(wait, of: waiting.remove(at: index))
    }
}
