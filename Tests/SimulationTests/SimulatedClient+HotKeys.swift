// SimulatedClient+HotKeys: requests for keys that may be hot. Their names have no part's number, so that all clients
// ask for the same; a value has that of the part that writes it at its front, and DEL and RENAME have it in another
// key.
// Not here: what may be answered (Judge+HotKeys).

extension SimulatedClient {
    func askHot() {
        if missedKey >= 0, world.profile.hot.stampede.isOn, world.dice.happens(world.profile.hot.stampede.bringOdds) {
            askHotSet("SET", key: missedKey, ends: world.dice.below(2) == 0)
            missedKey = -1
        } else if world.dice.happens(world.profile.hot.writeOdds) {
            askHotWrite()
        } else if world.dice.below(8) == 0 {
            ask(.hotGetMany, keys: world.dice.between(1, 3))
        } else {
            ask(.hotGet, keys: 1)
        }
    }

    private func begin(_ kind: RequestKind, parts: Int) -> Int {
        let request = add(kind, parts: parts, transaction: -1)
        ledger.requests[request].process = process
        return request
    }

    private func ask(_ kind: RequestKind, keys: Int) {
        let request = begin(kind, parts: keys)
        appendName(kind == .hotGet ? "GET" : "MGET", arguments: keys)
        for _ in 0..<keys {
            let key = world.dice.below(world.profile.hot.keyCount)
            let part = ledger.addPart(key: key, writtenBytes: 0)
            ledger.parts[part].state = judge.history.oldest(key)
            ledger.parts[part].toldState = judge.history.newestTold(key, byProcess: process)
            pending.appendBulk(SimulatedTopic(.channel, key: key).name)
        }
        note(request)
    }

    /// Each in one of several ways, as Keyway finds the keys of each in another.
    private func askHotWrite() {
        switch world.dice.below(8) {
        case 0, 1: askHotDelete()
        case 2: askHotRename()
        case 3: askHotSet("MSET", key: world.dice.below(world.profile.hot.keyCount), ends: false)
        default: askHotSet("SET", key: world.dice.below(world.profile.hot.keyCount), ends: world.dice.below(4) == 0)
        }
    }

    private func askHotSet(_ name: StaticString, key: Int, ends: Bool) {
        let request = begin(.hotSet, parts: 1)
        let part = ledger.addPart(key: key, writtenBytes: drawSizeBytes())
        let sizeBytes = ledger.parts[part].writtenBytes
        appendName(name, arguments: ends ? 4 : 2)
        pending.appendBulk(SimulatedTopic(.channel, key: key).name)
        pending.append("$", 8 + sizeBytes)
        Ledger.writeDigits(part, count: 8, to: pending.grow(by: 8))
        pending.append(Ledger.value(of: part), count: sizeBytes)
        pending.append("\r\n")
        if ends {
            pending.append("$2\r\nPX\r\n$3\r\n")
            Ledger.writeDigits(world.dice.between(1, 400), count: 3, to: pending.grow(by: 3))
            pending.append("\r\n")
        }
        note(request)
    }

    private func askHotRename() {
        let request = begin(.hotSet, parts: 1)
        let key = world.dice.below(world.profile.hot.keyCount)
        appendName("RENAME", arguments: 2)
        append(key: key, hasValue: false)
        pending.appendBulk(SimulatedTopic(.channel, key: key).name)
        note(request)
    }

    private func askHotDelete() {
        let request = begin(.hotDelete, parts: 1)
        let key = world.dice.below(world.profile.hot.keyCount)
        appendName("DEL", arguments: 2)
        pending.appendBulk(SimulatedTopic(.channel, key: key).name)
        append(key: key, hasValue: false)
        note(request)
    }
}
