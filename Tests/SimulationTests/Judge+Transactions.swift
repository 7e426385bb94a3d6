// Judge+Transactions: is the reply to an EXEC the right one? It is the replies of the commands in their order, or null
// where its server did not execute it because a watched key had changed. Where its client was told OK for each WATCH,
// it is never executed when one of these keys has changed, or the connection that watched is gone.
// Not here: that a block is executed whole (SimulatedBackend+Transactions).

extension Judge {
    /// The requests between the transaction's MULTI and this, its end.
    func members(of end: Int) -> Range<Int> { ledger.requests[end].transaction + 1..<end }

    /// Of an EXEC.
    func isRightEnd(_ exec: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
        let members = members(of: exec)
        let multi = ledger.requests[ledger.requests[exec].transaction]
        if equals(reply, count, "*-1\r\n") || equals(reply, count, "_\r\n") {
            if members.contains(where: hasLied) { return true }
            noteRefusalOfTransaction(exec)
            return multi.isNull
        }
        if multi.isGuardBroken, guards(multi) {
            ledger.accuse("request \(exec): was executed, though a key that its client watched had changed")
        }
        return isRightArray(members, reply, count)
    }

    /// Every WATCH before it was answered with OK.
    private func guards(_ multi: SimulatedRequest) -> Bool {
        var watch = multi.watch
        while watch >= 0 {
            if ledger.requests[watch].isRefused || hasLied(watch) { return false }
            watch = ledger.requests[watch].watch
        }
        return true
    }

    private func isRightArray(_ members: Range<Int>, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
        if members.contains(where: { ledger.requests[$0].isRefused }) { return false }
        if members.contains(where: hasLied) { return true }
        var position = 0
        guard number(reply, count, &position, type: 0x2A) == members.count else { return false }
        for member in members {
            let size = size(of: member, reply + position, count - position)
            if size < 0 { return false }
            position += size
        }
        return position == count
    }

    func noteRefusalOfTransaction(_ end: Int) {
        for member in members(of: end) { ledger.noteRefusal(of: member) }
    }
}
