// SimulatedClient: one client that sends random pipelines, reads replies when it likes, and comes and goes.
// Exactly one reply for each request, in order, or the connection ends: a reply that nobody asked for, or bytes that
// are none, are held against Keyway.
// Not here: its socket (ClientEnd), requests as bytes (SimulatedClient+Requests), whether a reply is right (Judge).

final class SimulatedClient: ClientEnd {
    private struct Awaited {
        let request: Int
        /// In the bytes of the connection.
        let endBytes: Int
    }

    let judge: Judge
    /// Of each key.
    let shards: [Int]
    private var awaited: [Awaited] = []
    private var awaitedFront = 0
    /// Where the last request that was answered ends.
    private var answeredBytes = 0
    /// The client ended in the middle of a request, which may be refused before it is all there.
    private var hasLeftHalf = false
    /// By hot key, the newest state that it has seen or made, on its connection.
    var seenStates: [Int] = []
    /// The hot key that it was told last is missing; -1: none.
    var missedKey = -1
    /// Since its last HELLO, by the reply.
    private var speaksRESP3 = false
    /// The last WATCH that still guards the next transaction; -1 for none.
    var lastWatch = -1

    init(index: Int, world: World, service: SimulatedService, judge: Judge, shards: [Int]) {
        self.judge = judge
        self.shards = shards
        super.init(index: index, world: world, ledger: judge.ledger, service: service)
    }

    var awaitedCount: Int { awaited.count - awaitedFront }

    /// The key of the list that it waits for, perhaps for ever; nil for none.
    var listKey: Int? {
        guard awaitedCount > 0, case let request = ledger.requests[awaited[awaitedFront].request], request.kind == .pop
        else { return nil }
        return ledger.parts[request.firstPart].key
    }

    // MARK: Turns

    override func ask() {
        let most = world.profile.pipelineMax
        if awaitedCount < most { ask(count: world.dice.between(1, most - awaitedCount)) }
    }

    override func accept(_ reply: UnsafeMutablePointer<UInt8>, count: Int) {
        // Of a server that lies, on a connection of the client's own.
        if reply[0] == 0x3E, judge.isAnybodyLying { return }
        if awaitedCount == 0, hasLeftHalf, reply[0] == 0x2D {
            hasLeftHalf = false
            return
        }
        guard awaitedCount > 0 else {
            return ledger.accuse("client \(index): the reply \(Judge.text(reply, count)), for which it did not ask")
        }
        let request = awaited[awaitedFront].request
        if ledger.requests[request].kind == .hello, reply[0] != 0x2D { speaksRESP3 = reply[0] == 0x25 }
        ledger.requests[request].speaksRESP3 = speaksRESP3
        if ledger.requests[request].kind.isHot, reply[0] != 0x2D {
            ledger.requests[request].replyProcess = process
            judge.checkHot(request, reply, count: count, &seenStates)
            if judge.isMissing(request, reply, count) {
                missedKey = ledger.parts[ledger.requests[request].firstPart].key
            }
        } else {
            judge.check(request, reply, count: count)
        }
        answeredBytes = awaited[awaitedFront].endBytes
        awaitedFront += 1
        if awaitedFront == awaited.count {
            awaited.removeAll(keepingCapacity: true)
            awaitedFront = 0
        }
    }

    /// What never left this client whole can be executed nowhere.
    override func refuseUnsent() {
        while awaited.count > awaitedFront, let last = awaited.last, last.endBytes > sentBytes {
            ledger.noteRefusal(of: last.request)
            if ledger.requests[last.request].kind == .exec { judge.noteRefusalOfTransaction(last.request) }
            awaited.removeLast()
            hasLeftHalf = sentBytes > (awaitedCount > 0 ? awaited[awaited.count - 1].endBytes : answeredBytes)
        }
    }

    override func hasGone() {
        world.trace.note("client, replies missing: is gone", index, awaitedCount)
        awaited.removeAll(keepingCapacity: true)
        awaitedFront = 0
        answeredBytes = 0
        hasLeftHalf = false
        speaksRESP3 = false
        seenStates.removeAll(keepingCapacity: true)
        lastWatch = -1
        missedKey = -1
    }

    func note(_ request: Int) {
        awaited.append(Awaited(request: request, endBytes: sentBytes + pending.count))
    }

    // MARK: What to ask

    func ask(count: Int) {
        for _ in 0..<count {
            let profile = world.profile
            guard ledger.requestCount < profile.requestCount else { return }
            world.hasMoved = true
            if profile.hot.keyCount > 0, world.dice.happens(profile.hot.odds) {
                askHot()
            } else if world.dice.happens(profile.transactionOdds) {
                askTransaction()
            } else if lastWatch < 0, world.dice.happens(profile.helloOdds) {
                askHello()
            } else if world.dice.happens(profile.popOdds) {
                askPop()
            } else if world.dice.happens(profile.pushOdds) {
                askOne(.push, parts: 1, transaction: -1, shard: -1)
            } else if world.dice.happens(profile.publishOdds) {
                askPublish(key: world.dice.below(min(8, shards.count)), isOnShard: world.dice.below(3) == 0)
            } else if world.dice.happens(profile.watchOdds) {
                askWatch(shard: world.dice.below(8) == 0 ? -1 : shards[world.dice.below(shards.count)])
            } else {
                askOne(transaction: -1, shard: -1)
            }
        }
    }

    static let formCount = 15

    /// One request of each form, all small.
    func ask(form: Int) {
        let kinds: [RequestKind] = [.set, .get, .increment, .append, .delete, .exists, .setMany, .getMany, .push]
        switch form {
        case 0: askHello()
        case 1...kinds.count:
            let kind = kinds[form - 1]
            let parts = kind == .getMany || kind == .setMany ? 4 : 1
            askOne(kind, parts: parts, transaction: -1, shard: -1)
        case 10: askOne(.ping, parts: 0, transaction: -1, shard: -1)
        case 11: askTransaction()
        case 12: askWatch(shard: shards[0])
        case 13: askTransaction()
        default: askPop()
        }
    }

    private func askTransaction() {
        // Some have keys on several shards and are refused.
        let mixes = !judge.expectsSuccess && world.dice.below(8) == 0
        let shard = mixes ? -1 : watchedShard ?? shards[world.dice.below(shards.count)]
        let multi = askPlain(.multi, transaction: -1)
        ledger.requests[multi].watch = lastWatch
        lastWatch = -1
        if judge.expectsSuccess {
            for kind in [RequestKind.increment, .get] { askOne(kind, parts: 1, transaction: multi, shard: shard) }
        } else {
            for _ in 0..<world.dice.between(1, 4) { askOne(transaction: multi, shard: shard) }
        }
        let isDiscarded = !judge.expectsSuccess && world.dice.below(16) == 0
        let end = askPlain(isDiscarded ? .discard : .exec, transaction: multi)
        ledger.requests[multi].memberCount = end - multi - 1
    }

    private var watchedShard: Int? {
        lastWatch < 0 ? nil : shards[ledger.parts[ledger.requests[lastWatch].firstPart].key]
    }

    /// - Parameter shard: of its keys, where none is watched yet; -1 for any.
    private func askWatch(shard: Int) {
        if lastWatch >= 0, world.dice.below(4) == 0 { return unwatch() }
        let request = ledger.requestCount
        askOne(.watch, parts: world.dice.between(1, 3), transaction: -1, shard: watchedShard ?? shard)
        ledger.requests[request].watch = lastWatch
        lastWatch = request
    }

    func unwatch() {
        guard lastWatch >= 0 else { return }
        _ = askPlain(.unwatch, transaction: -1)
        lastWatch = -1
    }

    private func askOne(transaction: Int, shard: Int) {
        if world.dice.happens(world.profile.severalKeysOdds) {
            let kinds: [RequestKind] = [.getMany, .setMany, .delete, .exists]
            let count = world.dice.between(1, Ledger.partsPerRequestMax)
            return askOne(world.dice.oneOf(kinds), parts: count, transaction: transaction, shard: shard)
        }
        let kind: RequestKind
        switch world.dice.below(16) {
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
}
