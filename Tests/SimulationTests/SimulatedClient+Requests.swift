// SimulatedClient+Requests: each kind of request, in the ledger and as bytes. The number of each key's part stands in
// the key behind its hash tag, or at the front of a message.
// Not here: which requests are made, and when (SimulatedClient).

extension SimulatedClient {
    func add(_ kind: RequestKind, parts: Int, transaction: Int) -> Int {
        ledger.addRequest(kind, client: index, session: session, partCount: parts, transaction: transaction)
    }

    /// A request of one word.
    func askPlain(_ kind: RequestKind, transaction: Int) -> Int {
        let request = add(kind, parts: 0, transaction: transaction)
        switch kind {
        case .multi: pending.append("*1\r\n$5\r\nMULTI\r\n")
        case .exec: pending.append("*1\r\n$4\r\nEXEC\r\n")
        case .discard: pending.append("*1\r\n$7\r\nDISCARD\r\n")
        case .unwatch: pending.append("*1\r\n$7\r\nUNWATCH\r\n")
        default: preconditionFailure("SimulatedClient: \(kind) is more than a word")
        }
        note(request)
        return request
    }

    func askHello() {
        let request = add(.hello, parts: 0, transaction: -1)
        pending.append("*2\r\n$5\r\nHELLO\r\n$1\r\n")
        pending.append(world.dice.below(2) == 0 ? "2\r\n" : "3\r\n")
        note(request)
    }

    /// Waits for a list to have something.
    func askPop() {
        let request = add(.pop, parts: 1, transaction: -1)
        pending.append("*3\r\n$5\r\nBLPOP\r\n")
        appendKey(hasValue: false, shard: -1)
        // Who waits for a list that has moved waits for ever, so where keys move nobody does.
        let waitsForEver = !judge.expectsSuccess && !world.profile.keysMove && world.dice.below(4) == 0
        pending.append("$5\r\n0.")
        let waitsMs = waitsForEver ? 0 : world.dice.between(1, judge.expectsSuccess ? 5 : 400)
        Ledger.writeDigits(waitsMs, count: 3, to: pending.grow(by: 3))
        pending.append("\r\n")
        note(request)
    }

    func askPublish(key: Int, isOnShard: Bool) {
        let request = add(.publish, parts: 1, transaction: -1)
        ledger.requests[request].isOnShard = isOnShard
        let part = ledger.addPart(key: key, writtenBytes: drawSizeBytes())
        pending.append("*3\r\n")
        pending.appendBulk(isOnShard ? "SPUBLISH" : "PUBLISH")
        pending.appendBulk(SimulatedTopic(isOnShard ? .shardChannel : .channel, key: key).name)
        let sizeBytes = ledger.parts[part].writtenBytes
        pending.append("$", 8 + sizeBytes)
        Ledger.writeDigits(part, count: 8, to: pending.grow(by: 8))
        pending.append(Ledger.value(of: part), count: sizeBytes)
        pending.append("\r\n")
        note(request)
    }

    /// An operator brings a shard back.
    func askReadmit(shard: Int) {
        let request = add(.readmit, parts: 0, transaction: -1)
        pending.append("*3\r\n$6\r\nKEYWAY\r\n$7\r\nREADMIT\r\n")
        pending.appendBulk(Array("s\(shard)".utf8))
        note(request)
    }

    /// So that somebody who waits for this list goes on.
    func askPush(key: Int) {
        let request = add(.push, parts: 1, transaction: -1)
        pending.append("*3\r\n$5\r\nRPUSH\r\n")
        append(key: key, hasValue: true)
        note(request)
    }

    /// - Parameter shard: of its keys; -1 for any.
    func askOne(_ kind: RequestKind, parts: Int, transaction: Int, shard: Int) {
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
        case .push: pending.append("*3\r\n$5\r\nRPUSH\r\n")
        case .watch: appendName("WATCH", arguments: parts)
        default: preconditionFailure("SimulatedClient: \(kind) is asked otherwise")
        }
        let hasValue = kind == .set || kind == .append || kind == .setMany || kind == .push
        for _ in 0..<parts { appendKey(hasValue: hasValue, shard: shard) }
        note(request)
    }

    func appendName(_ name: StaticString, arguments: Int) {
        pending.append("*", arguments + 1)
        pending.appendBulk(name)
    }

    func appendKey(hasValue: Bool, shard: Int) {
        var key = world.dice.below(shards.count)
        while shard >= 0, shards[key] != shard { key = (key + 1) % shards.count }
        append(key: key, hasValue: hasValue)
    }

    func append(key: Int, hasValue: Bool) {
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

    func drawSizeBytes() -> Int {
        let isLong = !judge.expectsSuccess && world.dice.happens(world.profile.longValueOdds)
        return world.dice.below(isLong ? world.profile.valueSizeBytesMax : 64)
    }
}
