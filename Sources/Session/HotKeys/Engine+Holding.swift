// Engine+Holding: replies out of copies wait one turn of the loop for those of the same batch that servers are asked
// for, so that most batches are one send and not two.
//
//     took copies, and waits for servers ──► held ──next turn──► dirty ──► all that is in turn is sent
//
// Rule: nobody is held twice in a row, and a turn is over within a millisecond while anybody is held. So a slow shard
// costs the replies before its own no more than that.
// Not here: batches without copies, which gain nothing from waiting (bench/README.md).

extension Engine {
    /// The longest that a turn may wait for events while anybody is held.
    static var heldMsMax: Int { 1 }
    /// More than this is worth a send.
    private static var heldBytesMax: Int { 16_384 }

    /// A client that is to be written to.
    ///
    /// - Returns: true when that is put off to the next turn.
    @inline(__always)
    mutating func holds(_ client: ClientRef) -> Bool {
        client.pointee.flags.isDisjoint(with: [.tookCopies, .wasHeld]) ? false : hold(client)
    }

    private mutating func hold(_ client: ClientRef) -> Bool {
        let flags = client.pointee.flags
        client.pointee.flags.subtract([.tookCopies, .wasHeld])
        guard flags.contains(.tookCopies), client.pointee.unansweredCount > 0, client.pointee.gate.isEmpty,
            client.pointee.heldBytes <= Self.heldBytesMax,
            flags.isDisjoint(with: [.wasHeld, .held, .closed, .blocked, .leaving])
        else { return false }
        client.pointee.flags.insert(.held)
        heldClients.append(client)
        return true
    }

    /// Once a turn, before anything is written.
    mutating func letGoHeld() {
        if heldClients.isEmpty { return }
        for client in heldClients {
            client.pointee.flags.remove(.held)
            client.pointee.flags.insert(.wasHeld)
            markDirty(client)
        }
        heldClients.removeAll(keepingCapacity: true)
    }
}
